//! What a request costs in allocations, over a layer that does nothing; and that a handle records without any.
#![cfg(all(feature = "business", feature = "log", feature = "websocket"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

#[path = "support/counting.rs"]
mod counting;
#[path = "support/noop.rs"]
mod noop;

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::http::AccessLog;
use aistm7_monitoring::log::Sink;
use aistm7_monitoring::metrics::{Counter, Definition, Family, Gauge, Histogram, Unit};
use aistm7_monitoring::monitoring::{MonitoringBuilder, Variables};
use aistm7_monitoring::trace::TraceContext;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::routing::get;
use counting::{ALLOCATIONS, LIVE_BYTES};
use http_body_util::BodyExt;
use noop::Noop;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, ServiceExt};
use tracing::field::Field;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

fn monitoring() -> Monitoring {
    builder().build().expect("valid settings")
}

fn builder() -> MonitoringBuilder {
    Monitoring::builder("under-test")
        .environment("test")
        .variables(Variables::from([]))
        .log(|log| log.sink(Sink::Writer(Box::new(std::io::sink()))))
}

fn routes() -> Router {
    Router::new().route("/api/v1/portfolios/{id}", get(async || "a portfolio"))
}

async fn request(app: &Router, headers: &[(&str, &str)]) {
    let request = headers
        .iter()
        .fold(Request::get("/api/v1/portfolios/7"), |request, (name, value)| request.header(*name, *value));
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.unwrap();
}

/// Allocations a request once everything is warm; every request takes the same.
async fn allocations_of(app: Router, headers: &[(&str, &str)]) -> u64 {
    const REQUESTS: u64 = 100;
    let app = app.with_state(());
    for _ in 0..REQUESTS {
        request(&app, headers).await;
    }
    let before = ALLOCATIONS.get();
    for _ in 0..REQUESTS {
        request(&app, headers).await;
    }
    let all = ALLOCATIONS.get() - before;
    assert_eq!(all % REQUESTS, 0, "{all} allocations of {REQUESTS} equal requests");
    all / REQUESTS
}

/// What the metrics layer adds (the box of the body), what both layers add (also the context, its place among the
/// request's extensions, which have to grow, and the text of the response headers), and what they add below the log's
/// subscriber (also what the span keeps).
const ADDED: [u64; 3] = [1, 5, 6];

#[tokio::test]
async fn layers_add_a_known_number_of_allocations_to_a_request() {
    let monitoring = monitoring();
    let caller =
        [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("x-request-id", "req-7")];
    for headers in [&[][..], &caller] {
        let noop = allocations_of(routes().layer(Noop), headers).await;
        let metrics = allocations_of(routes().layer(monitoring.http_metrics_layer()), headers).await;
        let both = allocations_of(routes().layer(monitoring.http_layer()), headers).await;
        let layer = monitoring.log_layer().with_filter(monitoring.log_filter());
        let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        let logged = allocations_of(routes().layer(monitoring.http_layer()), headers).await;
        let added = [metrics - noop, both - noop, logged - noop];
        let within = added.iter().zip(ADDED).all(|(added, most)| *added <= most);
        assert!(within, "{added:?} with {headers:?}, of at most {ADDED:?}");
    }
}

/// Formats what it hears into nothing. A log's buffers would grow whenever its writer is late.
struct Discards;

impl<S: Subscriber> tracing_subscriber::Layer<S> for Discards {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut |_: &Field, value: &dyn Debug| write!(std::io::sink(), "{value:?}").unwrap());
        EVENTS.set(EVENTS.get() + 1);
    }
}

thread_local! {
    static EVENTS: Cell<u64> = const { Cell::new(0) };
}

/// The event takes none, whether it is written or left out; what is kept of a request to be shown takes one,
/// and one more here, where the text of the user agent or path is not yet shared as a server's is.
#[tokio::test]
async fn access_log_allocates_only_what_it_keeps_of_a_request() {
    let measure = async |builder: MonitoringBuilder| {
        let monitoring = builder.build().unwrap();
        let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(Discards));
        let before = EVENTS.get();
        let allocations = allocations_of(routes().layer(monitoring.http_layer()), &[("user-agent", "curl/8")]).await;
        let snapshot = monitoring.registry().snapshot();
        let left_out = snapshot.sum("api_access_log_sampled_out_total", &[]).unwrap_or_default() as u64;
        (allocations, EVENTS.get() - before + left_out)
    };
    let (off, nothing) = measure(builder()).await;
    assert_eq!(nothing, 0);
    // A machine that is busy elsewhere makes no request slow.
    let log = AccessLog::new().slow_after(Duration::MAX);
    let all = log.path().user_agent().peer().request_id().trace_id();
    for (log, kept) in [(log, 0), (log.sample(0.0), 0), (log.peer(), 1), (all, 2)] {
        let (on, accounted) = measure(builder().access_log(log)).await;
        assert_eq!(accounted, 200, "{log:?}");
        assert_eq!(on - off, kept, "{log:?}");
    }
}

