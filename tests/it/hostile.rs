//! Requests as an attacker sends them: they get answers, and neither series nor lines of their making.

use std::fmt::Write as _;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::log::LogOptions;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use fastrand::Rng;
use serde_json::Value;
use tower::ServiceExt;

use crate::client::Raw;
use crate::service::{Lines, all_lines, assert_balanced, builder_logging, log_here, serve};

/// Measured: 174, for three routes, eleven methods and what `Monitoring` has of its own.
const MOST_SERIES: f64 = 250.0;

/// A host that logs whatever a client sends, as hosts do.
async fn tells(request: Request, next: Next) -> Response {
    tell(&request);
    next.run(request).await
}

fn tell(request: &Request) {
    let header = |name: &str| String::from_utf8_lossy(request.headers().get(name).map_or(b"", HeaderValue::as_bytes));
    tracing::info!(
        path = %request.uri(),
        method = %request.method(),
        host = %header("host"),
        id = %header("x-request-id"),
        agent = ?header("user-agent"),
        "{} {}",
        request.method(),
        request.uri().path(),
    );
}

fn app(monitoring: &Monitoring) -> Router {
    Router::new()
        .route("/api/v1/portfolios/{id}", get("one"))
        .route("/api/v1/portfolios/{id}/risk", get("risk").post("risk"))
        .route("/files/{*rest}", get("a file"))
        .merge(monitoring.routes())
        .layer(from_fn(tells))
        .layer(monitoring.http_layer())
}

fn logging(lines: &Lines) -> Monitoring {
    let sink = lines.clone();
    // Room for every line, since dropping them would be right but prove less.
    let log = |log: LogOptions| log.budget_bytes(256 << 20).sink(aistm7_monitoring::log::Sink::Writer(Box::new(sink)));
    builder_logging(log).build().unwrap()
}

fn random_token(random: &mut Rng) -> String {
    const TOKEN: &[u8] = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    (0..random.usize(1..24)).map(|_| char::from(*random.choice(TOKEN).unwrap())).collect()
}

fn random_path(random: &mut Rng) -> String {
    const SEGMENT: &[u8] = b"abcXYZ019-._~!$&'()*+,;=:@";
    let mut path =
        random.choice(["", "/api/v1/portfolios", "/files", "/api/v1/portfolios/7", "/health"]).unwrap().to_owned();
    for _ in 0..random.usize(1..4) {
        path.push('/');
        for _ in 0..random.usize(1..20) {
            match random.u8(0..10) {
                0 => write!(path, "%{:02X}", random.u8(..)).unwrap(),
                _ => path.push(char::from(*random.choice(SEGMENT).unwrap())),
            }
        }
    }
    if random.bool() {
        write!(path, "?{}={}", random.u64(..), random.u64(..)).unwrap();
    }
    path
}

/// Bytes that may stand in a header: visible ASCII, tabs, and anything above.
fn random_value(random: &mut Rng, longest: usize) -> Vec<u8> {
    (0..random.usize(0..longest))
        .map(|_| match random.u8(0..8) {
            0 => b'\t',
            1 => random.u8(0x80..),
            2 => *random.choice(b"\"\\{}[],:").unwrap(),
            _ => random.u8(0x20..0x7f),
        })
        .collect()
}

fn random_request(random: &mut Rng) -> Request {
    let method = match random.u8(0..3) {
        0 => Method::GET,
        1 => random.choice([Method::POST, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PATCH]).unwrap(),
        _ => Method::from_bytes(random_token(random).as_bytes()).expect("a token"),
    };
    let mut request = axum::http::Request::builder().method(method).uri(random_path(random));
    for name in [HOST.as_str(), "x-request-id", "traceparent", "tracestate", "user-agent", "x-forwarded-host"] {
        if random.bool() {
            request = request.header(name, random_value(random, 64));
        }
    }
    request.body(Body::empty()).expect("a valid request")
}

fn series(monitoring: &Monitoring) -> f64 {
    monitoring.registry().snapshot().sum("monitoring_series", &[]).unwrap()
}

