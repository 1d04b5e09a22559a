//! What one request costs with each layer, side by side in one run.
//!
//! Every contender answers the same fixed body on the same route through an axum router, called in memory on one
//! thread, with its series warm. Rounds are interleaved; the figures are medians over rounds, as a cost over the same
//! router with a layer that does nothing, and as a ratio to the peer that the table names.
//!
//! `--test` runs a short round only, to prove that the bench works. `--only TEXT` leaves out what is not called so, for
//! a profiler.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

#[path = "../tests/support/counting.rs"]
mod counting;
#[path = "support/monitoring.rs"]
mod monitoring;
#[path = "../tests/support/noop.rs"]
mod noop;

use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::http::AccessLog;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use axum_prometheus::PrometheusMetricLayer;
use counting::ALLOCATIONS;
use http_body_util::BodyExt;
use monitoring::{builder, monitoring};
use noop::Noop;
use opentelemetry::global;
use opentelemetry_instrumentation_tower::http::server::LayerBuilder;
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use tower::ServiceExt;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer};
use tracing::{Dispatch, Level};
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

const NOOP: &str = "no-op layer";

/// A table: contenders of which the first is [`NOOP`], and the one that they are compared with.
struct Table {
    title: &'static str,
    peer: &'static str,
    contenders: Vec<Contender>,
    /// A log writes only while its monitoring lives.
    logging: Option<Monitoring>,
}

struct Contender {
    name: &'static str,
    router: Router,
    subscriber: Option<Dispatch>,
    nanos: Vec<f64>,
    allocations: u64,
}

impl Contender {
    fn new(name: &'static str, router: Router, subscriber: Option<Dispatch>) -> Self {
        Self { name, router: router.with_state(()), subscriber, nanos: Vec::new(), allocations: 0 }
    }

    async fn request(&self) {
        let request = Request::get("/api/v1/portfolios/7").body(Body::empty()).expect("a valid request");
        let response = self.router.clone().oneshot(request).await.expect("the router does not fail");
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.expect("the body does not fail");
    }

    async fn round(&mut self, requests: u32) {
        // The runtime has one thread, so the thread's subscriber is that of the requests.
        let _subscriber = self.subscriber.as_ref().map(tracing::dispatcher::set_default);
        let allocations = ALLOCATIONS.get();
        let clock = Clock::system();
        let began = clock.now();
        for _ in 0..requests {
            self.request().await;
        }
        self.nanos.push(nanos(clock.now() - began) / f64::from(requests));
        self.allocations = (ALLOCATIONS.get() - allocations) / u64::from(requests);
    }

    fn median(&self) -> f64 {
        let mut nanos = self.nanos.clone();
        nanos.sort_by(f64::total_cmp);
        nanos[nanos.len() / 2]
    }
}

