//! Every request ends once, in exactly one outcome, however it ends: through real hyper, read from the metrics.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::panic::panic_any;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::error_handling::HandleErrorLayer;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::serve::Listener as _;
use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::net::TcpListener;
use tower::util::BoxCloneService;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::client::{self, Http2, Raw, WEBSOCKET_REQUEST, http2_request, within};
use crate::service::{assert_balanced, ends, monitoring, serve, settled, until};

/// A body that begins and never ends.
fn endless() -> Body {
    Body::from_stream(stream::iter([Ok::<_, Infallible>("begin")]).chain(stream::pending()))
}

fn events() -> Body {
    Body::from_stream(stream::iter([Ok::<_, Infallible>("data: begin\n\n")]).chain(stream::pending()))
}

/// Parts that are not all there at once, so that each is a frame and a write of its own.
fn slowly<E>(parts: Vec<Result<&'static str, E>>) -> Body
where
    E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
{
    Body::from_stream(stream::iter(parts).then(async |part| {
        tokio::task::yield_now().await;
        part
    }))
}

fn with_trailers() -> Body {
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "5".parse().unwrap())]);
    let frames = [Frame::data(Bytes::from("hello")), Frame::trailers(trailers)];
    Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>))))
}

async fn upgrade(upgrade: axum::extract::ws::WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |_| {})
}

/// A service that ends requests in every way.
pub(crate) fn app() -> Router {
    Router::new()
        .route("/fixed", get("hello"))
        .route("/empty", get(()))
        .route("/no-content", get((StatusCode::NO_CONTENT, "not sent")))
        .route("/not-modified", get((StatusCode::NOT_MODIFIED, "not sent")))
        .route("/error", get((StatusCode::INTERNAL_SERVER_ERROR, "sorry")))
        .route("/odd-status", get((StatusCode::from_u16(799).unwrap(), "odd")))
        .route("/with-length", get(async || ([("content-length", "10")], slowly::<Infallible>(vec![Ok("begin"); 2]))))
        .route("/nothing-announced", get(async || ([("content-length", "0")], slowly::<Infallible>(vec![]))))
        .route("/cut-with-length", get(async || ([("content-length", "10")], endless())))
        .route("/chunked", get(async || slowly::<Infallible>(vec![Ok("begin"); 2])))
        .route("/endless", get(async || endless()))
        .route("/trailers", get(async || ([("trailer", "x-sum")], with_trailers())))
        .route("/failing", get(async || slowly(vec![Ok("begin"), Err("no more")])))
        .route("/events", get(async || ([("content-type", "text/event-stream")], events())))
        .route("/hangs", get(pending::<()>))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_millis(50)).await))
        .route("/echo", post(async |body: Bytes| body))
        .route("/ws", any(upgrade))
        .route_service("/panics-in-call", service_fn(panics_in_call))
        .route("/panics-at-once", get(panics_at_once))
        .route("/panics-later", get(panics_later))
        .route("/panics-in-body", get(panics_in_body))
}

fn panics_in_call(_: Request<Body>) -> std::future::Ready<Result<Response, Infallible>> {
    panic!("in the call, as the test wants")
}

async fn panics_at_once() {
    panic_any("in the future, as the test wants");
}

async fn panics_later() {
    tokio::task::yield_now().await;
    panic_any("in the future, later, as the test wants");
}

async fn panics_in_body() -> Body {
    Body::from_stream(stream::iter([0, 1]).then(async |part| {
        tokio::task::yield_now().await;
        assert_eq!(part, 0, "in the body, as the test wants");
        Ok::<_, Infallible>("begin")
    }))
}

/// What a client does with its request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Client {
    /// Reads until the server closes.
    Reads,
    /// Leaves once what it reads ends so; at once if that is nothing.
    LeavesAfter(&'static str),
}

use Client::{LeavesAfter, Reads};

/// What a client sends and does, and how the request ends then.
type Case = (&'static str, Client, &'static str);

