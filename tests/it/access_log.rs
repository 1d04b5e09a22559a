//! The access log: one line a request whatever its end, in the request's own trace, and no more of it than was asked for.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::diagnostics::Problem;
use aistm7_monitoring::http::AccessLog;
use aistm7_monitoring::monitoring::{MonitoringBuilder, Variables};
use aistm7_monitoring::trace::TraceContext;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use fastrand::Rng;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceExt, service_fn};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::client::{self, Http2, Raw, WEBSOCKET_REQUEST, http2_request, within};
use crate::hostile::hostile_requests;
use crate::ledger::{Client, app};
use crate::service::{Lines, all_lines, builder, log_here, serve, settled, until};

use Client::{LeavesAfter, Reads};

const SECRET: &str = "hunter2";

fn traceparent(trace: u128) -> String {
    format!("00-{trace:032x}-00f067aa0ba902b7-01")
}

/// By the clock of the machine, which may be busy elsewhere, no request is slow.
fn patient() -> AccessLog {
    AccessLog::new().slow_after(Duration::MAX)
}

/// A logging service and the lines that it writes.
fn logging(log: AccessLog) -> (Monitoring, Lines) {
    logging_with(log, |builder| builder)
}

fn logging_with(log: AccessLog, set: impl FnOnce(MonitoringBuilder) -> MonitoringBuilder) -> (Monitoring, Lines) {
    let lines = Lines::default();
    (set(builder(&lines)).access_log(log).build().unwrap(), lines)
}

/// The only line of the access log.
#[track_caller]
fn only(lines: &[Value]) -> &Value {
    let [line] = lines else { panic!("{} lines: {lines:#?}", lines.len()) };
    assert_eq!(line["message"], "Request finished", "{line}");
    line
}

/// `"WARN GET /route 500 server_error 5"`: level, labels and bytes of a line.
fn shown(line: &Value) -> String {
    let details = &line["details"];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let status = details.get("status").map_or_else(|| "none".to_owned(), text);
    let [level, method, route, outcome, bytes] =
        [&line["level"], &details["method"], &details["route"], &details["outcome"], &details["response_bytes"]]
            .map(text);
    assert_eq!(details.get("head_seconds").is_some(), status != "none", "{line}");
    assert!(details["duration_seconds"].as_f64().unwrap() >= details["head_seconds"].as_f64().unwrap_or(0.0), "{line}");
    format!("{level} {method} {route} {status} {outcome} {bytes}")
}

async fn in_flight(monitoring: &Monitoring) {
    until("a request in flight", || {
        monitoring.registry().snapshot().sum("api_in_flight_requests", &[]).filter(|count| *count == 1.0)
    })
    .await;
}

const ENDS: [(&str, Client, &str); 16] = [
    ("GET /fixed", Reads, "INFO GET /fixed 200 ok 5"),
    ("HEAD /fixed", Reads, "INFO HEAD /fixed 200 ok 0"),
    ("GET /no-content", Reads, "INFO GET /no-content 204 ok 0"),
    ("GET /nowhere/hunter2?a=hunter2", Reads, "INFO GET _unmatched 404 client_error 0"),
    ("ABSURD /fixed", Reads, "INFO _OTHER /fixed 405 client_error 0"),
    ("GET /error", Reads, "ERROR GET /error 500 server_error 5"),
    ("GET /with-length", Reads, "INFO GET /with-length 200 ok 10"),
    ("GET /chunked", Reads, "INFO GET /chunked 200 ok 10"),
    ("GET /trailers", Reads, "INFO GET /trailers 200 ok 5"),
    ("GET /failing", Reads, "ERROR GET /failing 200 body_failed 5"),
    ("GET /hangs", LeavesAfter(""), "INFO GET /hangs none cancelled 0"),
    ("GET /endless", LeavesAfter("begin\r\n"), "INFO GET /endless 200 aborted 5"),
    ("GET /events", LeavesAfter("data: begin\n\n\r\n"), "INFO GET /events 200 aborted 13"),
    ("GET /panics-in-call", Reads, "ERROR GET /panics-in-call none panicked 0"),
    ("GET /panics-later", Reads, "ERROR GET /panics-later none panicked 0"),
    ("GET /panics-in-body", Reads, "ERROR GET /panics-in-body 200 panicked 5"),
];