fn nanos(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

fn routes() -> Router {
    Router::new().route("/api/v1/portfolios/{id}", get(async || "a portfolio"))
}

fn monitoring_with(access_log: AccessLog) -> Monitoring {
    builder().access_log(access_log).build().expect("valid settings")
}

/// Asks for paths with methods and hosts of which no two are alike.
async fn attack(router: Router) -> Router {
    const REQUESTS: u32 = 100_000;
    let router = router.with_state(());
    for number in 0..REQUESTS {
        let request = Request::builder()
            .method(format!("M{number}").as_str())
            .uri(format!("/{number}"))
            .header("host", format!("host{number}"))
            .body(Body::empty())
            .expect("a valid request");
        let response = router.clone().oneshot(request).await.expect("the router does not fail");
        assert_eq!(response.status(), 404);
    }
    router
}

async fn layers(prometheus: PrometheusMetricLayer<'static>) -> Table {
    let monitoring = monitoring();
    // Read by nobody, as the other registries here.
    let provider = SdkMeterProvider::builder().with_reader(ManualReader::builder().build()).build();
    global::set_meter_provider(provider);
    let opentelemetry = LayerBuilder::builder().with_tracing(false).build().expect("a valid layer");
    let attacked = attack(routes().layer(monitoring::monitoring().http_metrics_layer())).await;
    let contender = |name, router| Contender::new(name, router, None);
    Table {
        title: "layers alone, without a tracing subscriber",
        peer: "axum-prometheus 0.10",
        contenders: vec![
            contender(NOOP, routes().layer(Noop)),
            contender("no layer", routes()),
            contender("HttpMetricsLayer", routes().layer(monitoring.http_metrics_layer())),
            contender("HttpMetricsLayer, after 100,000 hostile requests", attacked),
            contender("http_layer: metrics, trace, both headers", routes().layer(monitoring.http_layer())),
            contender("axum-prometheus 0.10", routes().layer(prometheus)),
            contender("opentelemetry-instrumentation-tower 0.19, metrics", routes().layer(opentelemetry)),
        ],
        logging: None,
    }
}

fn stacks(prometheus: PrometheusMetricLayer<'static>) -> Table {
    let monitoring = monitoring();
    let [logged, sampled, shown] =
        [AccessLog::new(), AccessLog::new().sample(0.0), AccessLog::new().path().request_id()].map(monitoring_with);
    // The process's own, as it is where nobody has a subscriber of his own: those cost a look at the thread.
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).expect("nothing else sets one");
    let json = Dispatch::new(tracing_subscriber::fmt().json().with_writer(std::io::sink).finish());
    let log = logged.log_layer().with_filter(logged.log_filter());
    let ours = Dispatch::new(tracing_subscriber::registry().with(log));
    let contender = |name, router, subscriber: Option<&Dispatch>| Contender::new(name, router, subscriber.cloned());
    let trace = TraceLayer::new_for_http()
        .make_span_with(DefaultMakeSpan::new().level(Level::INFO))
        .on_response(DefaultOnResponse::new().level(Level::INFO));
    let peers = routes()
        .layer(prometheus)
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(trace)
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid));
    Table {
        title: "with a tracing subscriber: its span, and one JSON line a request to a writer that discards it",
        peer: "axum-prometheus, tower-http trace and request-id, tracing-subscriber JSON",
        contenders: vec![
            contender(NOOP, routes().layer(Noop), None),
            contender("HttpMetricsLayer", routes().layer(monitoring.http_metrics_layer()), None),
            contender("http_layer, registry without layers", routes().layer(monitoring.http_layer()), None),
            contender("http_layer, log_layer", routes().layer(monitoring.http_layer()), Some(&ours)),
            contender(
                "http_layer, log_layer, access log that samples out",
                routes().layer(sampled.http_layer()),
                Some(&ours),
            ),
            contender("http_layer, log_layer, access log", routes().layer(logged.http_layer()), Some(&ours)),
            contender(
                "http_layer, log_layer, access log with path and request id",
                routes().layer(shown.http_layer()),
                Some(&ours),
            ),
            contender("axum-prometheus, tower-http trace and request-id, tracing-subscriber JSON", peers, Some(&json)),
        ],
        logging: Some(logged),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let (rounds, requests) = if arguments.iter().any(|arg| arg == "--test") { (3, 100) } else { (41, 20_000) };
    let only = arguments.iter().position(|arg| arg == "--only").and_then(|at| arguments.get(at + 1).cloned());
    let bench = Bench { rounds, requests, only };
    let (prometheus, _handle) = PrometheusMetricLayer::pair();
    bench.run(layers(prometheus.clone()).await).await;
    // Not before, since a subscriber that exists costs every callsite something.
    bench.run(stacks(prometheus)).await;
}

/// How much is measured.
struct Bench {
    rounds: u32,
    requests: u32,
    only: Option<String>,
}

impl Bench {
    async fn run(&self, mut table: Table) {
        if let Some(only) = &self.only {
            table.contenders.retain(|contender| contender.name == NOOP || contender.name.contains(only.as_str()));
        }
        for contender in &mut table.contenders {
            contender.round(self.requests).await;
            contender.nanos.clear();
        }
        for _ in 0..self.rounds {
            for contender in &mut table.contenders {
                contender.round(self.requests).await;
            }
        }
        report(&table);
    }
}

fn report(table: &Table) {
    let noop = &table.contenders[0];
    let cost = |contender: &Contender| contender.median() - noop.median();
    let peer = table.contenders.iter().find(|contender| contender.name == table.peer).map(cost);
    println!("\n{}; median ns a request, ratio to {}", table.title, table.peer);
    println!("{:<76} {:>8} {:>11} {:>8} {:>18}", "", "ns", "over no-op", "ratio", "allocations over");
    for contender in &table.contenders {
        let ratio = peer.map_or_else(String::new, |peer| format!("{:.3}", cost(contender) / peer));
        println!(
            "{:<76} {:>8.0} {:>11.0} {:>8} {:>18}",
            contender.name,
            contender.median(),
            cost(contender),
            ratio,
            contender.allocations.cast_signed() - noop.allocations.cast_signed(),
        );
    }
    if let Some(monitoring) = &table.logging {
        let snapshot = monitoring.registry().snapshot();
        let [lines, dropped] =
            ["log_lines_total", "log_lines_dropped_total"].map(|name| snapshot.sum(name, &[]).unwrap_or_default());
        if dropped > 0.0 {
            println!("{dropped} of {lines} lines found no room in the log's buffer: the machine is busy elsewhere");
        }
    }
}
