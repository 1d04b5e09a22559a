//! What is counted of a cache of any make.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{CacheMetrics, CacheSize, Caches, Removal};
use crate::clock::ManualClock;
use crate::metrics::{Meter, Registry, Snapshot};

const fn shareable<T: Clone + Send + Sync + 'static>() {}

/// Auto traits are API.
const _: () = {
    shareable::<Caches>();
    shareable::<CacheMetrics>();
};

struct Bench {
    registry: Registry,
    clock: ManualClock,
    prices: CacheMetrics,
}

impl Bench {
    fn new() -> Self {
        let (registry, clock) = (Registry::new(), ManualClock::new());
        let caches = Caches::new(&Meter::new(&registry), clock.clock()).unwrap();
        Self { registry, clock, prices: caches.named("prices") }
    }

    /// One look-up missed, and its load, the only one, ended so after as many seconds.
    #[track_caller]
    fn assert_loaded(&self, outcome: &str, seconds: f64) {
        let snapshot = self.registry.snapshot();
        snapshot.assert_value("cache_requests_total", &[("cache", "prices"), ("result", "miss")], 1);
        snapshot.assert_samples("cache_load_duration_seconds", &[], 1);
        snapshot.assert_samples("cache_load_duration_seconds", &[("outcome", outcome)], 1);
        assert_eq!(snapshot.histogram("cache_load_duration_seconds", &[]).unwrap().sum, seconds);
    }

    fn entries(&self) -> Option<f64> {
        self.registry.snapshot().value("cache_entries", &[("cache", "prices")])
    }
}

#[test]
fn every_counter_is_there_at_zero_and_no_size_is() {
    let bench = Bench::new();
    let snapshot: Snapshot = bench.registry.snapshot();
    for result in ["hit", "miss", "failed"] {
        snapshot.assert_value("cache_requests_total", &[("cache", "prices"), ("result", result)], 0);
    }
    for metric in ["cache_evictions_total", "cache_removals_total", "cache_inserts_total"] {
        snapshot.assert_sum(metric, &[("cache", "prices")], 0);
    }
    for metric in ["cache_entries", "cache_weighted_size", "cache_capacity"] {
        snapshot.assert_absent(metric, &[]);
    }
}

#[test]
fn reasons_to_leave_are_evictions_or_removals() {
    let bench = Bench::new();
    for removal in Removal::ALL {
        bench.prices.removed(*removal);
    }
    let snapshot = bench.registry.snapshot();
    for (metric, reasons) in
        [("cache_evictions_total", ["size", "expired"]), ("cache_removals_total", ["invalidated", "replaced"])]
    {
        snapshot.assert_sum(metric, &[], 2);
        for reason in reasons {
            snapshot.assert_value(metric, &[("cache", "prices"), ("reason", reason)], 1);
        }
    }
}

#[test]
fn hit_loads_nothing() {
    let bench = Bench::new();
    let found = bench.prices.read_through(Some(7), || -> Result<_, ()> { panic!("it was there") });
    assert_eq!(found, Ok(7));
    let work = bench.prices.read_through_async(Some(7), async { Err::<i32, &str>("it was there") });
    assert_eq!(pin!(work).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(7)));
    let snapshot = bench.registry.snapshot();
    snapshot.assert_sum("cache_requests_total", &[], 2);
    snapshot.assert_value("cache_requests_total", &[("cache", "prices"), ("result", "hit")], 2);
    snapshot.assert_samples("cache_load_duration_seconds", &[], 0);
}

#[test]
fn load_counts_once_however_it_ends() {
    for (outcome, result) in [("ok", Ok(7)), ("failed", Err("no"))] {
        let bench = Bench::new();
        let load = || {
            bench.clock.advance(Duration::from_secs(2));
            result
        };
        assert_eq!(bench.prices.read_through(None, load), result);
        bench.assert_loaded(outcome, 2.0);

        let bench = Bench::new();
        let work = pin!(bench.prices.read_through_async(None, async { result }));
        bench.clock.advance(Duration::from_secs(2)); // before the first poll
        assert_eq!(work.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(result));
        bench.assert_loaded(outcome, 0.0);
    }
}

#[test]
fn panic_in_a_load_counts_and_goes_on() {
    let bench = Bench::new();
    let load = || bench.prices.read_through(None, || -> Result<(), ()> { panic!("on purpose") });
    assert!(catch_unwind(AssertUnwindSafe(load)).is_err());
    bench.assert_loaded("panicked", 0.0);
}

#[test]
fn dropped_look_up_counts_once_it_was_polled() {
    let bench = Bench::new();
    drop(bench.prices.read_through_async(None, pending::<Result<(), ()>>()));
    bench.registry.snapshot().assert_sum("cache_requests_total", &[], 0);
    {
        let mut work = pin!(bench.prices.read_through_async(None, pending::<Result<(), ()>>()));
        assert!(work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        bench.clock.advance(Duration::from_secs(4));
    }
    bench.assert_loaded("cancelled", 4.0);
}

#[test]
fn sizes_of_caches_of_one_name_are_added_up_until_they_are_gone() {
    let bench = Bench::new();
    let sample = |size: CacheSize| {
        let cache = Arc::new(Mutex::new(size));
        let weak = Arc::downgrade(&cache);
        bench.prices.sample(move || Some(*weak.upgrade()?.lock().unwrap()));
        cache
    };
    let first = sample(CacheSize::of_entries(3));
    let second = sample(CacheSize::of_entries(4).weight(40).capacity(100));
    assert_eq!(bench.entries(), Some(7.0));
    let value = |metric| bench.registry.snapshot().value(metric, &[("cache", "prices")]);
    assert_eq!((value("cache_weighted_size"), value("cache_capacity")), (Some(40.0), Some(100.0)));
    *first.lock().unwrap() = CacheSize::of_entries(5);
    assert_eq!(bench.entries(), Some(9.0));
    drop(second);
    assert_eq!((bench.entries(), value("cache_capacity")), (Some(5.0), None));
    drop(first);
    assert_eq!(bench.entries(), None, "it is absent, not 0");
    assert!(format!("{:?}", bench.prices).contains("Samplers { caches: 0 }"), "{:?}", bench.prices);
}