#[tokio::test]
async fn every_end_has_one_line_with_the_trace_of_its_request() {
    for (trace, (request, client, expected)) in (0xa000..).zip(ENDS) {
        let (monitoring, lines) = logging(patient());
        let _subscriber = log_here(&monitoring);
        let address = serve(app().layer(monitoring.http_layer())).await;
        let mut raw = Raw::connect(address).await.unwrap();
        let traceparent = traceparent(trace);
        raw.send(format!(
            "{request} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nte: trailers\r\ntraceparent: {traceparent}\r\n\
             authorization: Bearer {SECRET}\r\ncookie: session={SECRET}\r\n\r\n"
        ))
        .await;
        match client {
            Reads => drop(raw.read_to_end().await),
            LeavesAfter(end) => {
                in_flight(&monitoring).await;
                if !end.is_empty() {
                    raw.read_until(end).await;
                }
                drop(raw);
            }
        }
        settled(&monitoring, 1).await;
        let read = all_lines(&monitoring, &lines).await;
        let line = only(&read);
        assert_eq!(shown(line), expected);
        assert_eq!(line["traceId"], traceparent[3..35], "{request}");
        assert!(!line.to_string().contains(SECRET), "{line}");
    }
}

#[tokio::test]
async fn streams_of_one_http2_connection_have_lines_of_their_own_traces() {
    let (monitoring, lines) = logging(patient());
    let _subscriber = log_here(&monitoring);
    let address = serve(app().layer(monitoring.http_layer())).await;
    let mut client = Http2::connect(address).await;
    let mut bodies = Vec::new();
    for (trace, path) in (1..).zip(["/fixed", "/endless", "/hangs", "/endless", "/events"]) {
        let mut request = http2_request("GET", path);
        request.headers_mut().insert("traceparent", traceparent(trace).parse().unwrap());
        let answer = client.sender.send_request(request);
        if path == "/hangs" {
            drop(tokio::spawn(answer));
        } else {
            let mut body = within(answer).await.unwrap().into_body();
            within(body.frame()).await.unwrap().unwrap();
            bodies.push(body);
        }
    }
    until("the hanging request", || {
        monitoring.registry().snapshot().value("api_requests_started_total", &[("method", "GET"), ("route", "/hangs")])
    })
    .await;
    client.lose();
    settled(&monitoring, 5).await;
    let read = all_lines(&monitoring, &lines).await;
    let mut seen: Vec<_> =
        read.iter().map(|line| (line["traceId"].as_str().unwrap().to_owned(), shown(line))).collect();
    seen.sort();
    let expected = [
        "INFO GET /fixed 200 ok 5",
        "INFO GET /endless 200 aborted 5",
        "INFO GET /hangs none cancelled 0",
        "INFO GET /endless 200 aborted 5",
        "INFO GET /events 200 aborted 13",
    ];
    let expected: Vec<_> =
        (1..).zip(expected).map(|(trace, line): (u128, _)| (format!("{trace:032x}"), line.to_owned())).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn upgrade_has_its_line_when_it_begins() {
    let (monitoring, lines) = logging(AccessLog::new().slow_after(Duration::ZERO));
    let _subscriber = log_here(&monitoring);
    let address = serve(app().layer(monitoring.http_layer())).await;
    let mut raw = Raw::connect(address).await.unwrap();
    raw.send(WEBSOCKET_REQUEST).await;
    raw.read_until("\r\n\r\n").await;
    let read = all_lines(&monitoring, &lines).await;
    assert_eq!(shown(only(&read)), "INFO GET /ws 101 upgraded 0", "however slow");
}

#[tokio::test]
async fn service_that_fails_has_a_line_without_a_status() {
    let (monitoring, lines) = logging(patient());
    let _subscriber = log_here(&monitoring);
    let fails = service_fn(async |_: Request<Body>| Err::<Response<Body>, _>(std::io::Error::other("no")));
    let request = Request::get("/").header("traceparent", traceparent(7)).body(Body::empty()).unwrap();
    assert!(monitoring.http_layer().layer(fails).oneshot(request).await.is_err());
    let read = all_lines(&monitoring, &lines).await;
    assert_eq!(shown(only(&read)), "ERROR GET _unmatched none failed 0");
    assert_eq!(read[0]["traceId"], format!("{:032x}", 7));
}

#[tokio::test]
async fn line_is_the_guides_line_with_times_to_the_head_and_to_the_end() {
    let clock = ManualClock::new();
    let (monitoring, lines) = logging_with(AccessLog::new(), |builder| builder.clock(clock.clock()));
    let _subscriber = log_here(&monitoring);
    let takes = {
        let clock = clock.clone();
        async move || {
            clock.advance(Duration::from_millis(250));
            "a portfolio"
        }
    };
    let app: Router = Router::new().route("/portfolios/{id}", get(takes)).layer(monitoring.http_layer());
    let request = Request::get("/portfolios/7?as=user123").header("traceparent", traceparent(1)).body(Body::empty());
    let response = app.oneshot(request.unwrap()).await.unwrap();
    clock.advance(Duration::from_secs(2));
    response.into_body().collect().await.unwrap();
    all_lines(&monitoring, &lines).await;
    let expected = "{\"timestamp\":\"2025-01-22T10:30:02.250Z\",\"level\":\"INFO\",\"service\":\"under-test\",\
                    \"traceId\":\"00000000000000000000000000000001\",\"message\":\"Request finished\",\
                    \"details\":{\"method\":\"GET\",\"route\":\"/portfolios/{id}\",\"status\":200,\"outcome\":\"ok\",\
                    \"duration_seconds\":2.25,\"head_seconds\":0.25,\"response_bytes\":11}}\n";
    assert_eq!(String::from_utf8(lines.bytes()).unwrap(), expected);
}

/// Answers with the status and after the milliseconds that its path names.
fn as_asked(clock: &ManualClock) -> Router {
    let clock = clock.clone();
    let answer = async move |axum::extract::Path((status, millis)): axum::extract::Path<(u16, u64)>| {
        clock.advance(Duration::from_millis(millis));
        StatusCode::from_u16(status).unwrap()
    };
    Router::new().route("/{status}/{millis}", get(answer))
}

#[tokio::test]
async fn errors_and_slow_requests_are_written_whatever_the_share_and_the_rest_is_counted() {
    let clock = ManualClock::new();
    let (monitoring, lines) = logging_with(AccessLog::new().sample(0.0).path(), |builder| builder.clock(clock.clock()));
    let _subscriber = log_here(&monitoring);
    let app = as_asked(&clock).layer(monitoring.http_layer()).with_state(());
    let asked = ["/200/499", "/200/500", "/302/0", "/404/0", "/404/900", "/500/0", "/503/900"];
    for path in asked {
        drop(app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap());
    }
    let snapshot = monitoring.registry().snapshot();
    let read = all_lines(&monitoring, &lines).await;
    let seen: Vec<_> =
        read.iter().map(|line| (line["level"].as_str().unwrap(), line["details"]["path"].as_str().unwrap())).collect();
    assert_eq!(seen, [("WARN", "/200/500"), ("INFO", "/404/900"), ("ERROR", "/500/0"), ("ERROR", "/503/900")]);
    assert_eq!(snapshot.sum("api_access_log_sampled_out_total", &[]), Some(3.0));
    assert_eq!(snapshot.sum("api_requests_total", &[]), Some(asked.len() as f64));
}

#[tokio::test]
async fn services_that_sample_alike_write_the_same_traces_and_exactly_their_share() {
    const REQUESTS: u64 = 512;
    // Evenly spread over the 56 bits that decide; the bits above do not.
    let traces: Vec<u128> =
        (0..REQUESTS).map(|number| 7 << 100 | u128::from(number * ((1 << 56) / REQUESTS))).collect();
    let mut written = Vec::new();
    for _ in 0..2 {
        let (monitoring, lines) = logging(patient().sample(0.25).trace_id());
        let _subscriber = log_here(&monitoring);
        let app = Router::new().route("/", get("hello")).layer(monitoring.http_layer()).with_state(());
        for trace in &traces {
            let request = Request::get("/").header("traceparent", traceparent(*trace)).body(Body::empty()).unwrap();
            app.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        }
        let left_out = monitoring.registry().snapshot().sum("api_access_log_sampled_out_total", &[]);
        assert_eq!(left_out, Some(384.0));
        let read = all_lines(&monitoring, &lines).await;
        assert!(read.iter().all(|line| line["traceId"] == line["details"]["trace_id"]), "{read:#?}");
        written.push(read.iter().map(|line| line["traceId"].clone()).collect::<Vec<_>>());
    }
    let share: Vec<_> = traces[384..].iter().map(|trace| json!(format!("{trace:032x}"))).collect();
    assert_eq!(written, [share.clone(), share]);
}

#[tokio::test]
async fn nothing_is_written_unless_asked_for_nor_of_unmeasured_routes_nor_twice() {
    let lines = Lines::default();
    let off = builder(&lines).unmeasured("/quiet").build().unwrap();
    let (twice, twice_lines) = logging_with(patient(), |builder| builder.unmeasured("/quiet"));
    for monitoring in [&off, &twice] {
        let _subscriber = log_here(monitoring);
        let app = Router::new()
            .route("/", get("hello"))
            .route("/quiet", get("hello"))
            .merge(monitoring.routes())
            .layer(monitoring.http_metrics_layer())
            .layer(monitoring.http_layer())
            .layer(monitoring.http_layer());
        let address = serve(app).await;
        for path in ["/", "/quiet", "/health/live"] {
            client::get(address, path).await;
        }
        settled(monitoring, 1).await;
    }
    assert_eq!(all_lines(&off, &lines).await, Vec::<Value>::new());
    assert_eq!(shown(only(&all_lines(&twice, &twice_lines).await)), "INFO GET / 200 ok 5");
}

#[tokio::test]
async fn directives_choose_its_level_by_its_target() {
    let directives = Variables::from([("RUST_LOG", "info,aistm7_monitoring::access=warn")]);
    let (monitoring, lines) = logging_with(patient(), |builder| builder.variables(directives));
    let _subscriber = log_here(&monitoring);
    let address = serve(app().layer(monitoring.http_layer())).await;
    for path in ["/fixed", "/error"] {
        client::get(address, path).await;
    }
    settled(&monitoring, 2).await;
    let read = all_lines(&monitoring, &lines).await;
    assert_eq!(shown(only(&read)), "ERROR GET /error 500 server_error 5");
    assert_eq!(AccessLog::TARGET, "aistm7_monitoring::access");
}

#[tokio::test]
async fn body_that_another_request_drops_has_a_line_of_its_own_trace_and_fields() {
    for is_traced in [true, false] {
        let (monitoring, lines) = logging(patient());
        let _subscriber = log_here(&monitoring);
        let app =
            if is_traced { app().layer(monitoring.http_layer()) } else { app().layer(monitoring.http_metrics_layer()) };
        let request = Request::get("/endless").header("traceparent", traceparent(5)).body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        {
            let other = TraceContext::new_root();
            let _other = other.enter();
            let _span = tracing::info_span!("another", user = "somebody else").entered();
            drop(response);
            assert_eq!(aistm7_monitoring::trace::current(), Some(other.clone()));
        }
        let read = all_lines(&monitoring, &lines).await;
        let line = only(&read);
        assert_eq!(shown(line), "INFO GET /endless 200 aborted 0");
        let expected = is_traced.then(|| json!(format!("{:032x}", 5)));
        assert_eq!((line.get("traceId").cloned(), line["details"].get("user")), (expected, None), "{line}");
    }
}

#[tokio::test]
async fn no_query_comes_into_any_line_and_paths_are_as_they_came() {
    const QUERY: &[u8] = b"abcXYZ019-._~!$&'()*+,;=:@/?%{}\\";
    let (monitoring, lines) = logging(patient().path().user_agent().peer().request_id().trace_id());
    let _subscriber = log_here(&monitoring);
    let app = Router::new().route("/files/{*rest}", get("a file")).layer(monitoring.http_layer()).with_state(());
    let mut random = Rng::with_seed(20_250_122);
    let mut paths = Vec::new();
    for number in 0..2_000 {
        let any = |random: &mut Rng| -> String {
            (0..random.usize(0..20)).map(|_| char::from(*random.choice(QUERY).unwrap())).collect()
        };
        let path = format!("{}/{number}%3F", random.choice(["/files", "/nowhere", "//", ""]).unwrap());
        let before = random.choice(["", "https://shop.example.com", "http://user:hunter2@shop"]).unwrap();
        let uri = format!("{before}{path}?{}{SECRET}{}", any(&mut random), any(&mut random));
        let request = Request::get(uri).header("cookie", SECRET).header("authorization", SECRET);
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        response.into_body().collect().await.unwrap();
        paths.push(json!(path));
    }
    let read = all_lines(&monitoring, &lines).await;
    let log = String::from_utf8(lines.bytes()).unwrap();
    assert!(!log.contains(SECRET), "{}", log.lines().find(|line| line.contains(SECRET)).unwrap());
    assert_eq!(read.iter().map(|line| line["details"]["path"].clone()).collect::<Vec<_>>(), paths);
}

#[tokio::test]
async fn hostile_bytes_of_paths_and_user_agents_give_one_valid_line_each() {
    let (monitoring, lines) = logging(patient().path().user_agent().peer());
    let _subscriber = log_here(&monitoring);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/files/{*rest}", get("a file")).layer(monitoring.http_layer());
    tokio::spawn(async { axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await });
    let mut reached = 0;
    let mut random = Rng::with_seed(7);
    for request in hostile_requests(&mut random) {
        let mut raw = Raw::connect(address).await.unwrap();
        raw.send(&request).await;
        let answer = raw.read_to_end().await;
        reached += u64::from(answer.windows(13).any(|bytes| bytes == b"x-request-id:"));
    }
    settled(&monitoring, reached).await;
    // Each is read as strict JSON.
    let read = all_lines(&monitoring, &lines).await;
    assert!(reached > 100 && read.len() as u64 == reached, "{} lines of {reached}", read.len());
    for line in &read {
        let details = &line["details"];
        let text = |name: &str| details.get(name).map_or(0, |value| value.as_str().unwrap().len());
        // A byte that is no UTF-8 is shown as a character of three.
        assert!(text("path") <= AccessLog::LONGEST_TEXT && text("user_agent") <= 3 * AccessLog::LONGEST_TEXT, "{line}");
        assert!(details["path"].is_string() && details["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    }
    let raw = lines.bytes();
    assert!(raw.iter().all(|byte| *byte == b'\n' || !byte.is_ascii_control()), "no control character is in the log");
}

/// A host's own layer with a fault.
struct Faulty;

impl<S: Subscriber> tracing_subscriber::Layer<S> for Faulty {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert_ne!(event.metadata().target(), AccessLog::TARGET, "as the test wants");
    }
}

#[tokio::test]
async fn subscriber_that_panics_fails_no_request_and_aborts_no_unwinding() {
    let (monitoring, _lines) = logging(patient());
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(Faulty));
    let address = serve(app().layer(monitoring.http_layer())).await;
    assert_eq!(client::get(address, "/fixed").await.text(), "hello");
    let raw = Raw::requesting(address, "GET", "/panics-later").await;
    assert_eq!(raw.read_to_end().await, b"");
    settled(&monitoring, 2).await;
    assert_eq!(monitoring.diagnostics().total(Problem::SubscriberPanicked), 2);
}

#[tokio::test]
async fn subscriber_of_the_host_gets_typed_fields() {
    let output = Lines::default();
    let (monitoring, _lines) = logging(patient().path().trace_id().request_id());
    let json = {
        let output = output.clone();
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || output.clone()).finish()
    };
    let _subscriber = tracing::subscriber::set_default(json);
    let service = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::from("hello"))));
    let request = Request::post("/a?b").header("traceparent", traceparent(9)).header("x-request-id", "req-7");
    let response = monitoring.http_layer().layer(service).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    response.into_body().collect().await.unwrap();
    let read = output.read();
    let [line] = &read[..] else { panic!("{read:#?}") };
    for (name, value) in [
        ("level", json!("INFO")),
        ("target", json!(AccessLog::TARGET)),
        ("method", json!("POST")),
        ("route", json!("_unmatched")),
        ("status", json!(200)),
        ("outcome", json!("ok")),
        ("response_bytes", json!(5)),
        ("path", json!("/a")),
        ("request_id", json!("req-7")),
        ("trace_id", json!(format!("{:032x}", 9))),
    ] {
        assert_eq!(line[name], value, "{name} of {line}");
    }
    assert!(line["duration_seconds"].as_f64().unwrap() >= line["head_seconds"].as_f64().unwrap(), "{line}");
}