/// Runs each case against `app`, measured as a service of its own.
async fn check(app: impl Fn(&Monitoring) -> Router, cases: &[Case]) {
    for &(request, client, end) in cases {
        let monitoring = monitoring();
        let address = serve(app(&monitoring)).await;
        over_http1(&monitoring, address, request, client).await;
        let ends = settled(&monitoring, 1).await;
        assert_eq!(ends.into_keys().collect::<Vec<_>>(), [end], "HTTP/1.1: {request}, {client:?}");
    }
}

/// The same over HTTP/2, where leaving is RST_STREAM and the connection stays.
async fn check_http2(app: impl Fn(&Monitoring) -> Router, cases: &[Case]) {
    let monitoring = monitoring();
    let address = serve(app(&monitoring)).await;
    let mut client = Http2::connect(address).await;
    for (asked, &(request, does, end)) in (0..).zip(cases) {
        let before = settled(&monitoring, asked).await;
        let (method, path) = request.split_once(' ').unwrap();
        let answer = client.sender.send_request(http2_request(method, path));
        match does {
            Reads => {
                if let Ok(response) = within(answer).await {
                    let _ = within(response.into_body().collect()).await;
                }
            }
            LeavesAfter("") => {
                let waits = tokio::spawn(answer);
                in_flight(&monitoring).await;
                waits.abort();
            }
            LeavesAfter(_) => {
                let mut body = within(answer).await.unwrap().into_body();
                within(body.frame()).await.unwrap().unwrap();
            }
        }
        let mut after = settled(&monitoring, asked + 1).await;
        after.retain(|key, count| before.get(key) != Some(count));
        assert_eq!(after.into_keys().collect::<Vec<_>>(), [end], "HTTP/2: {request}, {does:?}");
    }
}

/// Both over HTTP/1.1 and HTTP/2.
async fn check_each(app: impl Fn(&Monitoring) -> Router, cases: &[Case]) {
    check(&app, cases).await;
    check_http2(&app, cases).await;
}

fn measured(monitoring: &Monitoring) -> Router {
    app().layer(monitoring.http_layer())
}

async fn over_http1(monitoring: &Monitoring, address: SocketAddr, request: &str, client: Client) {
    let mut raw = Raw::connect(address).await.unwrap();
    raw.send(format!("{request} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nte: trailers\r\n\r\n")).await;
    match client {
        Reads => drop(raw.read_to_end().await),
        LeavesAfter("") => in_flight(monitoring).await,
        LeavesAfter(end) => drop(raw.read_until(end).await),
    }
}

async fn in_flight(monitoring: &Monitoring) {
    until("a request in flight", || {
        let snapshot = monitoring.registry().snapshot();
        assert_balanced(&snapshot);
        snapshot.sum("api_in_flight_requests", &[]).filter(|count| *count == 1.0)
    })
    .await;
}

#[tokio::test]
async fn responses_sent_in_full_end_by_their_status() {
    let cases = [
        ("GET /fixed", Reads, "GET /fixed 200 ok"),
        ("HEAD /fixed", Reads, "HEAD /fixed 200 ok"),
        ("GET /empty", Reads, "GET /empty 200 ok"),
        ("GET /no-content", Reads, "GET /no-content 204 ok"),
        ("GET /not-modified", Reads, "GET /not-modified 304 ok"),
        ("GET /error", Reads, "GET /error 500 server_error"),
        ("GET /odd-status", Reads, "GET /odd-status 799 server_error"),
        ("GET /with-length", Reads, "GET /with-length 200 ok"),
        ("HEAD /with-length", Reads, "HEAD /with-length 200 ok"),
        ("GET /nothing-announced", Reads, "GET /nothing-announced 200 ok"),
        ("GET /chunked", Reads, "GET /chunked 200 ok"),
        ("HEAD /chunked", Reads, "HEAD /chunked 200 ok"),
        ("HEAD /endless", Reads, "HEAD /endless 200 ok"),
        ("GET /trailers", Reads, "GET /trailers 200 ok"),
        ("POST /echo", Reads, "POST /echo 200 ok"),
    ];
    check_each(measured, &cases).await;
}