/// Whether each line of the host has the ids of some request and what it was about, whatever that held.
fn assert_lines_are_whole(lines: &[Value], expected: usize) {
    assert_eq!(lines.len(), expected);
    for line in lines {
        let keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        // In the order of a map, not of the line.
        assert_eq!(keys, ["details", "level", "message", "service", "timestamp", "traceId"], "{line}");
        assert_eq!(line["traceId"].as_str().unwrap().len(), 32);
        assert!(line["details"]["path"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn hundred_thousand_random_paths_methods_and_hosts_leave_series_flat_and_every_line_whole() {
    const REQUESTS: usize = 100_000;
    let lines = Lines::default();
    let monitoring = logging(&lines);
    let _subscriber = log_here(&monitoring);
    let app = app(&monitoring).with_state(());
    let mut random = Rng::with_seed(20_250_122);
    let mut early = 0.0;
    for number in 1..=REQUESTS {
        let response = app.clone().oneshot(random_request(&mut random)).await.unwrap();
        assert!(matches!(response.status().as_u16(), 200 | 400 | 404 | 405), "{}", response.status());
        let ids = [&response.headers()["x-request-id"], &response.headers()["traceresponse"]];
        assert!(ids.iter().all(|id| id.to_str().is_ok_and(|id| (1..=128).contains(&id.len()))), "{ids:?}");
        drop(response);
        if number == REQUESTS / 10 {
            early = series(&monitoring);
        }
    }
    let all = series(&monitoring);
    assert!(all < MOST_SERIES, "{all} series");
    // All there is to meet was met in the first tenth.
    assert_eq!(all, early);
    assert_balanced(&monitoring.registry().snapshot());
    let lengths: Vec<_> = monitoring.registry().render().lines().map(str::len).collect();
    assert!(lengths.iter().all(|length| *length < 300), "no line of /metrics has room for a payload");
    assert_lines_are_whole(&all_lines(&monitoring, &lines).await, REQUESTS);
}

#[tokio::test]
async fn hostile_bytes_on_the_wire_get_an_answer_or_a_close_and_leave_no_series() {
    let lines = Lines::default();
    let monitoring = logging(&lines);
    let _subscriber = log_here(&monitoring);
    let address = serve(app(&monitoring)).await;
    let mut random = Rng::with_seed(7);
    let mut reached = 0;
    for request in hostile_requests(&mut random) {
        let mut raw = Raw::connect(address).await.unwrap();
        raw.send(&request).await;
        let answer = raw.read_to_end().await;
        let status = answer.strip_prefix(b"HTTP/1.1 ").map(|rest| String::from_utf8_lossy(&rest[..3]).into_owned());
        let status = status.unwrap_or_else(|| panic!("{:?}", String::from_utf8_lossy(&answer)));
        assert!(["200", "400", "404", "405", "431"].contains(&&*status), "{status}");
        reached += usize::from(answer.windows(13).any(|bytes| bytes == b"x-request-id:"));
    }
    assert!(reached > 100, "{reached} got past hyper");
    let all = series(&monitoring);
    assert!(all < MOST_SERIES, "{all} series");
    let lines = all_lines(&monitoring, &lines).await;
    assert_lines_are_whole(&lines, reached);
    let longest = lines.iter().map(|line| line.to_string().len()).max().unwrap();
    assert!(longest <= 16_000, "{longest} bytes");
    // The server is as well as before.
    assert_eq!(crate::client::get(address, "/files/a").await.status, StatusCode::OK.as_u16());
}

/// Whole requests on connections of their own, some of which hyper refuses.
pub(crate) fn hostile_requests(random: &mut Rng) -> Vec<Vec<u8>> {
    let with = |line: &str, name: &str, value: &[u8]| {
        [format!("{line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{name}: ").as_bytes(), value, b"\r\n\r\n"]
            .concat()
    };
    let mut requests = Vec::new();
    let large = vec![b'x'; 64 * 1024];
    let large_and_odd = random_value(random, 128 * 1024);
    for name in ["x-request-id", "traceparent", "tracestate", "user-agent", "x-forwarded-for", "cookie"] {
        requests.push(with("GET /files/a", name, &large));
        requests.push(with("GET /files/a", name, &large_and_odd));
        // Every control character: most are refused by hyper, a tab is not.
        requests.extend((0..0x20).chain([0x7f]).map(|byte| with("GET /files/a", name, &[b'a', byte, b'b'])));
    }
    requests.extend((0..0x20).chain([0x7f, 0x80, 0xff]).map(|byte| {
        [b"GET /api/v1/portfolios/a".as_slice(), &[byte], b"b HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"]
            .concat()
    }));
    requests
        .extend((0..=0xff).map(|byte: u8| with(&format!("GET /api/v1/portfolios/a%{byte:02x}b"), "accept", b"*/*")));
    for method in ["get", "ABSURD", "\u{1b}[31m", "GE T", "{}", "%00", &"M".repeat(1000)] {
        requests.push(with(&format!("{method} /files/a"), "accept", b"*/*"));
    }
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    requests.extend((0..55).map(|at| {
        let mut bytes = traceparent.as_bytes().to_vec();
        bytes[at] = random.u8(0x21..0x7f);
        with("GET /files/a", "traceparent", &bytes)
    }));
    requests.push(with(&format!("GET /files/{}", "x".repeat(32 * 1024)), "accept", b"*/*"));
    requests
}
