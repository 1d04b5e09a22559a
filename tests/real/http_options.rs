//! Everything that can be asked for of requests, before Prometheus's own judge.

use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::http::{HttpOptions, UrlScheme};
use aistm7_monitoring::monitoring::Variables;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::support::promtool;

#[tokio::test]
#[ignore = "needs promtool; run by tests/run"]
async fn promtool_accepts_all_measures_under_either_names() {
    let ours = page_of(|http| http, "").await;
    let theirs = page_of(|http| http.open_telemetry(UrlScheme::Https), "http_").await;
    for (page, families) in [
        (ours, ["api_response_time_seconds", "api_response_body_bytes", "api_request_body_bytes"]),
        (
            theirs,
            [
                "http_server_request_duration_seconds",
                "http_server_response_body_size_bytes",
                "http_server_request_body_size_bytes",
            ],
        ),
    ] {
        for family in families {
            assert!(page.contains(&format!("\n{family}_count{{")), "{family} in\n{page}");
        }
        promtool::check_metrics(&page).expect("promtool finds no fault");
    }
}

/// What is shown after an answered request and one that no route matched.
async fn page_of(naming: impl FnOnce(HttpOptions) -> HttpOptions, prefix: &str) -> String {
    let monitoring = Monitoring::builder("under-test")
        .environment("test")
        .variables(Variables::from([]))
        .http(|http| {
            let http = http.grpc().response_complete().response_body_bytes().objective("/", Duration::from_millis(330));
            naming(http.request_label("tier", ["free"], |request| request.headers.get("x-tier")?.to_str().ok()))
        })
        .build()
        .expect("valid settings");
    let app = Router::new()
        .route("/", post(async |body: String| body))
        .layer(monitoring.request_body_layer().expect("a fresh name"))
        .layer(monitoring.http_layer());
    for (path, status) in [("/", StatusCode::OK), ("/nothing", StatusCode::NOT_FOUND)] {
        let request = Request::post(path).header("x-tier", "free").body(Body::from("hello")).expect("a valid request");
        let response = app.clone().oneshot(request).await.expect("a router does not fail");
        assert_eq!(response.status(), status);
        response.into_body().collect().await.expect("a body without errors");
    }
    let page = monitoring.registry().render();
    assert!(page.contains("tier=\"free\"") && page.contains(&format!("{prefix}route=\"/\"")));
    page
}
