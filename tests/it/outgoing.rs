//! Calls to other services over real sockets: the trace goes along, and each call is measured once.

use std::net::SocketAddr;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::http::client::PeerClient;
use aistm7_monitoring::trace::TraceContext;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, Version};
use axum::response::Redirect;
use axum::routing::get;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower::timeout::TimeoutLayer;
use tower::timeout::error::Elapsed;
use tower::{Layer, Service, ServiceExt};

use crate::client::{self, within};
use crate::service::{monitoring, serve, until};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "00f067aa0ba902b7";

type Hyper = Client<HttpConnector, Body>;

fn hyper(version: Version) -> Hyper {
    Client::builder(TokioExecutor::new()).http2_only(version == Version::HTTP_2).build_http()
}

/// A service that says which headers it got, one a line and sorted.
async fn echo_of_headers(monitoring: &Monitoring) -> SocketAddr {
    let says = async |headers: HeaderMap| {
        let shown = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let mut lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {}\n", shown(value))).collect();
        lines.sort();
        lines.concat()
    };
    let app = Router::new()
        .route("/", get(says))
        .route("/moved", get(async || Redirect::temporary("/missing")))
        .route("/broken", get(async || StatusCode::BAD_GATEWAY));
    serve(app.layer(monitoring.http_layer())).await
}

/// A port at which nobody listens.
async fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// A server that accepts and never answers, until the value is dropped.
async fn mute() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn request(address: SocketAddr, path: &str, headers: &[(&str, &[u8])]) -> Request<Body> {
    let request = Request::get(format!("http://{address}{path}"));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(Body::empty()).unwrap()
}

async fn ask(client: &PeerClient<Hyper>, request: Request<Body>) -> String {
    let response = within(client.clone().oneshot(request)).await.unwrap();
    let body = within(response.into_body().collect()).await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// What a call carried of the trace, by the account of the service that got it.
fn trace_lines(echo: &str) -> Vec<&str> {
    let names = ["traceparent: ", "tracestate: ", "x-request-id: "];
    echo.lines().filter(|line| names.iter().any(|name| line.starts_with(name))).collect()
}

/// How the calls of a peer ended: method, class and outcome, with how many.
fn ends(monitoring: &Monitoring, peer: &str) -> Vec<(String, u64)> {
    let snapshot = monitoring.registry().snapshot();
    let Some(family) = snapshot.family("client_request_duration_seconds") else { return Vec::new() };
    let of_peer = family.series.iter().filter_map(|series| {
        let pairs = series.pairs();
        let label = |name| pairs.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
        let count = series.value.as_f64() as u64;
        let key = ["method", "status_class", "outcome"].map(label).join(" ");
        (label("peer") == peer && count > 0).then_some((key, count))
    });
    let mut ends: Vec<_> = of_peer.collect();
    ends.sort();
    ends
}

fn one(end: &str) -> Vec<(String, u64)> {
    vec![(end.to_owned(), 1)]
}

#[tokio::test]
async fn trace_of_a_request_is_continued_by_the_service_that_its_handler_calls() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let (gateway, prices) = (monitoring(), monitoring());
        let called = echo_of_headers(&prices).await;
        let client = gateway.client("prices").layer(hyper(version));
        let handler = async move || {
            tokio::task::yield_now().await;
            ask(&client, request(called, "/", &[])).await
        };
        let address = serve(Router::new().route("/", get(handler)).layer(gateway.http_layer())).await;
        let traceparent = format!("00-{TRACE_ID}-{PARENT_ID}-01");
        let sent = [("traceparent", traceparent.as_str()), ("tracestate", "a=1,b=2"), ("x-request-id", "req-7")];
        let answer = client::request(address, "GET", "/", &sent).await;

        let carried = trace_lines(answer.text());
        let [parent, state, id] = carried[..] else { panic!("not one of each: {carried:?}") };
        assert_eq!((state, id), ("tracestate: a=1,b=2", "x-request-id: req-7"));
        let (trace_id, span_id) = (&parent[16..48], &parent[49..65]);
        assert_eq!((trace_id, &parent[65..]), (TRACE_ID, "-01"));
        let gateways_own = &answer.header("traceresponse").unwrap()[36..52];
        assert!(span_id != PARENT_ID && span_id != gateways_own, "{parent} of {gateways_own}");
        assert_eq!(ends(&gateway, "prices"), one("GET 2xx ok"));
        assert_eq!(ends(&prices, "prices"), []);
    }
}

