//! An event under two spans allocates nothing once a thread's buffers have grown.
#![cfg(feature = "log")]
#![allow(unsafe_code, reason = "a counting allocator implements an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use aistm7_monitoring::log::{Log, LogOptions, Sink};
use aistm7_monitoring::metrics::{Meter, Registry};
use aistm7_monitoring::trace::TraceContext;
use tracing::{error, info_span};
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

thread_local! {
    /// Of this thread only, so that the writer and the test harness do not count.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn event_under_spans_allocates_nothing_after_warm_up() {
    let options = LogOptions::new("risk-analysis").sink(Sink::Writer(Box::new(std::io::sink())));
    let log = Log::start(options, &Meter::new(&Registry::new())).expect("a valid log");
    let subscriber = tracing_subscriber::registry().with(log.layer().with_filter(log.directives().clone()));
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
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
