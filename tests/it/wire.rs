//! What is on the wire with the layers is what is there without them, byte for byte, but for two response headers.

use std::convert::Infallible;
use std::net::SocketAddr;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::http::websocket as measured;
use aistm7_monitoring::http::{RequestBody, ResponseHeaders};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::serve::Listener as _;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body as _, Frame};
use tokio::net::TcpListener;
use tower::{Layer as _, Service as _, service_fn};
use tower_http::compression::CompressionLayer;

use crate::client::{Http2, Raw, WEBSOCKET_REQUEST, http2_request, within};
use crate::service::{Lines, builder, monitoring, serve};

const PARTS: [&str; 3] = ["one,", "two,", "three"];

fn parts() -> Body {
    Body::from_stream(stream::iter(PARTS.map(Ok::<_, Infallible>)))
}

async fn trailers() -> Response {
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "5".parse().unwrap())]);
    let frames = [Frame::data(Bytes::from("hello")), Frame::trailers(trailers)];
    let body = Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>))));
    ([("trailer", "x-sum")], body).into_response()
}

async fn failing() -> Body {
    Body::from_stream(stream::iter([Ok("some,"), Err("no more")]).then(async |part| {
        // What there is so far is written meanwhile.
        tokio::task::yield_now().await;
        part
    }))
}

async fn events() -> impl IntoResponse {
    Sse::new(stream::iter(PARTS.map(|part| Ok::<_, Infallible>(Event::default().data(part)))))
}

async fn echo_of_axum(upgrade: ws::WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            let _ = socket.send(message).await;
        }
    })
}

async fn echo_of_ours(upgrade: measured::WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            let _ = socket.send(message).await;
        }
    })
}

/// Handlers whose responses are framed in every way that hyper knows.
fn app() -> Router {
    Router::new()
        .route("/fixed", get("hello"))
        .route("/empty", get(()))
        .route("/with-length", get(async || ([("content-length", "13")], parts())))
        .route("/chunked", get(async || parts()))
        .route("/no-content", get(StatusCode::NO_CONTENT))
        .route("/not-modified", get((StatusCode::NOT_MODIFIED, [("etag", "\"1\"")], "not sent")))
        .route("/error", get((StatusCode::INTERNAL_SERVER_ERROR, "sorry")))
        .route("/odd-status", get((StatusCode::from_u16(799).unwrap(), "odd")))
        .route("/failing", get(failing))
        .route("/trailers", get(trailers))
        .route("/events", get(events))
        .route("/large", get("compress me, ".repeat(1000)))
        .route("/echo", post(async |body: Body| body))
        .route("/own-ids", get(([("x-request-id", "own"), ("traceresponse", "own")], "hello")))
        .route("/ws", any(echo_of_axum))
}

/// A masked text frame `hi` and a masked close frame 1000, with a mask of zeros.
const HI_AND_CLOSE: &[u8] = b"\x81\x82\0\0\0\0hi\x88\x82\0\0\0\0\x03\xe8";

/// Whole requests, after which the client waits for the server's close.
fn requests() -> Vec<Vec<u8>> {
    let plain = [
        "GET /fixed",
        "HEAD /fixed",
        "GET /empty",
        "GET /with-length",
        "HEAD /with-length",
        "GET /chunked",
        "HEAD /chunked",
        "GET /no-content",
        "GET /not-modified",
        "GET /error",
        "GET /odd-status",
        "GET /failing",
        "GET /trailers",
        "GET /events",
        "GET /large",
        "GET /own-ids",
        "GET /nowhere",
        "DELETE /fixed",
        "ABSURD /fixed",
        "POST /echo",
    ];
    let with_head =
        |head: &str, rest: &str| format!("{head}\r\nhost: test\r\nconnection: close\r\n{rest}").into_bytes();
    let mut requests: Vec<_> =
        plain.iter().map(|line| with_head(&format!("{line} HTTP/1.1"), "te: trailers\r\n\r\n")).collect();
    requests.push(with_head("GET /large HTTP/1.1", "accept-encoding: gzip\r\n\r\n"));
    requests.push(with_head("GET /chunked HTTP/1.0", "\r\n"));
    requests.push(with_head("POST /echo HTTP/1.1", "content-length: 4\r\n\r\nbody"));
    requests.push(with_head("POST /echo HTTP/1.1", "transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"));
    requests.push(with_head("POST /echo HTTP/1.1", "content-length: 4\r\nexpect: 100-continue\r\n\r\nbody"));
    requests.push(
        b"GET /fixed HTTP/1.1\r\nhost: test\r\n\r\nGET /chunked HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
            .to_vec(),
    );
    requests.push(b"not HTTP\r\n\r\n".to_vec());
    requests.push([WEBSOCKET_REQUEST.as_bytes(), HI_AND_CLOSE].concat());
    requests
}

