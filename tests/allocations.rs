//! What a request costs in allocations, over a layer that does nothing; and that a handle records without any.
#![cfg(all(feature = "business", feature = "log", feature = "websocket"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

#[path = "support/counting.rs"]
mod counting;
#[path = "support/noop.rs"]
mod noop;

use std::convert::Infallible;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::log::Sink;
use aistm7_monitoring::metrics::{Counter, Definition, Family, Gauge, Histogram, Unit};
use aistm7_monitoring::monitoring::Variables;
use aistm7_monitoring::trace::TraceContext;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::routing::get;
use counting::{ALLOCATIONS, LIVE_BYTES};
use http_body_util::BodyExt;
use noop::Noop;
use tower::{Layer, ServiceExt};
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

fn monitoring() -> Monitoring {
    Monitoring::builder("under-test")
        .environment("test")
        .variables(Variables::from([]))
        .log(|log| log.sink(Sink::Writer(Box::new(std::io::sink()))))
        .build()
        .expect("valid settings")
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

/// Each header of the trace is one; the call itself takes none.
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
    assert_eq!(context.scope(async { call().await }).await, (2, 3), "traceparent and x-request-id");
}

#[tokio::test]
async fn requests_that_nobody_scrapes_keep_no_memory() {
    let monitoring = monitoring();
    let app = routes().merge(monitoring.routes()).layer(monitoring.http_layer()).with_state(());
    let requests = async |count: u32| {
        for number in 0..count {
            request(&app, &[("x-request-id", &format!("req-{number}"))]).await;
            let nowhere = Request::get(format!("/nowhere/{number}")).body(Body::empty()).unwrap();
            assert_eq!(app.clone().oneshot(nowhere).await.unwrap().status(), 404);
        }
    };
    requests(100).await;
    let before = LIVE_BYTES.get();
    requests(10_000).await;
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
