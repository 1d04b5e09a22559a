//! What evaluating this crate's rules in the process costs, beside the snapshot that it is done over and the page of a scrape,
//! in one run: by rule and by series, with short and with full histories.
//!
//! Each series of requests changes between two evaluations, the worst case. The figures are medians over rounds. `--test`
//! runs short rounds only, to prove that the bench works.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

#[path = "support/monitoring.rs"]
mod monitoring;

use std::hint::black_box;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::alert::evaluate::{Evaluation, Evaluator};
use aistm7_monitoring::alert::{Alerts, RuleSet};
use aistm7_monitoring::clock::{Clock, ManualClock};
use aistm7_monitoring::metrics::Registry;
use metrics::with_local_recorder;
use monitoring::monitoring;

const EVERY: Duration = Duration::from_secs(15);

/// Requests to so many routes: two counters and a histogram each.
fn requests(registry: &Registry, routes: usize) {
    with_local_recorder(registry, || {
        for route in 0..routes {
            let route = format!("/api/v1/portfolios/{{id}}/positions/{route:05}");
            let labels = || [("method", "GET".to_owned()), ("route", route.clone())];
            let ended = |outcome: &str| [("outcome", outcome.to_owned()), ("status", "200".to_owned())];
            let with = |outcome| labels().into_iter().chain(ended(outcome)).collect::<Vec<_>>();
            metrics::counter!("api_requests_total", &with("ok")).increment(3);
            metrics::counter!("api_errors_total", &with("server_error")).increment(1);
            let head = labels().into_iter().chain([("status_class", "2xx".to_owned())]).collect::<Vec<_>>();
            metrics::histogram!("api_response_time_seconds", &head).record(0.03);
        }
    });
}

fn median(mut nanos: Vec<f64>) -> f64 {
    nanos.sort_by(f64::total_cmp);
    nanos[nanos.len() / 2]
}

/// What an act takes, in nanoseconds.
fn timed(rounds: usize, mut act: impl FnMut()) -> f64 {
    let clock = Clock::system();
    let rounds = (0..rounds).map(|_| {
        let began = clock.now();
        act();
        (clock.now() - began).as_nanos() as f64
    });
    median(rounds.collect())
}

struct Bench {
    monitoring: Monitoring,
    rules: RuleSet,
    held: ManualClock,
    evaluator: Evaluator,
}

impl Bench {
    fn new() -> Self {
        let monitoring = monitoring();
        let rules = Alerts::new().bind(&monitoring.catalog()).expect("rules of this crate make sense");
        let held = ManualClock::new();
        let options = Evaluation::new().grace(Duration::ZERO).memory(1 << 30).label("service", "bench");
        let evaluator = Evaluator::new(&rules, options, held.clock());
        Self { monitoring, rules, held, evaluator }
    }

    fn step(&mut self, routes: usize) -> f64 {
        requests(self.monitoring.registry(), routes);
        let snapshot = self.monitoring.registry().snapshot();
        self.held.advance(EVERY);
        timed(1, || drop(black_box(self.evaluator.step(&snapshot))))
    }
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    // A full history is that of the longest window that requests are looked at in, two hours of an hour's errors.
    let (rounds, full) = if is_test { (2, 4) } else { (31, 2 * 240) };
    println!("{:<58} {:>12} {:>12} {:>12}", "", "us", "us/rule", "ns/series");
    for routes in if is_test { vec![3] } else { vec![10, 100, 1_000, 3_000] } {
        let mut bench = Bench::new();
        let rules = (bench.rules.rules().len() - bench.evaluator.refused().len()) as f64;
        let series = (routes * 3) as f64;
        let row = |what: &str, nanos: f64| {
            let title = format!("{what}, {routes} routes");
            println!("{title:<58} {:>12.1} {:>12.2} {:>12.1}", nanos / 1e3, nanos / 1e3 / rules, nanos / series);
        };
        let young = median((0..rounds).map(|_| bench.step(routes)).collect());
        row("evaluate, first minutes", young);
        (0..full).for_each(|_| {
            bench.step(routes);
        });
        let old = median((0..rounds).map(|_| bench.step(routes)).collect());
        row("evaluate, full history", old);
        let registry = bench.monitoring.registry();
        row("snapshot", timed(rounds, || drop(black_box(registry.snapshot()))));
        row("render the page of a scrape", timed(rounds, || drop(black_box(registry.render()))));
    }
}