#[tokio::test]
async fn nothing_hostile_of_a_request_goes_on_and_what_a_caller_sets_is_kept() {
    let (gateway, prices) = (monitoring(), monitoring());
    let called = echo_of_headers(&prices).await;
    let client = gateway.client("prices").layer(hyper(Version::HTTP_11));
    let longest = format!("k={}", "v".repeat(20_000));
    for (hostile, bad) in [
        ("x-request-id", "two words"),
        ("x-request-id", "x\u{e9}\u{2028}"),
        ("tracestate", longest.as_str()),
        ("tracestate", "a=1,,\"]}"),
        ("traceparent", "00-zz"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(axum::http::HeaderName::from_static(hostile), bad.parse().unwrap());
        let context = TraceContext::from_headers(&headers);
        let echo = context.clone().scope(ask(&client, request(called, "/", &[]))).await;
        let carried = trace_lines(&echo);
        assert_eq!(carried.len(), 2, "{hostile} {bad:?}: {carried:?}");
        assert!(carried[0].contains(&context.trace_id().to_string()) && !echo.contains(bad), "{echo}");
    }

    let own: [(&str, &[u8]); 3] = [("traceparent", b"\xff mine"), ("x-request-id", b"one"), ("x-request-id", b"two")];
    let echo = TraceContext::new_root().scope(ask(&client, request(called, "/", &own))).await;
    assert_eq!(trace_lines(&echo), ["traceparent: \u{fffd} mine", "x-request-id: one", "x-request-id: two"]);
    let outside = ask(&client, request(called, "/", &[])).await;
    assert_eq!(trace_lines(&outside), [] as [&str; 0], "outside of a request there is nothing to continue");
    assert_eq!(ends(&gateway, "prices"), [("GET 2xx ok".to_owned(), 7)]);
}

#[tokio::test]
async fn answers_that_do_not_come_are_failed_or_cancelled_by_who_gave_up() {
    let monitoring = monitoring();
    let call = async |name, address, inside, outside| {
        let [inside, outside] = [inside, outside].map(TimeoutLayer::new);
        let measured = outside.layer(monitoring.client(name).layer(inside.layer(hyper(Version::HTTP_11))));
        within(measured.oneshot(request(address, "/", &[]))).await.map(drop).unwrap_err()
    };
    let (brief, long) = (Duration::from_millis(20), Duration::from_secs(60));
    let (_listener, hanging) = mute().await;
    assert!(!call("refusing", refusing().await, long, long).await.is::<Elapsed>());
    assert_eq!(ends(&monitoring, "refusing"), one("GET none failed"));
    assert!(call("timeout-inside", hanging, brief, long).await.is::<Elapsed>());
    assert_eq!(ends(&monitoring, "timeout-inside"), one("GET none failed"));
    assert!(call("timeout-outside", hanging, long, brief).await.is::<Elapsed>());
    assert_eq!(ends(&monitoring, "timeout-outside"), one("GET none cancelled"));
    assert_eq!(monitoring.registry().snapshot().sum("client_in_flight_requests", &[]), Some(0.0));
}

#[tokio::test]
async fn caller_that_goes_away_cancels_its_call_and_one_that_hangs_is_seen() {
    let monitoring = monitoring();
    let (_listener, hanging) = mute().await;
    let client = monitoring.client("prices").layer(hyper(Version::HTTP_11));
    let asking = tokio::spawn(client.oneshot(request(hanging, "/", &[])));
    let in_flight = || monitoring.registry().snapshot().sum("client_in_flight_requests", &[("peer", "prices")]);
    until("a call in flight", || (in_flight() == Some(1.0)).then_some(())).await;
    assert_eq!(ends(&monitoring, "prices"), []);
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    assert_eq!((in_flight(), ends(&monitoring, "prices")), (Some(0.0), one("GET none cancelled")));
}

#[tokio::test]
async fn client_that_panics_in_a_task_is_counted_once() {
    let monitoring = monitoring();
    let broken = tower::service_fn(async |_: Request<Body>| -> Result<axum::response::Response, std::io::Error> {
        tokio::task::yield_now().await;
        panic!("as the test wants")
    });
    let mut client = monitoring.client("prices").layer(broken);
    let (_listener, address) = mute().await;
    let call = client.call(request(address, "/", &[]));
    assert!(tokio::spawn(call).await.unwrap_err().is_panic());
    assert_eq!(ends(&monitoring, "prices"), one("GET none panicked"));
}

/// The same for each major of reqwest.
#[cfg(any(feature = "reqwest-0_12", feature = "reqwest-0_13"))]
macro_rules! reqwest_tests {
    ($test:ident, $reqwest:ident) => {
        #[tokio::test]
        async fn $test() {
            let (gateway, prices) = (monitoring(), monitoring());
            let called = echo_of_headers(&prices).await;
            let client = $reqwest::Client::new();
            let context = TraceContext::new_root();
            let peer = |name| gateway.client(name);

            let call = async {
                let response = peer("ok").send(client.get(format!("http://{called}/")).header("x-own", "1")).await;
                response.unwrap().text().await.unwrap()
            };
            let echo = within(context.clone().scope(call)).await;
            let carried = trace_lines(&echo);
            assert_eq!(carried.len(), 2, "{echo}");
            assert!(carried[0].contains(&context.trace_id().to_string()) && echo.contains("x-own: 1"), "{echo}");
            assert!(carried[1].contains(context.request_id().as_str()));
            assert_eq!(ends(&gateway, "ok"), one("GET 2xx ok"));

            let moved = within(peer("moved").send(client.get(format!("http://{called}/moved")))).await.unwrap();
            assert_eq!((moved.status().as_u16(), moved.url().path()), (404, "/missing"));
            assert_eq!(ends(&gateway, "moved"), one("GET 4xx client_error"), "redirects are part of their call");

            within(peer("broken").send(client.get(format!("http://{called}/broken")))).await.unwrap();
            assert_eq!(ends(&gateway, "broken"), one("GET 5xx server_error"));

            let refusing = format!("http://{}/", refusing().await);
            within(peer("refusing").send(client.post(refusing))).await.unwrap_err();
            assert_eq!(ends(&gateway, "refusing"), one("POST none failed"));

            let (_listener, hanging) = mute().await;
            let asked = || client.get(format!("http://{hanging}/"));
            let error = within(peer("slow").send(asked().timeout(Duration::from_millis(20)))).await.unwrap_err();
            assert!(error.is_timeout());
            assert_eq!(ends(&gateway, "slow"), one("GET none failed"));
            let dropped = tokio::time::timeout(Duration::from_millis(20), peer("dropped").send(asked())).await;
            assert!(dropped.is_err());
            assert_eq!(ends(&gateway, "dropped"), one("GET none cancelled"));

            drop(peer("unpolled").send(asked()));
            peer("malformed").send(client.get("no URL")).await.unwrap_err();
            assert_eq!((ends(&gateway, "unpolled"), ends(&gateway, "malformed")), (Vec::new(), Vec::new()));
            assert_eq!(gateway.registry().snapshot().sum("client_in_flight_requests", &[]), Some(0.0));
        }
    };
}

#[cfg(feature = "reqwest-0_12")]
reqwest_tests!(requests_of_reqwest_0_12_are_sent_measured_and_traced, reqwest_0_12);
#[cfg(feature = "reqwest-0_13")]
reqwest_tests!(requests_of_reqwest_0_13_are_sent_measured_and_traced, reqwest_0_13);
