//! Options of the request metrics, through axum and real sockets.

use std::convert::Infallible;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::http::{HttpOptions, RequestHead};
use aistm7_monitoring::monitoring::Variables;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{any, get, post};
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tower_http::compression::CompressionLayer;

use crate::client::{self, Raw};
use crate::service::{Lines, builder, serve, settled, until};

fn with(options: impl FnOnce(HttpOptions) -> HttpOptions) -> Monitoring {
    builder(&Lines::default()).http(options).build().unwrap()
}

/// Sends the requests and says which routes they had.
async fn routes_of(monitoring: &Monitoring, app: Router, requests: &[(&str, &str)]) -> Vec<String> {
    let address = serve(app).await;
    for (method, path) in requests {
        let hostile =
            [("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "gopher"), ("forwarded", "host=evil")];
        client::request(address, method, path, &hostile).await;
    }
    let ends = settled(monitoring, requests.len() as u64).await;
    assert!(!monitoring.registry().render().contains("evil"));
    ends.into_keys().collect()
}

#[tokio::test]
async fn route_is_the_template_wherever_axum_knows_it() {
    let monitoring = with(|http| http);
    let users = || Router::new().route("/users/{id}", get("user"));
    let opaque = Router::new().route("/{thing}", get("thing"));
    let app = Router::new()
        .nest("/api", users().nest("/v1", users()))
        .nest_service("/opaque", opaque)
        .merge(Router::new().route("/merged/{x}", get("merged")))
        .route("/files/{*rest}", get("file"))
        .nest("/own", Router::new().route("/a", get("a")).fallback(async || "nobody"))
        .layer(monitoring.http_layer());
    let requests = [
        ("GET", "/api/users/7"),
        ("GET", "/api/v1/users/8"),
        ("GET", "/opaque/secret"),
        ("GET", "/merged/1"),
        ("GET", "/files/a/b/c"),
        ("GET", "/own/nothing"),
        ("GET", "/nothing"),
        ("POST", "/merged/1"),
        ("FOOBAR", "/merged/1"),
    ];
    assert_eq!(
        routes_of(&monitoring, app, &requests).await,
        [
            "GET /api/users/{id} 200 ok",
            "GET /api/v1/users/{id} 200 ok",
            "GET /files/{*rest} 200 ok",
            "GET /merged/{x} 200 ok",
            "GET _unmatched 200 ok",
            "GET _unmatched 404 client_error",
            "POST /merged/{x} 405 client_error",
            "_OTHER /merged/{x} 405 client_error",
        ]
    );
}

#[tokio::test]
async fn layer_sees_only_what_it_is_applied_to() {
    let monitoring = with(|http| http);
    let app = Router::new()
        .route("/before", get("a"))
        .layer(monitoring.http_layer())
        .merge(Router::new().route("/after", get("b")));
    let address = serve(app).await;
    for path in ["/after", "/nothing", "/before"] {
        client::get(address, path).await;
    }
    // Routes merged later are lost, and with them the 404s: the fallback is that of the router without the layer.
    assert_eq!(settled(&monitoring, 1).await.into_keys().collect::<Vec<_>>(), ["GET /before 200 ok"]);
}

#[tokio::test]
async fn route_layer_sees_no_404() {
    let monitoring = with(|http| http);
    let app = Router::new().route("/known", get("a")).route_layer(monitoring.http_layer());
    let address = serve(app).await;
    for path in ["/nothing", "/known"] {
        client::get(address, path).await;
    }
    assert_eq!(settled(&monitoring, 1).await.into_keys().collect::<Vec<_>>(), ["GET /known 200 ok"]);
}

#[tokio::test]
async fn route_label_names_what_axum_hides() {
    let label = |request: &RequestHead<'_>| request.uri.path().starts_with("/opaque/").then_some("/opaque/{thing}");
    let monitoring = with(|http| http.route_label(label));
    let inner = Router::new().route("/known", get("a")).nest_service("/opaque", Router::new().fallback(async || "b"));
    // Around the router, where there is no template yet.
    let app = Router::new().fallback_service(tower::Layer::layer(&monitoring.http_layer(), inner));
    assert_eq!(
        routes_of(&monitoring, app, &[("GET", "/known"), ("GET", "/opaque/7")]).await,
        ["GET /opaque/{thing} 200 ok", "GET _unmatched 200 ok"]
    );
}

#[tokio::test]
async fn environment_lists_the_known_methods() {
    let variables = |methods| Variables::from([("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", methods)]);
    let monitoring =
        builder(&Lines::default()).http(|http| http.known_methods(["GET"])).variables(variables("PURGE, QUERY"));
    let monitoring = monitoring.build().unwrap();
    let app = Router::new().route("/", any("a")).layer(monitoring.http_layer());
    assert_eq!(
        routes_of(&monitoring, app, &[("GET", "/"), ("PURGE", "/"), ("QUERY", "/")]).await,
        ["PURGE / 200 ok", "QUERY / 200 ok", "_OTHER / 200 ok"]
    );
    let refused = builder(&Lines::default()).variables(variables("GET,B AD")).build().unwrap_err();
    assert!(refused.to_string().contains("B AD"), "{refused}");
}

#[tokio::test]
async fn request_bodies_are_measured_as_they_are_read() {
    let monitoring = with(|http| http);
    let app = Router::new()
        .route("/read", post(async |body: Bytes| body.len().to_string()))
        .route("/ignored", post(async || "b"))
        .layer(monitoring.request_body_layer().unwrap())
        .layer(monitoring.http_layer());
    let address = serve(app).await;
    for (path, headers, body) in [
        ("/read", "content-length: 5", "hello"),
        ("/read", "transfer-encoding: chunked", "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
        ("/read", "content-length: 0", ""),
        ("/ignored", "content-length: 5", "hello"),
    ] {
        let mut raw = Raw::connect(address).await.unwrap();
        raw.send(format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n\r\n{body}")).await;
        assert!(String::from_utf8(raw.read_to_end().await).unwrap().starts_with("HTTP/1.1 200"));
    }
    settled(&monitoring, 4).await;
    let page = until("all four samples", || {
        let page = monitoring.registry().render();
        (monitoring.registry().snapshot().sum("api_request_body_bytes", &[]) == Some(4.0)).then_some(page)
    });
    let page = page.await;
    for line in [
        "api_request_body_bytes_count{method=\"POST\",route=\"/read\"} 3\n",
        "api_request_body_bytes_sum{method=\"POST\",route=\"/read\"} 12\n",
        "api_request_body_bytes_sum{method=\"POST\",route=\"/ignored\"} 0\n",
    ] {
        assert!(page.contains(line), "{line} in\n{page}");
    }
}

/// Outermost, the layer counts what is sent; inside of a compression layer, what the handler made.
#[tokio::test]
async fn response_bytes_are_those_at_the_place_of_the_layer() {
    const TEXT: &str = "compress me, ";
    let app = || Router::new().route("/", get(TEXT.repeat(1000)));
    let bytes = async |build: fn(Router, &Monitoring) -> Router| {
        let monitoring = with(HttpOptions::response_body_bytes);
        let address = serve(build(app(), &monitoring)).await;
        let answer = client::request(address, "GET", "/", &[("accept-encoding", "gzip")]).await;
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
        settled(&monitoring, 1).await;
        let histogram = monitoring.registry().snapshot().histogram("api_response_body_bytes", &[]).unwrap();
        (histogram.sum, answer.body.len())
    };
    let (outermost, sent) = bytes(|app, our| app.layer(CompressionLayer::new()).layer(our.http_layer())).await;
    let (inside, _) = bytes(|app, our| app.layer(our.http_layer()).layer(CompressionLayer::new())).await;
    assert_eq!((outermost, inside), (sent as f64, (TEXT.len() * 1000) as f64));
    assert!(sent < TEXT.len() * 1000);
}

#[tokio::test]
async fn grpc_status_is_read_behind_the_body() {
    async fn answer(axum::extract::Path((kind, status)): axum::extract::Path<(String, String)>) -> Response {
        let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), status.parse().unwrap())]);
        let frames = [Frame::data(Bytes::from("hello")), Frame::trailers(trailers)];
        let body = Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>))));
        Response::builder().header("content-type", format!("application/{kind}")).body(body).unwrap()
    }
    /// What fails at once has its status in the head, and no body.
    async fn fail_at_once() -> Response {
        let head = Response::builder().header("content-type", "application/grpc").header("grpc-status", "14");
        head.body(Body::empty()).unwrap()
    }
    async fn end_without_a_status() -> Response {
        Response::builder().header("content-type", "application/grpc").body(Body::from("hello")).unwrap()
    }
    let monitoring = with(|http| http.grpc());
    let app = Router::new()
        .route("/{kind}/{status}", post(answer))
        .route("/fails", post(fail_at_once))
        .route("/ends", post(end_without_a_status))
        .layer(monitoring.http_layer());
    let address = serve(app).await;
    let mut http2 = client::Http2::connect(address).await;
    for path in ["/grpc/0", "/grpc/13", "/grpc+proto/5", "/json/13", "/fails", "/ends"] {
        let response = client::within(http2.sender.send_request(client::http2_request("POST", path))).await.unwrap();
        http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    }
    settled(&monitoring, 6).await;
    let snapshot = monitoring.registry().snapshot();
    let of_route =
        |route, status| snapshot.value("api_grpc_requests_total", &[("route", route), ("grpc_status", status)]);
    assert_eq!(of_route("/fails", "UNAVAILABLE"), Some(1.0));
    assert_eq!(of_route("/ends", "none"), Some(1.0));
    let of = |status| of_route("/{kind}/{status}", status);
    assert_eq!(["OK", "INTERNAL", "NOT_FOUND", "none"].map(of), [Some(1.0), Some(1.0), Some(1.0), None]);
    assert_eq!(snapshot.sum("api_errors_total", &[]), Some(2.0), "INTERNAL and UNAVAILABLE are the server's");
}
