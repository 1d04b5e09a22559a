use std::thread;
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt as _;

use super::export::{Export, Source};
use super::options::OtlpOptions;
use super::threads;
use crate::clock::Clock;
use crate::log::{Log, LogOptions, Sink};
use crate::metrics::{Meter, Registry};
use crate::trace::TraceContext;

/// An export to where nobody listens, and its numbers.
fn export() -> (Export, Registry) {
    let registry = Registry::new();
    let meter = Meter::new(&registry);
    let log = Log::start(LogOptions::new("under-test").sink(Sink::Writer(Box::new(std::io::sink()))), &meter).unwrap();
    let source =
        Source { meter: &meter, clock: &Clock::system(), log: &log, resource: Vec::new(), variable: &|_| None };
    let options = OtlpOptions::new().endpoint("http://127.0.0.1:1").timeout(Duration::from_millis(1)).logs();
    (Export::start(&options, source).unwrap(), registry)
}

#[test]
fn threads_that_export_are_not_exported() {
    let (export, registry) = export();
    let told = |marked: fn()| {
        let before = registry.snapshot().sum("otlp_items_total", &[]).unwrap();
        let layer = export.layer();
        let tell = move || {
            marked();
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                let context = TraceContext::new_root();
                let _entered = context.enter();
                tracing::info_span!("span").in_scope(|| tracing::info!("event"));
            });
        };
        thread::spawn(tell).join().unwrap();
        registry.snapshot().sum("otlp_items_total", &[]).unwrap() - before
    };
    assert_eq!((told(threads::mark_this), told(|| ())), (0.0, 2.0));
}

#[test]
fn two_exports_in_one_subscriber_each_have_a_span_of_their_own() {
    let ((first, numbers), (second, others)) = (export(), export());
    let subscriber = tracing_subscriber::registry().with(first.layer()).with(first.layer()).with(second.layer());
    tracing::subscriber::with_default(subscriber, || {
        let context = TraceContext::new_root();
        let _entered = context.enter();
        drop(tracing::info_span!("span"));
    });
    for registry in [numbers, others] {
        registry.snapshot().assert_value("otlp_items_total", &[("signal", "spans")], 1);
    }
}
