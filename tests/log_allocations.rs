//! An event under two spans allocates nothing once a thread's buffers have grown.
#![cfg(feature = "log")]

#[path = "support/counting.rs"]
mod counting;

use std::time::Duration;

use aistm7_monitoring::log::{Log, LogOptions, Redaction, Sink};
use aistm7_monitoring::metrics::{Meter, Registry};
use aistm7_monitoring::trace::TraceContext;
use counting::ALLOCATIONS;
use tracing::{error, info_span};
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

#[test]
fn event_under_spans_allocates_nothing_after_warm_up() {
    for redaction in [Redaction::new(), Redaction::new().hide("*_phrase").scrub_values()] {
        assert_eq!(allocations_of_events(redaction), 0);
    }
}

fn allocations_of_events(redaction: Redaction) -> u64 {
    let options = LogOptions::new("risk-analysis").redaction(redaction).sink(Sink::Writer(Box::new(std::io::sink())));
    let log = Log::start(options, &Meter::new(&Registry::new())).expect("a valid log");
    let subscriber = tracing_subscriber::registry().with(log.layer().with_filter(log.levels().clone()));
    let _default = tracing::subscriber::set_default(subscriber);
    let _context = TraceContext::new_root().enter();
    let _outer = info_span!("request", method = "GET", route = "/portfolios/{id}", attempt = 1).entered();
    let _inner = info_span!("calculation", model = "historical-var", password = "x", route = "shadowed").entered();
    let events = || {
        for attempt in 0..20 {
            error!(error = %"InsufficientHistoricalData", attempt, latency = 12.75, absent = f64::NAN, "Failed: {}", 1);
        }
        let _ = log.flush(Duration::from_secs(20));
    };
    // Several rounds, since the writer swaps two buffers that both have to grow.
    for _ in 0..8 {
        events();
    }
    let before = ALLOCATIONS.get();
    events();
    ALLOCATIONS.get() - before
}