#[tokio::test]
async fn clients_that_leave_cancel_before_the_head_and_abort_in_the_body() {
    let cases = [
        ("GET /hangs", LeavesAfter(""), "GET /hangs none cancelled"),
        ("GET /cut-with-length", LeavesAfter("begin"), "GET /cut-with-length 200 aborted"),
        ("GET /endless", LeavesAfter("begin\r\n"), "GET /endless 200 aborted"),
    ];
    check_each(measured, &cases).await;
}

#[tokio::test]
async fn lost_connection_ends_each_of_its_streams() {
    let monitoring = monitoring();
    let address = serve(measured(&monitoring)).await;
    let mut client = Http2::connect(address).await;
    let waiting = tokio::spawn(client.sender.send_request(http2_request("GET", "/hangs")));
    let open = within(client.sender.send_request(http2_request("GET", "/endless"))).await.unwrap();
    until("two requests in flight", || {
        monitoring.registry().snapshot().sum("api_in_flight_requests", &[]).filter(|count| *count == 2.0)
    })
    .await;
    client.lose();
    let ends = settled(&monitoring, 2).await;
    assert_eq!(ends.into_keys().collect::<Vec<_>>(), ["GET /endless 200 aborted", "GET /hangs none cancelled"]);
    assert!(within(waiting).await.unwrap().is_err() && within(open.into_body().collect()).await.is_err());
}

#[tokio::test]
async fn bodies_that_fail_are_not_called_aborted() {
    let cases = [("GET /failing", Reads, "GET /failing 200 body_failed")];
    check_each(measured, &cases).await;
}

#[tokio::test]
async fn panics_are_told_from_clients_that_leave() {
    let cases = [
        ("GET /panics-in-call", Reads, "GET /panics-in-call none panicked"),
        ("GET /panics-at-once", Reads, "GET /panics-at-once none panicked"),
        ("GET /panics-later", Reads, "GET /panics-later none panicked"),
        ("GET /panics-in-body", Reads, "GET /panics-in-body 200 panicked"),
    ];
    check_each(measured, &cases).await;
}

#[tokio::test]
async fn caught_panics_are_500s_inside_of_the_layer_and_panics_outside() {
    let inside = |monitoring: &Monitoring| app().layer(CatchPanicLayer::new()).layer(monitoring.http_layer());
    let outside = |monitoring: &Monitoring| app().layer(monitoring.http_layer()).layer(CatchPanicLayer::new());
    let inside_cases = [
        ("GET /panics-in-call", Reads, "GET /panics-in-call 500 server_error"),
        ("GET /panics-later", Reads, "GET /panics-later 500 server_error"),
        // Nothing catches a panic after the head.
        ("GET /panics-in-body", Reads, "GET /panics-in-body 200 panicked"),
    ];
    let outside_cases = [
        ("GET /panics-in-call", Reads, "GET /panics-in-call none panicked"),
        ("GET /panics-later", Reads, "GET /panics-later none panicked"),
        ("GET /panics-in-body", Reads, "GET /panics-in-body 200 panicked"),
    ];
    check_each(inside, &inside_cases).await;
    check_each(outside, &outside_cases).await;
}

#[tokio::test]
async fn timeouts_are_answers_inside_of_the_layer_and_cancellations_outside() {
    let limit = || TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(10));
    let inside = |monitoring: &Monitoring| app().layer(limit()).layer(monitoring.http_layer());
    let outside = |monitoring: &Monitoring| app().layer(monitoring.http_layer()).layer(limit());
    check_each(inside, &[("GET /hangs", Reads, "GET /hangs 408 client_error")]).await;
    check_each(outside, &[("GET /hangs", Reads, "GET /hangs none cancelled")]).await;
}

