//! What a line costs: an event inside two spans, and a whole request of two spans and an event, beside two peers.
//!
//! The event has four fields (two texts, an integer, a float) and each span three. Every contender writes JSON and
//! discards it; ours goes through its buffer and writer thread, with caps, redaction and the fence against panicking
//! formatters on. Rounds are interleaved; a ratio is the median over rounds of the ratios within one round.
//!
//! `--test` runs a short round only, to prove that the bench works. `--assert` fails when a ratio or an allocation is
//! above its bound. `--only TEXT` leaves out what is not called so, for a profiler.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

#[path = "../tests/support/counting.rs"]
mod counting;

use std::time::Duration;

use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::log::{Log, LogOptions, Redaction, Sink};
use aistm7_monitoring::metrics::{Meter, Registry};
use counting::ALLOCATIONS;
use tracing::level_filters::LevelFilter;
use tracing::span::EnteredSpan;
use tracing::{Dispatch, error, info_span};
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

const OURS: &str = "JsonLayer";
const TRACING_SUBSCRIBER: &str = "tracing-subscriber 0.3 JSON";
const JSON_SUBSCRIBER: &str = "json-subscriber 0.3";

/// What the issue that asked for this layer set as bounds: how it compares with which peer.
const EVENT_BOUNDS: [(&str, f64); 2] = [(TRACING_SUBSCRIBER, 0.12), (JSON_SUBSCRIBER, 0.3)];
const REQUEST_BOUNDS: [(&str, f64); 1] = [(TRACING_SUBSCRIBER, 0.2)];

struct Contender {
    name: &'static str,
    subscriber: Dispatch,
    /// Ours, whose writer is waited for between rounds.
    log: Option<Log>,
    nanos: Vec<f64>,
    allocations: f64,
}

/// How much is measured.
struct Bench {
    rounds: usize,
    events: u32,
    only: Option<String>,
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let only = arguments.iter().position(|argument| argument == "--only").and_then(|at| arguments.get(at + 1).cloned());
    let (rounds, events) = if has("--test") { (3, 100) } else { (101, 2_000) };
    let bench = Bench { rounds, events, only };
    let events = bench.run("one event in two spans", Work::Event);
    let requests = bench.run("a whole request: two spans and one event", Work::Request);
    if has("--assert") {
        let missed = [missed(&events, &EVENT_BOUNDS), missed(&requests, &REQUEST_BOUNDS)].concat();
        let allocations = events.iter().find(|contender| contender.name == OURS).map(|ours| ours.allocations);
        assert!(missed.is_empty(), "{missed:?}");
        assert_eq!(allocations, Some(0.0), "allocations an event");
    }
}

/// What is timed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Event,
    Request,
}

impl Work {
    fn run(self, times: u32) {
        match self {
            Self::Event => {
                let _spans = spans(0);
                (0..times).for_each(event);
            }
            Self::Request => {
                for attempt in 0..times {
                    let _spans = spans(attempt);
                    event(attempt);
                }
            }
        }
    }
}

/// Left in the order opposite to that of entering: the inner one first.
fn spans(run: u32) -> (EnteredSpan, EnteredSpan) {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let outer = info_span!("request", trace, method = "GET", route = "/api/v1/portfolios/{id}/risk").entered();
    let inner = info_span!("calculation", model = "historical-var", confidence = 0.99, run).entered();
    (inner, outer)
}

fn event(attempt: u32) {
    let error = "InsufficientHistoricalData";
    error!(error, portfolio = "user123", attempt, latency_ms = 12.75, "Failed to calculate VaR");
}

/// What the levels hold for.
#[derive(Clone, Copy)]
enum Filtering {
    /// The whole subscriber: the peers' are made so, and that of `Monitoring::install`.
    Subscriber,
    /// One layer of several, as in a subscriber of the host's own.
    Layer,
}

impl Contender {
    fn peer(name: &'static str, subscriber: impl Into<Dispatch>) -> Self {
        Self { name, subscriber: subscriber.into(), log: None, nanos: Vec::new(), allocations: 0.0 }
    }

