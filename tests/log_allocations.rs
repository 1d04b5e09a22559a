//! Events and the spans around them allocate nothing once buffers have grown.
#![cfg(feature = "log")]

#[path = "support/counting.rs"]
mod counting;

use std::time::Duration;

use aistm7_monitoring::log::{Log, LogOptions, Redaction, Repeats, Sink};
use aistm7_monitoring::metrics::{Meter, Registry};
use aistm7_monitoring::trace::TraceContext;
use counting::ALLOCATIONS;
use tracing::span::EnteredSpan;
use tracing::{error, info_span};
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

#[test]
fn event_under_spans_allocates_nothing_after_warm_up() {
    let events = || {
        let _context = TraceContext::new_root().enter();
        let _spans = spans(1);
        let before = ALLOCATIONS.get();
        (0..20).for_each(event);
        ALLOCATIONS.get() - before
    };
    for redaction in [Redaction::new(), Redaction::new().hide("*_phrase").scrub_values()] {
        assert_eq!(allocations_after_warm_up(|options| options.redaction(redaction), events), 0);
    }
    // Limits that every event is asked about, and none is held back by.
    let limits = Repeats::per_callsite(1_000_000, Duration::from_secs(1)).errors_too();
    assert_eq!(allocations_after_warm_up(|options| options.repeats(limits), events), 0);
}

#[test]
fn events_that_are_held_back_allocate_nothing_until_they_are_told() {
    let events = || {
        // One passes, and the next opens its callsite's account of what is to be told.
        (0..2).for_each(event);
        let before = ALLOCATIONS.get();
        (0..20).for_each(event);
        ALLOCATIONS.get() - before
    };
    let limits = Repeats::per_callsite(1, Duration::from_secs(60)).errors_too();
    assert_eq!(allocations_after_warm_up(|options| options.repeats(limits), events), 0);
}

#[test]
fn requests_of_spans_and_events_allocate_nothing_after_warm_up() {
    let requests = || {
        let before = ALLOCATIONS.get();
        for attempt in 0..20 {
            let (outer, _inner) = spans(attempt);
            outer.record("route", "/elsewhere");
            event(attempt);
        }
        ALLOCATIONS.get() - before
    };
    assert_eq!(allocations_after_warm_up(|options| options, requests), 0);
}

fn spans(attempt: u32) -> (EnteredSpan, EnteredSpan) {
    let outer = info_span!("request", method = "GET", route = "/portfolios/{id}", attempt).entered();
    let inner = info_span!("calculation", model = "historical-var", password = "x", route = "shadowed").entered();
    (outer, inner)
}

fn event(attempt: u32) {
    error!(error = %"InsufficientHistoricalData", attempt, latency = 12.75, absent = f64::NAN, "Failed: {}", 1);
}

/// What `work` says that it allocated, once all buffers have grown.
fn allocations_after_warm_up(settings: impl FnOnce(LogOptions) -> LogOptions, work: impl Fn() -> u64) -> u64 {
    let options = LogOptions::new("risk-analysis").sink(Sink::Writer(Box::new(std::io::sink())));
    let log = Log::start(settings(options), &Meter::new(&Registry::new())).expect("a valid log");
    let subscriber = tracing_subscriber::registry().with(log.layer().with_filter(log.levels().clone()));
    let _default = tracing::subscriber::set_default(subscriber);
    // Several rounds, since the writer swaps two buffers that both have to grow.
    for _ in 0..8 {
        work();
        let _ = log.flush(Duration::from_secs(20));
    }
    work()
}
