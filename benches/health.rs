//! What `GET /health` costs, side by side in one run: with 4 and with 100 checks, for strangers and with details, while the
//! checks work and while each of them blocks its thread.
//!
//! Every contender is a route of an axum router, called in memory on one thread. Beside each there is a bare handler that
//! answers a static body of the same size, so the ratio is what the answer costs beyond axum. Rounds are interleaved; the
//! median and the 99th percentile are over all requests of all rounds.
//!
//! `--test` runs short rounds only, to prove that the bench works.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

#[path = "../tests/support/counting.rs"]
mod counting;

use std::sync::{Arc, Barrier};
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::health::{CheckFailure, CheckOptions, CheckReport, Status, check_fn};
use aistm7_monitoring::log::Sink;
use aistm7_monitoring::monitoring::Variables;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use counting::ALLOCATIONS;
use http_body_util::BodyExt;
use tower::ServiceExt;

/// What the checks do when they are run.
#[derive(Clone, Copy)]
enum Checks {
    Work,
    /// Each stands on its thread until the bench is over.
    Block,
}

/// Longer than the checks' timeout and the time after which a run counts as stuck.
const UNTIL_STUCK: Duration = Duration::from_secs(30);

async fn monitoring(count: usize, checks: Checks) -> Monitoring {
    let mut builder = Monitoring::builder("bench")
        .environment("test")
        .variables(Variables::from([]))
        .log(|log| log.sink(Sink::Writer(Box::new(std::io::sink()))));
    // Nobody else comes to it, so nobody passes it.
    let wall = Arc::new(Barrier::new(count + 1));
    for number in 0..count {
        let options = CheckOptions::new().timeout(Duration::from_millis(100)).failure_threshold(1);
        let wall = Arc::clone(&wall);
        let check = check_fn(move || {
            let wall = Arc::clone(&wall);
            async move {
                if let Checks::Block = checks {
                    wall.wait();
                }
                Ok::<_, CheckFailure>(
                    CheckReport::healthy().with_data("slot", 350_000_000_u64).with_data("lag_seconds", 0.4),
                )
            }
        });
        builder = builder.check_with(format!("check-{number}"), check, options);
    }
    let monitoring = builder.build().expect("valid settings");
    let expected = match checks {
        Checks::Work => (Status::Healthy, None),
        Checks::Block => (Status::Unhealthy, Some("stuck")),
    };
    let are_there = || {
        let report = monitoring.health().report();
        report.checks().iter().all(|check| (check.status, check.reason) == expected)
    };
    tokio::time::timeout(UNTIL_STUCK, async {
        while !are_there() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the checks come to this within seconds");
    monitoring
}

struct Contender {
    name: String,
    router: Router,
    /// Of each request.
    nanos: Vec<u64>,
    allocations: u64,
    body_bytes: usize,
}

impl Contender {
    fn new(name: String, router: Router) -> Self {
        Self { name, router, nanos: Vec::new(), allocations: 0, body_bytes: 0 }
    }

    async fn body(&self) -> axum::body::Bytes {
        let request = Request::get("/health").body(Body::empty()).expect("a valid request");
        let response = self.router.clone().oneshot(request).await.expect("the router does not fail");
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.expect("the body does not fail").to_bytes()
    }

    async fn round(&mut self, requests: u32) {
        let clock = Clock::system();
        // Else growing would be counted.
        self.nanos.reserve(requests as usize);
        let allocations = ALLOCATIONS.get();
        for _ in 0..requests {
            let began = clock.now();
            self.body_bytes = self.body().await.len();
            // A request takes no 500 years.
            self.nanos.push((clock.now() - began).as_nanos() as u64);
        }
        self.allocations = (ALLOCATIONS.get() - allocations) / u64::from(requests);
    }

    /// So many of a hundred requests took no longer, in microseconds.
    fn percentile(&self, percent: usize) -> f64 {
        let mut nanos = self.nanos.clone();
        nanos.sort_unstable();
        nanos[(nanos.len() - 1) * percent / 100] as f64 / 1e3
    }
}

/// The route, and a handler that answers as many bytes.
async fn pair(name: String, routes: Router) -> [Contender; 2] {
    let ours = Contender::new(name, routes);
    let text: &'static str = String::from_utf8(ours.body().await.to_vec()).expect("JSON is UTF-8").leak();
    let bare = Router::new().route("/health", get(move || async move { ([(CONTENT_TYPE, "application/json")], text) }));
    [ours, Contender::new("    a static body of that size".to_owned(), bare)]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (rounds, requests) = if is_test { (3, 20) } else { (41, 2_000) };
    let mut all = Vec::new();
    // They are asked for as long as the bench lasts.
    let mut alive = Vec::new();
    for (checks, doing) in [(Checks::Work, "that work"), (Checks::Block, "that block their threads")] {
        for count in [4, 100] {
            let monitoring = monitoring(count, checks).await;
            all.extend(pair(format!("{count} checks {doing}"), monitoring.routes()).await);
            all.extend(pair(format!("{count} checks {doing}, details"), monitoring.admin_routes()).await);
            alive.push(monitoring);
        }
    }
    for contender in &mut all {
        contender.round(requests).await;
        contender.nanos.clear();
    }
    for _ in 0..rounds {
        for contender in &mut all {
            contender.round(requests).await;
        }
    }
    report(&all);
}

fn report(all: &[Contender]) {
    let header = ["median µs", "p99 µs", "/ static", "bytes", "allocations"];
    println!(
        "{:<44} {:>10} {:>9} {:>9} {:>8} {:>12}",
        "GET /health", header[0], header[1], header[2], header[3], header[4]
    );
    for pair in all.chunks(2) {
        for contender in pair {
            let ratio = contender.percentile(50) / pair[1].percentile(50);
            println!(
                "{:<44} {:>10.2} {:>9.2} {ratio:>9.2} {:>8} {:>12}",
                contender.name,
                contender.percentile(50),
                contender.percentile(99),
                contender.body_bytes,
                contender.allocations,
            );
        }
    }
}
