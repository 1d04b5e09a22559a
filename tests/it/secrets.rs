//! Secrets that the crate is given do not come out: not in lines, labels, health bodies or errors.

use aistm7_monitoring::health::{CheckFailure, CheckOptions, CheckReport, View, check_fn};
use axum::Router;
use axum::extract::Request;
use axum::routing::get;

use crate::client;
use crate::service::{Lines, all_lines, builder, log_here, serve, settled, until};

const SECRET: &str = "hunter2";

#[tokio::test]
async fn failing_checks_tell_their_reason_and_no_credential_anywhere() {
    let refused = check_fn(async || {
        let source = std::io::Error::other("no route to redis://:hunter2@cache:6379/0?token=hunter2");
        let message = "cannot reach postgres://app:hunter2@db:5432/trading?password=hunter2";
        Err::<CheckReport, _>(CheckFailure::new("unreachable", message).with_source(source))
    });
    let degraded = check_fn(async || {
        let report = CheckReport::degraded("slow", "asked https://hunter2@rpc.example.com/hunter2?api-key=hunter2");
        Ok(report.with_data("api_key", SECRET).with_data("url", "https://rpc.example.com/?api-key=hunter2"))
    });
    let lines = Lines::default();
    let monitoring = builder(&lines)
        .check_with("database", refused, CheckOptions::new().failure_threshold(1))
        .check("rpc", degraded)
        .build()
        .unwrap();
    until("first results", || monitoring.health().report().is_started().then_some(())).await;

    let health = monitoring.health();
    let details = health.details().body;
    // What helps an operator is still there.
    for kept in ["unreachable", "postgres://db:5432", "redis://cache:6379", "https://rpc.example.com", "[redacted]"] {
        assert!(details.contains(kept), "{kept} in {details}");
    }
    let answers = [
        details,
        health.summary().body,
        health.check_view("database", View::details()).unwrap().body,
        health.check_view("rpc", View::details()).unwrap().body,
        format!("{:?}", health.report()),
        monitoring.registry().render(),
    ];
    all_lines(&monitoring, &lines).await;
    let log = String::from_utf8(lines.bytes()).unwrap();
    for answer in answers.iter().chain([&log]) {
        assert!(!answer.contains(SECRET), "{answer}");
    }
}

#[tokio::test]
async fn fields_that_are_called_like_secrets_are_redacted_in_lines() {
    let lines = Lines::default();
    let monitoring = builder(&lines).build().unwrap();
    {
        let _subscriber = log_here(&monitoring);
        let span = tracing::info_span!("login", client_secret = SECRET, attempt = 1);
        let _entered = span.enter();
        tracing::info!(
            password = SECRET,
            api_key = %SECRET,
            authorization = ?format!("Bearer {SECRET}"),
            access_token = Some(SECRET),
            sessionToken = SECRET,
            user = "user123",
            "logged in"
        );
    }
    let read = all_lines(&monitoring, &lines).await;
    let log = String::from_utf8(lines.bytes()).unwrap();
    assert!(!log.contains(SECRET), "{log}");
    let details = &read[0]["details"];
    assert_eq!((&details["user"], &details["password"]), (&"user123".into(), &"[redacted]".into()), "{details}");
}

#[tokio::test]
async fn credentials_of_a_request_reach_neither_lines_nor_metrics() {
    let lines = Lines::default();
    let monitoring = builder(&lines).build().unwrap();
    let _subscriber = log_here(&monitoring);
    let handler = async |request: Request| {
        tracing::info!(has_key = request.headers().contains_key("authorization"), "asked");
    };
    let app = Router::new().route("/accounts/{id}", get(handler)).layer(monitoring.http_layer());
    let address = serve(app).await;
    let headers = [("authorization", "Bearer hunter2"), ("cookie", "session=hunter2")];
    for path in ["/accounts/hunter2?token=hunter2", "/hunter2"] {
        client::request(address, "GET", path, &headers).await;
    }
    settled(&monitoring, 2).await;
    let metrics = monitoring.registry().render();
    all_lines(&monitoring, &lines).await;
    let log = String::from_utf8(lines.bytes()).unwrap();
    assert!(log.contains("\"has_key\":true") && !log.contains(SECRET), "{log}");
    assert!(metrics.contains("/accounts/{id}") && !metrics.contains(SECRET), "{metrics}");
}