/// What a load-shed layer answers outside of the measuring one never comes to it; inside, it is an answer like any other.
#[tokio::test]
async fn shed_requests_are_counted_inside_of_the_layer_and_not_at_all_outside() {
    let shed_layer = || {
        ServiceBuilder::new()
            .layer(HandleErrorLayer::new(async |_: BoxError| StatusCode::SERVICE_UNAVAILABLE))
            .load_shed()
            .concurrency_limit(1)
    };
    for (is_outside, expected) in [(true, [1.0, 0.0]), (false, [2.0, 1.0])] {
        let monitoring = monitoring();
        let hanging = service_fn(async |_: Request<Body>| pending::<Result<Response, Infallible>>().await);
        let mut service = if is_outside {
            let measured = monitoring.http_layer().layer(hanging);
            BoxCloneService::new(shed_layer().service(measured).map_response(|response| response.map(Body::new)))
        } else {
            let shed = shed_layer().service(hanging);
            BoxCloneService::new(monitoring.http_layer().layer(shed).map_response(|response| response.map(Body::new)))
        };
        let mut ask = || service.ready().now_or_never().expect("it sheds").unwrap().call(Request::new(Body::empty()));
        let mut hangs = Box::pin(ask());
        assert!((&mut hangs).now_or_never().is_none());
        let shed = ask().now_or_never().expect("shed at once").unwrap();
        assert_eq!(shed.status(), StatusCode::SERVICE_UNAVAILABLE);
        drop(shed);
        let snapshot = monitoring.registry().snapshot();
        let of = |name, labels: &[(&str, &str)]| snapshot.sum(name, labels).unwrap_or_default();
        let counted = [of("api_requests_started_total", &[]), of("api_requests_total", &[("status", "503")])];
        assert_eq!(counted, expected, "outside: {is_outside}");
    }
}

#[tokio::test]
async fn layer_applied_twice_counts_once() {
    let both = |monitoring: &Monitoring| app().layer(monitoring.http_layer()).layer(monitoring.http_layer());
    let metrics_outside =
        |monitoring: &Monitoring| app().layer(monitoring.http_layer()).layer(monitoring.http_metrics_layer());
    let metrics_inside =
        |monitoring: &Monitoring| app().layer(monitoring.http_metrics_layer()).layer(monitoring.http_layer());
    let cases = [
        ("GET /fixed", Reads, "GET /fixed 200 ok"),
        ("GET /nowhere", Reads, "GET _unmatched 404 client_error"),
        ("GET /panics-later", Reads, "GET /panics-later none panicked"),
        ("GET /endless", LeavesAfter("begin\r\n"), "GET /endless 200 aborted"),
    ];
    check_each(both, &cases).await;
    check_each(metrics_outside, &cases).await;
    check_each(metrics_inside, &cases).await;
}

#[tokio::test]
async fn upgrade_ends_its_request_and_stays_out_of_the_latency() {
    let monitoring = monitoring();
    let address = serve(measured(&monitoring)).await;
    let mut raw = Raw::connect(address).await.unwrap();
    raw.send(WEBSOCKET_REQUEST).await;
    raw.read_until("\r\n\r\n").await;
    let ends = settled(&monitoring, 1).await;
    assert_eq!(ends.into_keys().collect::<Vec<_>>(), ["GET /ws 101 upgraded"]);
    let head = monitoring.registry().snapshot().sum("api_response_time_seconds", &[("route", "/ws")]);
    assert_eq!(head.unwrap_or_default(), 0.0);
}

