//! Events and the spans around them allocate nothing once buffers have grown.
#![cfg(feature = "log")]

#[path = "support/counting.rs"]
mod counting;

use std::time::Duration;

use aistm7_monitoring::log::{Log, LogOptions, Redaction, Sink};
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
        assert_eq!(allocations_after_warm_up(redaction, events), 0);
    }
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
    assert_eq!(allocations_after_warm_up(Redaction::new(), requests), 0);
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
fn allocations_after_warm_up(redaction: Redaction, work: impl Fn() -> u64) -> u64 {
    let options = LogOptions::new("risk-analysis").redaction(redaction).sink(Sink::Writer(Box::new(std::io::sink())));
    let log = Log::start(options, &Meter::new(&Registry::new())).expect("a valid log");
    let subscriber = tracing_subscriber::registry().with(log.layer().with_filter(log.levels().clone()));
    let _default = tracing::subscriber::set_default(subscriber);
    // Several rounds, since the writer swaps two buffers that both have to grow.
    for _ in 0..8 {
        work();
        let _ = log.flush(Duration::from_secs(20));
    }
    work()
}
