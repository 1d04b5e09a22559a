//! Which request a line belongs to: ids in and out, and the trace id in the log wherever the work goes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::monitoring::Variables;
use aistm7_monitoring::trace::{self, TraceContext, Traced, traced};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use tokio::task::spawn_blocking;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::{Dispatch, Instrument, Span};

use crate::client;
use crate::http::Response;
use crate::service::{Lines, all_lines, builder, line, log_here, monitoring, serve};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn get_with(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Response {
    client::request(address, "GET", path, headers).await
}

/// The trace and the span that an answer says it belongs to.
fn traceresponse(response: &Response) -> (&str, &str) {
    let value = response.header("traceresponse").expect("every answer has it");
    assert_eq!((value.len(), &value[..3], &value[35..36], &value[52..53]), (55, "00-", "-", "-"), "{value}");
    (&value[3..35], &value[36..52])
}

#[tokio::test]
async fn valid_traceparent_is_continued_and_others_start_a_new_trace() {
    let address = serve(Router::new().route("/", get("hello")).layer(monitoring().http_layer())).await;
    for (headers, is_continued) in [
        (vec![("traceparent", TRACEPARENT)], true),
        (vec![("traceparent", TRACEPARENT), ("tracestate", "a=1")], true),
        (vec![("traceparent", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more")], true),
        (vec![], false),
        (vec![("traceparent", "")], false),
        (vec![("traceparent", &TRACEPARENT[1..])], false),
        (vec![("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01")], false),
        (vec![("traceparent", "00-00000000000000000000000000000000-00f067aa0ba902b7-01")], false),
        (vec![("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT)], false),
    ] {
        let response = get_with(address, "/", &headers).await;
        let (trace_id, span_id) = traceresponse(&response);
        assert_eq!(trace_id == TRACE_ID, is_continued, "{headers:?}");
        // Ours is a new span, of the caller's trace or of a new one.
        assert_ne!(span_id, "00f067aa0ba902b7", "{headers:?}");
    }
}

#[tokio::test]
async fn sane_request_id_is_kept_and_others_are_replaced() {
    let address = serve(Router::new().route("/", get("hello")).layer(monitoring().http_layer())).await;
    let longest = "x".repeat(128);
    let too_long = "x".repeat(129);
    for (headers, is_kept) in [
        (vec![("x-request-id", "req-7.a:b@c+d/e=")], true),
        (vec![("x-request-id", longest.as_str())], true),
        (vec![("x-request-id", too_long.as_str())], false),
        (vec![("x-request-id", "two words")], false),
        (vec![("x-request-id", "a\tb")], false),
        (vec![("x-request-id", "naïve")], false),
        (vec![("x-request-id", "{\"a\":1}")], false),
        (vec![("x-request-id", "")], false),
        (vec![("x-request-id", "one"), ("x-request-id", "two")], false),
        (vec![], false),
    ] {
        let response = get_with(address, "/", &headers).await;
        let id = response.header("x-request-id").expect("every answer has one");
        assert_eq!(headers.first().is_some_and(|(_, sent)| *sent == id), is_kept, "{headers:?}");
        if !is_kept {
            assert_eq!((id.len(), &id[14..15]), (36, "7"), "a UUID of version 7, not {id}");
        }
    }
}

#[tokio::test]
async fn every_answer_has_the_ids_also_those_of_no_handler() {
    let app = Router::new()
        .route("/", get("hello"))
        .route("/panics", get(async || -> &'static str { panic!("as the test wants") }))
        .route("/hangs", get(std::future::pending::<()>).layer(timeout()))
        .route("/panics-late", get(panics_late).layer(timeout()))
        .layer(CatchPanicLayer::new())
        .layer(monitoring().http_layer());
    let address = serve(app).await;
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/nowhere", 404),
        ("POST", "/", 405),
        ("GET", "/hangs", 408),
        ("GET", "/panics", 500),
        ("GET", "/panics-late", 500),
        ("HEAD", "/", 200),
    ] {
        let sent = [("traceparent", TRACEPARENT), ("x-request-id", "req-7")];
        let response = client::request(address, method, path, &sent).await;
        assert_eq!(response.status, status);
        assert_eq!(response.header("x-request-id"), Some("req-7"), "{method} {path}");
        assert_eq!(traceresponse(&response).0, TRACE_ID, "{method} {path}");
    }
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(10))
}

async fn panics_late() -> &'static str {
    tokio::task::yield_now().await;
    panic!("as the test wants")
}

/// A handler whose work goes everywhere, with a line from each place.
async fn wanders() -> &'static str {
    tracing::info!("in the handler");
    let context = trace::current().expect("a request has a context");
    tokio::task::yield_now().await;
    tracing::info!("after an await");

    let in_span = async { tracing::info!("in a task of the span") }.instrument(Span::current());
    tokio::spawn(in_span).await.unwrap();
    let scoped = context.clone().scope(async {
        tokio::task::yield_now().await;
        tracing::info!("in a task of the context");
    });
    tokio::spawn(scoped).await.unwrap();
    tokio::spawn(async { tracing::info!("in a task of nobody") }).await.unwrap();

    // The test's subscriber is its thread's, so another thread is told of it.
    let dispatch = tracing::dispatcher::get_default(Dispatch::clone);
    let tells = |message: &'static str| {
        let dispatch = dispatch.clone();
        move || tracing::dispatcher::with_default(&dispatch, || tracing::info!("{message}"))
    };
    let (on_thread, entered) = (tells("on a thread that enters"), context.clone());
    let enters = move || {
        let _entered = entered.enter();
        on_thread();
    };
    std::thread::spawn(enters).join().unwrap();
    goes_by_one_word(tells).await;

    tracing::info!("back in the handler");
    "done"
}

async fn goes_by_one_word<T: FnOnce() + Send + 'static>(tells: impl Fn(&'static str) -> T) {
    tokio::spawn(async { tracing::info!("in a traced task") }.traced()).await.unwrap();
    spawn_blocking(traced(tells("in a traced blocking task"))).await.unwrap();
    std::thread::spawn(traced(tells("on a traced thread"))).join().unwrap();
    let (sender, mut receiver) = tokio::sync::mpsc::channel(3);
    for message in ["of a message", "of a message that is awaited"] {
        sender.send(message.traced()).await.unwrap();
    }
    sender.send("of a message alone".traced()).await.unwrap();
    // A task of nobody.
    let receives = async move {
        let (message, entered) = receiver.recv().await.unwrap().enter();
        tracing::info!("{message}");
        drop(entered);
        let awaited = async |message: &'static str| {
            tokio::task::yield_now().await;
            tracing::info!("{message}");
        };
        receiver.recv().await.unwrap().map(awaited).await;
        tracing::info!("{}", receiver.recv().await.unwrap().into_inner());
    };
    tokio::spawn(receives).await.unwrap();
}

#[tokio::test]
async fn lines_of_a_request_have_its_trace_wherever_its_work_goes() {
    // No directive takes the request's own span away, nor the trace with it.
    for rust_log in ["info", "warn,it=info", "info,aistm7_monitoring=off", "off,it::trace=info"] {
        let lines = Lines::default();
        let monitoring = builder(&lines).variables(Variables::from([("RUST_LOG", rust_log)])).build().unwrap();
        let _subscriber = log_here(&monitoring);
        let address = serve(Router::new().route("/", get(wanders)).layer(monitoring.http_layer())).await;
        let response = get_with(address, "/", &[("traceparent", TRACEPARENT)]).await;
        assert_eq!(response.text(), "done");

        let lines = all_lines(&monitoring, &lines).await;
        let places = [
            ("in the handler", true),
            ("after an await", true),
            ("in a task of the span", true),
            ("in a task of the context", true),
            ("in a task of nobody", false),
            ("on a thread that enters", true),
            ("in a traced task", true),
            ("in a traced blocking task", true),
            ("on a traced thread", true),
            ("of a message", true),
            ("of a message that is awaited", true),
            ("of a message alone", false),
            ("back in the handler", true),
        ];
        for (message, is_traced) in places {
            let line = line(&lines, message);
            let expected = is_traced.then(|| TRACE_ID.into());
            assert_eq!(line.get("traceId").cloned(), expected, "{message}, RUST_LOG={rust_log}");
            assert_eq!(line["details"].to_string(), "{}", "{message}");
        }
    }
}

#[tokio::test]
async fn trace_layer_alone_gives_the_trace_and_the_metrics_layer_alone_gives_none() {
    for is_trace in [true, false] {
        let lines = Lines::default();
        let monitoring = builder(&lines).build().unwrap();
        let _subscriber = log_here(&monitoring);
        let handler = async || {
            tokio::task::yield_now().await;
            tracing::info!(is_traced = trace::current().is_some(), "in the handler");
        };
        let app = Router::new().route("/", get(handler));
        let app =
            if is_trace { app.layer(monitoring.trace_layer()) } else { app.layer(monitoring.http_metrics_layer()) };
        let response = get_with(serve(app).await, "/", &[("traceparent", TRACEPARENT)]).await;
        assert_eq!(response.header("traceresponse").is_some(), is_trace);
        let lines = all_lines(&monitoring, &lines).await;
        let line = line(&lines, "in the handler");
        assert_eq!(line.get("traceId").cloned(), is_trace.then(|| TRACE_ID.into()));
        assert_eq!(line["details"]["is_traced"], is_trace);
    }
}

/// Says when it is dropped.
struct Tells(&'static str);

impl Drop for Tells {
    fn drop(&mut self) {
        tracing::info!("{}", self.0);
    }
}

/// A body whose parts tell when they are made, and which tells when it is dropped.
async fn streams() -> Body {
    let tells = Tells("body dropped");
    let parts = stream::iter(["one", "two"]).then(move |part| {
        let _ = &tells;
        async move {
            tokio::task::yield_now().await;
            tracing::info!("part {part}");
            Ok::<_, Infallible>(part)
        }
    });
    Body::from_stream(parts)
}

#[tokio::test]
async fn lines_of_a_streamed_body_have_its_trace_whoever_polls_and_drops_it() {
    for layers in ["trace", "http"] {
        for parts in [0, 1, 3] {
            let lines = Lines::default();
            let monitoring = builder(&lines).build().unwrap();
            let _subscriber = log_here(&monitoring);
            let app = Router::new().route("/", get(streams));
            let app = if layers == "trace" {
                app.layer(monitoring.trace_layer())
            } else {
                app.layer(monitoring.http_layer())
            };
            let request = Request::get("/").header("traceparent", TRACEPARENT).body(Body::empty()).unwrap();
            let response = app.oneshot(request).await.unwrap();
            {
                // As a server does, between the polls of other requests.
                let _other = TraceContext::new_root().enter();
                // The exchange of `http_layer` has its context and no span, since no server polls under another's.
                let _span = (layers == "trace").then(|| tracing::info_span!("another").entered());
                let mut body = response.into_body();
                for _ in 0..parts {
                    let _ = body.frame().await;
                }
            }
            assert_eq!(trace::current(), None);
            let read = all_lines(&monitoring, &lines).await;
            let expected = [&["part one", "part two"][..parts.min(2)], &["body dropped"]].concat();
            assert_eq!(read.iter().map(|line| line["message"].as_str().unwrap()).collect::<Vec<_>>(), expected);
            for line in &read {
                assert_eq!(line["traceId"], TRACE_ID, "{layers}: {line}");
            }
        }
    }
}

#[tokio::test]
async fn lines_of_a_handler_that_is_given_up_have_its_trace() {
    for layers in ["trace", "http"] {
        let lines = Lines::default();
        let monitoring = builder(&lines).build().unwrap();
        let _subscriber = log_here(&monitoring);
        let hangs = async || {
            let _tells = Tells("handler dropped");
            std::future::pending::<()>().await;
        };
        let app = Router::new().route("/", get(hangs));
        let app =
            if layers == "trace" { app.layer(monitoring.trace_layer()) } else { app.layer(monitoring.http_layer()) };
        let request = Request::get("/").header("traceparent", TRACEPARENT).body(Body::empty()).unwrap();
        let mut asked = Box::pin(app.oneshot(request));
        assert!(futures_util::poll!(asked.as_mut()).is_pending());
        {
            let _other = TraceContext::new_root().enter();
            drop(asked);
        }
        let read = all_lines(&monitoring, &lines).await;
        assert_eq!(line(&read, "handler dropped")["traceId"], TRACE_ID, "{layers}");
    }
}

#[tokio::test]
async fn requests_at_the_same_time_keep_their_traces_apart() {
    let lines = Lines::default();
    let monitoring = builder(&lines).build().unwrap();
    let _subscriber = log_here(&monitoring);
    let handler = async |headers: HeaderMap| {
        for _ in 0..10 {
            tokio::task::yield_now().await;
            tracing::info!(asked = headers["traceparent"].to_str().unwrap(), "working");
        }
    };
    let address = serve(Router::new().route("/", get(handler)).layer(monitoring.http_layer())).await;
    let requests = (1..=20).map(|number| {
        tokio::spawn(async move {
            let traceparent = format!("00-{number:032x}-00f067aa0ba902b7-01");
            get_with(address, "/", &[("traceparent", &traceparent)]).await;
        })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap();
    }
    let lines = all_lines(&monitoring, &lines).await;
    assert_eq!(lines.len(), 200);
    for line in lines {
        assert_eq!(line["details"]["asked"].as_str().unwrap()[3..35], *line["traceId"].as_str().unwrap());
    }
}

#[tokio::test]
async fn line_outside_of_a_request_has_no_trace() {
    let lines = Lines::default();
    let monitoring = builder(&lines).build().unwrap();
    let _subscriber = log_here(&monitoring);
    tracing::warn!(answer = 42, "outside");
    let lines = all_lines(&monitoring, &lines).await;
    let keys: Vec<_> = line(&lines, "outside").as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys.len(), 5, "{keys:?}");
    assert!(!keys.iter().any(|key| key == "traceId"), "{keys:?}");
}

#[tokio::test]
async fn line_of_a_request_is_the_guides_line() {
    let lines = Lines::default();
    let monitoring = held_clock(&lines);
    let _subscriber = log_here(&monitoring);
    let handler = async || tracing::error!(portfolio = "user123", error = "Insufficient", "Failed to calculate VaR");
    let address = serve(Router::new().route("/", get(handler)).layer(monitoring.http_layer())).await;
    get_with(address, "/", &[("traceparent", TRACEPARENT)]).await;
    all_lines(&monitoring, &lines).await;
    let expected = "{\"timestamp\":\"2025-01-22T10:30:00.000Z\",\"level\":\"ERROR\",\"service\":\"under-test\",\
                    \"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"message\":\"Failed to calculate VaR\",\
                    \"details\":{\"portfolio\":\"user123\",\"error\":\"Insufficient\"}}\n";
    assert_eq!(String::from_utf8(lines.bytes()).unwrap(), expected);
}

fn held_clock(lines: &Lines) -> Monitoring {
    builder(lines).clock(aistm7_monitoring::clock::ManualClock::new().clock()).build().unwrap()
}