/// Over HTTP/2 it is a tunnel, answered with 200.
#[tokio::test]
async fn upgrade_over_http2_ends_its_request_and_stays_out_of_the_latency() {
    let monitoring = monitoring();
    let address = serve(measured(&monitoring)).await;
    let mut client = Http2::connect(address).await;
    // With its first answer the server has said that it takes such requests.
    let first = within(client.sender.send_request(http2_request("GET", "/fixed"))).await.unwrap();
    within(first.into_body().collect()).await.unwrap();
    let mut request = http2_request("CONNECT", "/ws");
    request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    request.headers_mut().insert("sec-websocket-version", "13".parse().unwrap());
    let response = within(client.sender.send_request(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let ends = settled(&monitoring, 2).await;
    assert_eq!(ends.into_keys().collect::<Vec<_>>(), ["CONNECT /ws 200 upgraded", "GET /fixed 200 ok"]);
    let head = monitoring.registry().snapshot().sum("api_response_time_seconds", &[("route", "/ws")]);
    assert_eq!(head.unwrap_or_default(), 0.0);
}

#[tokio::test]
async fn open_event_stream_is_in_flight_and_stays_out_of_the_latency() {
    let monitoring = monitoring();
    let address = serve(measured(&monitoring)).await;
    let mut raw = Raw::requesting(address, "GET", "/events").await;
    raw.read_until("data: begin\n\n\r\n").await;
    in_flight(&monitoring).await;
    let open = || monitoring.registry().snapshot().sum("api_active_streams", &[("route", "/events")]);
    assert_eq!(open(), Some(1.0));
    drop(raw);
    let ends = settled(&monitoring, 1).await;
    assert_eq!(ends.into_keys().collect::<Vec<_>>(), ["GET /events 200 aborted"]);
    assert_eq!(open(), Some(0.0));
    let head = monitoring.registry().snapshot().sum("api_response_time_seconds", &[("route", "/events")]);
    assert_eq!(head.unwrap_or_default(), 0.0);
}

#[tokio::test]
async fn requests_on_one_connection_are_counted_each() {
    let monitoring = monitoring();
    let address = serve(measured(&monitoring)).await;
    let mut raw = Raw::connect(address).await.unwrap();
    for end in ["hello", "hello", "HTTP/1.1 404 Not Found"] {
        let path = if end == "hello" { "/fixed" } else { "/nowhere" };
        raw.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
        let end = if end == "hello" { end } else { "\r\n\r\n" };
        raw.read_until(end).await;
    }
    // The client leaves between two requests, which is nobody's end.
    drop(raw);
    let ends = settled(&monitoring, 3).await;
    let shown: Vec<_> = ends.into_iter().collect();
    assert_eq!(shown, [("GET /fixed 200 ok".into(), 2), ("GET _unmatched 404 client_error".into(), 1)]);
}

#[tokio::test]
async fn routes_are_templates_however_the_router_is_put_together() {
    let leaf = || Router::new().route("/users/{id}", get("a user")).route("/files/{*rest}", get("a file"));
    let app = |monitoring: &Monitoring| {
        Router::new()
            .nest("/once", leaf())
            .nest("/one", Router::new().nest("/two/{tenant}", leaf()))
            .merge(leaf())
            .nest("/with-fallback", leaf().fallback(|| async { (StatusCode::IM_A_TEAPOT, "no such thing here") }))
            .nest_service("/service", leaf())
            .nest("/inner-layer", leaf().layer(monitoring.http_layer()))
            .fallback(|| async { (StatusCode::NOT_FOUND, "nothing") })
            .layer(monitoring.http_layer())
    };
    check(
        app,
        &[
            ("GET /once/users/1", Reads, "GET /once/users/{id} 200 ok"),
            ("GET /one/two/3/users/1", Reads, "GET /one/two/{tenant}/users/{id} 200 ok"),
            ("GET /users/1", Reads, "GET /users/{id} 200 ok"),
            ("GET /files/a/b/c", Reads, "GET /files/{*rest} 200 ok"),
            ("GET /once/files/a", Reads, "GET /once/files/{*rest} 200 ok"),
            ("GET /nowhere", Reads, "GET _unmatched 404 client_error"),
            ("GET /with-fallback/nowhere", Reads, "GET _unmatched 418 client_error"),
            // The template of a nested service is its own business; its path never becomes a label.
            ("GET /service/users/1", Reads, "GET _unmatched 200 ok"),
            // Measured twice, counted once.
            ("GET /inner-layer/users/1", Reads, "GET /inner-layer/users/{id} 200 ok"),
            ("POST /users/1", Reads, "POST /users/{id} 405 client_error"),
            ("ABSURD /users/1", Reads, "_OTHER /users/{id} 405 client_error"),
            ("get /users/1", Reads, "_OTHER /users/{id} 405 client_error"),
        ],
    )
    .await;
}

#[tokio::test]
async fn route_layer_leaves_out_what_matched_no_route() {
    let monitoring = monitoring();
    let address = serve(app().route_layer(monitoring.http_layer())).await;
    for path in ["/nowhere", "/fixed"] {
        client::get(address, path).await;
    }
    let ends = settled(&monitoring, 1).await;
    assert_eq!(ends.into_keys().collect::<Vec<_>>(), ["GET /fixed 200 ok"]);
}

#[tokio::test]
async fn layers_applied_anew_for_each_connection_make_no_new_series() {
    let monitoring = monitoring();
    let address = serve(measured(&monitoring)).await;
    let series = || monitoring.registry().snapshot().sum("monitoring_series", &[]).unwrap();
    client::get(address, "/fixed").await;
    settled(&monitoring, 1).await;
    let after_one = series();
    for _ in 0..20 {
        client::get(address, "/fixed").await;
    }
    assert_eq!(settled(&monitoring, 21).await.into_values().collect::<Vec<_>>(), [21]);
    assert_eq!(series(), after_one);
}

#[tokio::test]
async fn storm_of_every_ending_leaves_the_account_balanced() {
    const PATHS: [&str; 8] =
        ["/fixed", "/slow", "/hangs", "/endless", "/failing", "/panics-later", "/panics-in-body", "/nowhere"];
    const CLIENTS: u64 = 200;
    let monitoring = monitoring();
    let listener = monitoring.listener(TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    let app = measured(&monitoring);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut random = fastrand::Rng::with_seed(7);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (path, patience) = (random.choice(PATHS).unwrap(), random.u64(1..40));
            tokio::spawn(async move {
                let raw = Raw::requesting(address, "GET", path).await;
                let _ = tokio::time::timeout(Duration::from_millis(patience), raw.read_to_end()).await;
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
        assert_never_negative(&monitoring);
    }
    let snapshot = until("the end of every connection", || {
        let snapshot = monitoring.registry().snapshot();
        (snapshot.sum("api_connections_total", &[]) == Some(CLIENTS as f64)).then_some(snapshot)
    })
    .await;
    assert_eq!(snapshot.sum("api_in_flight_requests", &[]), Some(0.0));
    assert_balanced(&snapshot);
    let ends = ends(&snapshot);
    // A client may leave before its request has reached the service.
    assert!((CLIENTS / 2..=CLIENTS).contains(&ends.values().sum()) && ends.len() >= 5, "{ends:?}");
}

/// In flight is derived from two counts, and reading them apart must not show it below zero.
fn assert_never_negative(monitoring: &Monitoring) {
    let snapshot = monitoring.registry().snapshot();
    let Some(family) = snapshot.family("api_in_flight_requests") else { return };
    assert!(family.series.iter().all(|series| series.value.as_f64() >= 0.0));
}

#[tokio::test]
async fn success_ratio_has_both_its_counters_from_the_first_request() {
    let monitoring = monitoring();
    let address = serve(measured(&monitoring)).await;
    client::get(address, "/fixed").await;
    let snapshot = monitoring.registry().snapshot();
    let labels = [("method", "GET"), ("route", "/fixed"), ("status", "500"), ("outcome", "server_error")];
    for family in ["api_requests_total", "api_errors_total"] {
        assert_eq!(snapshot.value(family, &labels), Some(0.0), "{family}");
    }
}
