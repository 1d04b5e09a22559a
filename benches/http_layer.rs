//! What one request costs with each metrics layer, side by side in one run.
//!
//! Every contender answers the same fixed body on the same route through an axum router, called in memory on one
//! thread, with its series warm. Rounds are interleaved; the figures are medians over rounds. `--test` runs a short
//! round only, to prove that the bench works.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

#[path = "../tests/support/counting.rs"]
mod counting;
#[path = "../tests/support/noop.rs"]
mod noop;

use std::time::Duration;

use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::drain::Drain;
use aistm7_monitoring::http::{HttpLayer, HttpMetricsLayer, TraceLayer};
use aistm7_monitoring::metrics::{Meter, Registry};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use counting::ALLOCATIONS;
use http_body_util::BodyExt;
use noop::Noop;
use tower::ServiceExt;

struct Contender {
    name: &'static str,
    router: Router,
    nanos: Vec<f64>,
    allocations: u64,
}

impl Contender {
    fn new(name: &'static str, router: Router) -> Self {
        Self { name, router: router.with_state(()), nanos: Vec::new(), allocations: 0 }
    }

    async fn request(&self) {
        let request = Request::get("/api/v1/portfolios/7").body(Body::empty()).expect("a valid request");
        let response = self.router.clone().oneshot(request).await.expect("the router does not fail");
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.expect("the body does not fail");
    }

    async fn round(&mut self, requests: u32) {
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

fn contenders() -> Vec<Contender> {
    let registry = Registry::new();
    let metrics = HttpMetricsLayer::new(&Meter::new(&registry), Clock::system(), Drain::new(), [])
        .expect("a fresh registry takes every definition");
    let (prometheus, _handle) = axum_prometheus::PrometheusMetricLayer::pair();
    vec![
        Contender::new("bare router", routes()),
        Contender::new("no-op layer", routes().layer(Noop)),
        Contender::new("HttpMetricsLayer", routes().layer(metrics.clone())),
        Contender::new(
            "http_layer (metrics, trace, headers)",
            routes().layer(HttpLayer::new(TraceLayer::new(), metrics)),
        ),
        Contender::new("axum-prometheus 0.10", routes().layer(prometheus)),
    ]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (rounds, requests) = if std::env::args().any(|arg| arg == "--test") { (3, 100) } else { (41, 20_000) };
    let mut contenders = contenders();
    for contender in &mut contenders {
        contender.round(requests).await;
        contender.nanos.clear();
    }
    for _ in 0..rounds {
        for contender in &mut contenders {
            contender.round(requests).await;
        }
    }
    report(&contenders);
}

fn report(contenders: &[Contender]) {
    let find =
        |name: &str| contenders.iter().find(|contender| contender.name.starts_with(name)).expect("is contending");
    let (noop, peer) = (find("no-op"), find("axum-prometheus"));
    let peer_cost = peer.median() - noop.median();
    println!(
        "{:<38} {:>10} {:>16} {:>14} {:>24}",
        "per request", "ns", "ns over no-op", "allocations", "cost / axum-prometheus'"
    );
    for contender in contenders {
        let cost = contender.median() - noop.median();
        println!(
            "{:<38} {:>10.0} {:>16.0} {:>14} {:>24.3}",
            contender.name,
            contender.median(),
            cost,
            contender.allocations,
            cost / peer_cost
        );
    }
}