/// The headers of the trace share one; the call itself takes none.
#[tokio::test]
async fn outgoing_call_allocates_its_headers_only() {
    let prices = monitoring().client("prices");
    let bare = tower::service_fn(async |request: Request<()>| Ok::<_, Infallible>(Response::new(request)));
    let measured = prices.layer(bare);
    let call = async || {
        let request = Request::get("/prices").header("accept", "*/*").body(()).unwrap();
        let before = ALLOCATIONS.get();
        let answer = measured.clone().oneshot(request).await.unwrap();
        (ALLOCATIONS.get() - before, answer.body().headers().len())
    };
    call().await;
    assert_eq!(call().await, (0, 1), "outside of a trace");
    let context = TraceContext::new_root();
    assert_eq!(context.scope(async { call().await }).await, (1, 3), "traceparent and x-request-id");
}

/// Allocations of a server and its client, each request on a connection of its own, once everything is warm.
async fn allocations_over_connections(app: Router, connections: u64) -> u64 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // The runtime has one thread, whose allocations are counted.
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let ask = async |connections| {
        for _ in 0..connections {
            let mut connection = TcpStream::connect(address).await.unwrap();
            let request = b"GET /api/v1/portfolios/7 HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
            connection.write_all(request).await.unwrap();
            let mut answer = [0; 1024];
            let mut length = 0;
            while let read @ 1.. = connection.read(&mut answer[length..]).await.unwrap() {
                length += read;
            }
            assert!(answer[..length].ends_with(b"a portfolio"));
        }
    };
    ask(100).await;
    let before = ALLOCATIONS.get();
    ask(connections).await;
    let all = ALLOCATIONS.get() - before;
    server.abort();
    all
}

/// A layer that does nothing, with state as ours has it: axum keeps that in a box for each route, and a connection has its
/// own boxes.
#[derive(Clone)]
struct Stateful {
    _state: Arc<()>,
}

impl<S> tower::Layer<S> for Stateful {
    type Service = S;

    fn layer(&self, inner: S) -> S {
        inner
    }
}

#[tokio::test]
async fn layer_that_axum_applies_anew_for_each_connection_finds_everything_there() {
    const CONNECTIONS: u64 = 200;
    let monitoring = monitoring();
    let many = || (0..20).fold(routes(), |routes, number| routes.route(&format!("/{number}"), get("another")));
    let noop = allocations_over_connections(many().layer(Stateful { _state: Arc::default() }), CONNECTIONS).await;
    let measured = allocations_over_connections(many().layer(monitoring.http_metrics_layer()), CONNECTIONS).await;
    // One a request, as in memory: a series looked up, or a ledger opened again, would be several. The room is for what
    // the runtime allocates for either of them now and then.
    let added = measured - noop;
    assert!(added.abs_diff(CONNECTIONS) <= CONNECTIONS / 10, "{added} over {CONNECTIONS} connections");
}

#[tokio::test]
async fn requests_that_nobody_scrapes_keep_no_memory() {
    let monitoring = monitoring();
    let app = routes().merge(monitoring.routes()).layer(monitoring.http_layer()).with_state(());
    let requests = async |count: u32| {
        for number in 0..count {
            request(&app, &[("x-request-id", &format!("req-{number}"))]).await;
            // No two of them have a method, path or host in common, and one of two matches a route.
            let path = if number % 2 == 0 { "nowhere" } else { "api/v1/portfolios" };
            let hostile = Request::builder()
                .method(format!("M{number}").as_str())
                .uri(format!("/{path}/{number}"))
                .header("host", format!("host{number}"))
                .header("x-forwarded-host", format!("forwarded{number}"));
            let status = app.clone().oneshot(hostile.body(Body::empty()).unwrap()).await.unwrap().status().as_u16();
            assert_eq!(status, if number % 2 == 0 { 404 } else { 405 });
        }
    };
    requests(100).await;
    let before = LIVE_BYTES.get();
    requests(100_000).await;
    assert_eq!(LIVE_BYTES.get() - before, 0, "bytes");
}

#[test]
fn handles_that_were_resolved_record_without_an_allocation() {
    static ORDERS: Definition = Definition::counter("orders_total", "Orders.").labels(&["side"]);
    static OPEN: Definition = Definition::gauge("orders_open", "Orders that are open.");
    static TIME: Definition =
        Definition::histogram("order_seconds", "Time to place an order.").unit(Unit::Seconds).edges(&[0.1, 1.0]);
    let meter = monitoring().meter();
    let orders: Family<Counter, 1> = meter.counter(&ORDERS).unwrap();
    let open: Family<Gauge, 0> = meter.gauge(&OPEN).unwrap();
    let time: Family<Histogram, 0> = meter.histogram(&TIME).unwrap();
    let (orders, open, time) = (orders.series(["buy".into()]), open.series([]), time.series([]));
    let before = ALLOCATIONS.get();
    for seconds in 0..100 {
        orders.increment();
        open.set(f64::from(seconds));
        time.record(f64::from(seconds) / 50.0);
        time.record_duration(Duration::from_millis(5));
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert_eq!(orders.get(), 100);
}