/// An answer without its `date`, which differs from second to second.
fn undated(answer: &[u8]) -> Vec<u8> {
    without(answer, |line| line.starts_with(b"date: "))
}

/// An answer without the two headers, and how many of them there were.
fn without_ids(answer: &[u8]) -> (Vec<u8>, usize) {
    let mut found = 0;
    let rest = without(answer, |line| {
        let is_id = line.starts_with(b"x-request-id: ") || line.starts_with(b"traceresponse: ");
        found += usize::from(is_id);
        is_id
    });
    (rest, found)
}

fn without(answer: &[u8], mut drop: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    answer.split_inclusive(|byte| *byte == b'\n').filter(|line| !drop(line)).collect::<Vec<_>>().concat()
}

async fn answer(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut raw = Raw::connect(address).await.unwrap();
    raw.send(request).await;
    let answer = undated(&raw.read_to_end().await);
    assert!(answer.starts_with(b"HTTP/1."), "{:?}", String::from_utf8_lossy(&answer));
    answer
}

/// Two applications that should look alike from outside.
async fn assert_same_bytes(bare: Router, other: Router) {
    assert_same_answers(serve(bare).await, serve(other).await).await;
}

async fn assert_same_answers(bare: SocketAddr, other: SocketAddr) {
    for request in requests() {
        let (expected, seen) = (answer(bare, &request).await, answer(other, &request).await);
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(shown(&seen), shown(&expected), "to {:?}", shown(&request));
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn metrics_layer_leaves_every_byte_as_it_was() {
    assert_same_bytes(app(), app().layer(monitoring().http_metrics_layer())).await;
}

#[tokio::test]
async fn metrics_layer_leaves_every_byte_as_it_was_inside_and_outside_of_compression() {
    let compressed = || app().layer(CompressionLayer::new());
    assert_same_bytes(compressed(), compressed().layer(monitoring().http_metrics_layer())).await;
    let measured = app().layer(monitoring().http_metrics_layer()).layer(CompressionLayer::new());
    assert_same_bytes(compressed(), measured).await;
}

#[tokio::test]
async fn request_body_layer_leaves_every_byte_as_it_was() {
    let monitoring = monitoring();
    let measured = app().layer(monitoring.request_body_layer().unwrap()).layer(monitoring.http_metrics_layer());
    assert_same_bytes(app(), measured.clone()).await;
    let (bare, measured) = (serve(app()).await, serve(measured).await);
    for (method, path) in [("POST", "/echo"), ("GET", "/fixed")] {
        let (expected, seen) = (over_http2(bare, method, path).await, over_http2(measured, method, path).await);
        assert_eq!(seen, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn request_body_says_of_itself_what_it_said_before() {
    let monitoring = monitoring();
    let says = service_fn(async |request: Request<RequestBody<Full<Bytes>>>| {
        let mut body = request.into_body();
        let before = (body.size_hint().exact(), body.is_end_stream());
        let _ = body.frame().await;
        Ok::<_, Infallible>((before, (body.size_hint().exact(), body.is_end_stream())))
    });
    let mut service = monitoring.request_body_layer().unwrap().layer(says);
    for (bytes, expected) in [("hello", ((Some(5), false), (Some(0), true))), ("", ((Some(0), true), (Some(0), true)))]
    {
        let request = Request::post("/").body(Full::new(Bytes::from(bytes))).unwrap();
        assert_eq!(service.call(request).await.unwrap(), expected, "{bytes:?}");
    }
}

#[tokio::test]
async fn measured_websocket_leaves_every_byte_as_it_was() {
    let of_axum = Router::new().route("/ws", any(echo_of_axum));
    let of_ours = Router::new().route("/ws", any(echo_of_ours));
    assert_same_bytes(of_axum.clone(), of_ours.clone()).await;
    assert_same_bytes(of_axum, of_ours.layer(monitoring().http_metrics_layer())).await;
}

#[tokio::test]
async fn server_of_ours_sends_the_bytes_that_axums_sends() {
    let monitoring = monitoring();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = monitoring.clone();
    tokio::spawn(async move { serving.serve(listener, app()).await });
    assert_same_answers(serve(app()).await, address).await;

    let listener = monitoring.listener(TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app()).await });
    assert_same_answers(serve(app()).await, address).await;
}

#[tokio::test]
async fn composed_layer_adds_two_headers_and_leaves_every_other_byte_as_it_was() {
    let bare = serve(app()).await;
    for layered in [app().layer(monitoring().http_layer()), app().layer(monitoring().trace_layer())] {
        let layered = serve(layered).await;
        for request in requests() {
            let expected = answer(bare, &request).await;
            let (seen, found) = without_ids(&answer(layered, &request).await);
            let (expected, own) = without_ids(&expected);
            let shown = String::from_utf8_lossy(&request);
            assert_eq!(String::from_utf8_lossy(&seen), String::from_utf8_lossy(&expected), "to {shown:?}");
            // What is no request is answered by hyper itself; two requests may share a connection.
            let requests = request.windows(9).filter(|bytes| *bytes == b" HTTP/1.1" || *bytes == b" HTTP/1.0").count();
            assert_eq!(found, 2 * requests, "to {shown:?}, with {own} of the handler's own");
        }
    }
}

#[tokio::test]
async fn headers_of_a_handler_are_kept() {
    let address = serve(app().layer(monitoring().http_layer())).await;
    let answer = answer(address, b"GET /own-ids HTTP/1.0\r\n\r\n").await;
    let answer = String::from_utf8(answer).unwrap();
    for header in ["x-request-id: own\r\n", "traceresponse: own\r\n"] {
        assert_eq!(answer.matches(header).count(), 1, "{answer}");
    }
    assert_eq!(answer.matches("own").count(), 2, "{answer}");
}

#[tokio::test]
async fn each_header_can_be_switched_off() {
    for (headers, has_id, has_trace) in [
        (ResponseHeaders::Both, true, true),
        (ResponseHeaders::RequestId, true, false),
        (ResponseHeaders::TraceResponse, false, true),
        (ResponseHeaders::Neither, false, false),
    ] {
        let monitoring: Monitoring = builder(&Lines::default()).response_headers(headers).build().unwrap();
        let address = serve(app().layer(monitoring.http_layer())).await;
        let answer = String::from_utf8(answer(address, b"GET /fixed HTTP/1.0\r\n\r\n").await).unwrap();
        let found = (answer.contains("x-request-id: "), answer.contains("traceresponse: "));
        assert_eq!(found, (has_id, has_trace), "{headers:?}: {answer}");
    }
}

#[tokio::test]
async fn frames_of_http2_are_what_they_were() {
    let bare = serve(app()).await;
    let composed = serve(app().layer(monitoring().http_layer())).await;
    let tracing = serve(app().layer(monitoring().trace_layer())).await;
    for (method, path) in [
        ("GET", "/fixed"),
        ("HEAD", "/fixed"),
        ("GET", "/empty"),
        ("GET", "/with-length"),
        ("GET", "/chunked"),
        ("GET", "/no-content"),
        ("GET", "/not-modified"),
        ("GET", "/error"),
        ("GET", "/odd-status"),
        ("GET", "/failing"),
        ("GET", "/events"),
        ("GET", "/large"),
        ("GET", "/own-ids"),
        ("GET", "/trailers"),
        ("GET", "/nowhere"),
        ("POST", "/fixed"),
        ("POST", "/echo"),
    ] {
        let expected = over_http2(bare, method, path).await;
        for layered in [composed, tracing] {
            assert_eq!(over_http2(layered, method, path).await, expected, "{method} {path}");
        }
    }
}

/// Status, headers without date and ids, data and trailers of an answer.
async fn over_http2(address: SocketAddr, method: &str, path: &str) -> (StatusCode, Vec<String>, Vec<String>) {
    let mut client = Http2::connect(address).await;
    let response = within(client.sender.send_request(http2_request(method, path))).await.unwrap();
    let (head, mut body) = response.into_parts();
    let is_own = |name: &str| matches!(name, "date" | "x-request-id" | "traceresponse");
    let headers = head.headers.iter().filter(|(name, _)| !is_own(name.as_str()));
    let headers = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    let mut frames = Vec::new();
    while let Some(frame) = within(body.frame()).await {
        match frame {
            Ok(frame) => frames.push(format!("{frame:?}")),
            Err(error) => {
                // A broken body says so again and again.
                frames.push(error.to_string());
                break;
            }
        }
    }
    (head.status, headers, frames)
}