    fn ours(name: &'static str, redaction: Redaction, filter: Filtering) -> Self {
        let options =
            LogOptions::new("risk-analysis").redaction(redaction).sink(Sink::Writer(Box::new(std::io::sink())));
        let log = Log::start(options, &Meter::new(&Registry::new())).expect("valid settings");
        let registry = tracing_subscriber::registry();
        let subscriber = match filter {
            Filtering::Subscriber => Dispatch::new(registry.with(log.layer().and_then(log.levels().clone()))),
            Filtering::Layer => Dispatch::new(registry.with(log.layer().with_filter(log.levels().clone()))),
        };
        Self { log: Some(log), ..Self::peer(name, subscriber) }
    }

    fn round(&mut self, work: Work, times: u32) {
        let _subscriber = tracing::dispatcher::set_default(&self.subscriber);
        let allocations = ALLOCATIONS.get();
        let clock = Clock::system();
        let began = clock.now();
        work.run(times);
        let took = clock.now() - began;
        self.allocations = (ALLOCATIONS.get() - allocations) as f64 / f64::from(times);
        self.nanos.push(took.as_secs_f64() * 1e9 / f64::from(times));
        if let Some(log) = &self.log {
            assert_eq!(log.flush(Duration::from_secs(60)).lost, 0, "a line that was dropped cost too little");
        }
    }
}

impl Bench {
    fn run(&self, title: &str, work: Work) -> Vec<Contender> {
        let wanted = |name: &str| self.only.as_deref().is_none_or(|only| name.contains(only));
        let json = tracing_subscriber::fmt().json().with_writer(std::io::sink).finish();
        let other = json_subscriber::fmt().with_writer(std::io::sink).finish();
        let mut contenders = vec![
            Contender::peer("registry with a level only", tracing_subscriber::registry().with(LevelFilter::INFO)),
            Contender::ours(OURS, Redaction::new(), Filtering::Subscriber),
            Contender::ours("JsonLayer, a filter of its own", Redaction::new(), Filtering::Layer),
            Contender::ours("JsonLayer, values looked into", Redaction::new().scrub_values(), Filtering::Subscriber),
            Contender::peer(JSON_SUBSCRIBER, other),
            Contender::peer(TRACING_SUBSCRIBER, json),
        ];
        contenders.retain(|contender| wanted(contender.name));
        for round in 0..self.rounds + WARM_UP {
            for contender in &mut contenders {
                contender.round(work, self.events);
                if round < WARM_UP {
                    contender.nanos.clear();
                }
            }
        }
        report(title, &contenders);
        contenders
    }
}

/// Rounds that do not count. The writer swaps two buffers, which both have to grow.
const WARM_UP: usize = 8;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median over rounds of what one took in a round for what the other took in it.
fn ratio(one: &Contender, other: &Contender) -> f64 {
    median(one.nanos.iter().zip(&other.nanos).map(|(one, other)| one / other).collect())
}

fn missed(contenders: &[Contender], bounds: &[(&str, f64)]) -> Vec<String> {
    let named = |name: &str| contenders.iter().find(|contender| contender.name == name).expect("a contender");
    let ours = named(OURS);
    let ratios = bounds.iter().map(|(peer, bound)| (peer, ratio(ours, named(peer)), bound));
    ratios.filter(|(_, found, bound)| found > bound).map(|missed| format!("{missed:?}")).collect()
}

fn report(title: &str, contenders: &[Contender]) {
    println!("\n{title}; median ns, quickest round, allocations, ratios to peers of the same round");
    println!(
        "{:<32} {:>8} {:>8} {:>6} {:>19} {:>16}",
        "", "median", "quickest", "allocs", "tracing-subscriber", "json-subscriber"
    );
    for contender in contenders {
        let ratio_to = |name: &str| {
            let peer = contenders.iter().find(|peer| peer.name == name);
            peer.map_or_else(String::new, |peer| format!("{:.3}", ratio(contender, peer)))
        };
        println!(
            "{:<32} {:>8.0} {:>8.0} {:>6.1} {:>19} {:>16}",
            contender.name,
            median(contender.nanos.clone()),
            contender.nanos.iter().copied().fold(f64::INFINITY, f64::min),
            contender.allocations,
            ratio_to(TRACING_SUBSCRIBER),
            ratio_to(JSON_SUBSCRIBER),
        );
    }
}
