//! moka's own caches, against what is counted of them.

use std::collections::HashSet;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use moka_0_12 as moka;
use proptest::prelude::*;

use super::{FutureCache, SyncCache};
use crate::cache::{CacheMetrics, Caches};
use crate::clock::Clock;
use crate::metrics::{Meter, Registry};

const fn shareable<T: Clone + Send + Sync + 'static>() {}

/// Auto traits are API.
const _: () = {
    shareable::<SyncCache<String, String>>();
    shareable::<FutureCache<String, String>>();
};

const fn sendable<T: Send>(_: &T) {}

struct Bench {
    registry: Registry,
    prices: CacheMetrics,
}

impl Bench {
    fn new() -> Self {
        let registry = Registry::new();
        let caches = Caches::new(&Meter::new(&registry), Clock::system()).unwrap();
        Self { registry, prices: caches.named("prices") }
    }

    fn sync(&self, capacity: u64) -> SyncCache<u8, u32> {
        SyncCache::build(moka::sync::Cache::builder().max_capacity(capacity), &self.prices)
    }

    fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> f64 {
        self.registry.snapshot().sum(metric, labels).unwrap_or_default()
    }

    /// Hits, misses and loads by outcome.
    #[track_caller]
    fn assert_counted(&self, hits: u32, misses: u32, loads: &[(&str, u32)]) {
        let results = ["hit", "miss"].map(|result| self.sum("cache_requests_total", &[("result", result)]));
        assert_eq!(results, [hits, misses].map(f64::from));
        let all: u32 = loads.iter().map(|(_, loads)| loads).sum();
        assert_eq!(self.sum("cache_load_duration_seconds", &[]), f64::from(all));
        for (outcome, loads) in loads {
            let counted = self.sum("cache_load_duration_seconds", &[("outcome", outcome)]);
            assert_eq!(counted, f64::from(*loads), "{outcome}");
        }
    }

    /// Whatever was put in is there or has left.
    #[track_caller]
    fn assert_balanced(&self) {
        let left =
            ["cache_evictions_total", "cache_removals_total", "cache_entries"].map(|metric| self.sum(metric, &[]));
        assert_eq!(self.sum("cache_inserts_total", &[]), left.iter().sum::<f64>(), "{left:?}");
    }
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn look_ups_of_threads_are_hits_or_misses_and_loads_end_once() {
    let bench = Bench::new();
    let cache = bench.sync(100);
    assert_eq!(cache.get(&1), None);
    cache.insert(1, 10);
    assert_eq!(cache.get(&1), Some(10));
    bench.assert_counted(1, 1, &[]);

    assert_eq!(cache.get_with(1, || panic!("it is there")), 10);
    assert_eq!(cache.get_with(2, || 20), 20);
    assert_eq!(cache.optionally_get_with(3, || None), None);
    assert_eq!(cache.optionally_get_with(3, || Some(30)), Some(30));
    assert_eq!(cache.optionally_get_with(3, || None), Some(30));
    assert_eq!(cache.try_get_with(4, || Err("no")), Err(Arc::new("no")));
    assert_eq!(cache.try_get_with(4, || Ok::<_, &str>(40)), Ok(40));
    assert_eq!(cache.try_get_with(4, || Err("no")), Ok(40));
    let panics = || cache.get_with(5, || panic!("on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    bench.assert_counted(4, 7, &[("ok", 4), ("failed", 1), ("panicked", 1)]);
    cache.inner().run_pending_tasks();
    bench.assert_balanced();
}

#[tokio::test]
async fn look_ups_of_tasks_are_hits_or_misses_and_loads_end_once() {
    let bench = Bench::new();
    let cache: FutureCache<u8, u32> =
        FutureCache::build(moka::future::Cache::builder().max_capacity(100), &bench.prices);
    assert_eq!(cache.get(&1).await, None);
    cache.insert(1, 10).await;
    assert_eq!(cache.get(&1).await, Some(10));
    assert_eq!(cache.get_with(1, async { panic!("it is there") }).await, 10);
    let load = cache.get_with(2, ready(20));
    sendable(&load);
    assert_eq!(load.await, 20);
    assert_eq!(cache.optionally_get_with(3, ready(None)).await, None);
    assert_eq!(cache.try_get_with(4, ready(Err("no"))).await, Err(Arc::new("no")));
    assert_eq!(cache.try_get_with(4, ready(Ok::<_, &str>(40))).await, Ok(40));
    bench.assert_counted(2, 5, &[("ok", 3), ("failed", 1)]);

    {
        let mut loads = pin!(cache.get_with(5, pending()));
        assert!(poll_once(loads.as_mut()).is_pending());
        // It waits for the other's load, and begins its own when that one is given up: a miss in the end.
        let mut waits = Box::pin(cache.get_with(5, async { 50 }));
        assert!(poll_once(waits.as_mut()).is_pending());
        bench.assert_counted(2, 6, &[("ok", 3), ("failed", 1)]);
        drop(waits);
    }
    bench.assert_counted(2, 6, &[("ok", 3), ("failed", 1), ("cancelled", 1)]);
    assert_eq!(cache.get_with(5, ready(50)).await, 50);
    bench.assert_counted(2, 7, &[("ok", 4), ("failed", 1), ("cancelled", 1)]);
    cache.inner().run_pending_tasks().await;
    bench.assert_balanced();
}

#[test]
fn value_that_others_wait_for_is_loaded_once_and_their_hit() {
    let bench = Bench::new();
    let (cache, loads) = (bench.sync(100), AtomicUsize::new(0));
    let start = std::sync::Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                // Ordering: a lone count, read after the threads are joined.
                assert_eq!(cache.get_with(1, || loads.fetch_add(1, Ordering::Relaxed) as u32), 0);
            });
        }
    });
    assert_eq!(loads.into_inner(), 1);
    bench.assert_counted(7, 1, &[("ok", 1)]);
}

#[test]
fn cache_that_is_dropped_is_not_kept_for_its_numbers() {
    let bench = Bench::new();
    let cache = bench.sync(100);
    let entries = || bench.registry.snapshot().value("cache_entries", &[("cache", "prices")]);
    cache.insert(1, 1);
    cache.inner().run_pending_tasks();
    assert_eq!(entries(), Some(1.0));
    drop(cache.clone());
    assert_eq!(entries(), Some(1.0));
    drop(cache);
    assert_eq!(entries(), None);
}

#[test]
fn keys_and_values_are_not_shown() {
    let bench = Bench::new();
    let cache = SyncCache::build(moka::sync::Cache::builder(), &bench.prices);
    cache.insert("user123", "secret");
    let shown = format!("{cache:?}");
    assert!(!shown.contains("user123") && !shown.contains("secret"), "{shown}");
}

/// What may be done to a cache.
#[derive(Clone, Copy, Debug)]
enum Step {
    Get(u8),
    Insert(u8),
    GetWith(u8),
    TryGetWith(u8),
    Invalidate(u8),
    InvalidateAll,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0_u8..12;
    let step = prop_oneof![
        4 => key.clone().prop_map(Step::Get),
        4 => key.clone().prop_map(Step::Insert),
        4 => key.clone().prop_map(Step::GetWith),
        2 => key.clone().prop_map(Step::TryGetWith),
        1 => key.prop_map(Step::Invalidate),
        1 => Just(Step::InvalidateAll),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    /// Beside a cache of moka's that nobody measures: the same answers, and accounts that add up.
    #[test]
    fn measured_cache_answers_as_a_bare_one_and_its_accounts_add_up(steps in steps()) {
        let bench = Bench::new();
        let (cache, bare) = (bench.sync(1_000), moka::sync::Cache::<u8, u32>::new(1_000));
        let mut look_ups = 0;
        for (number, step) in (0..).zip(steps) {
            look_ups += u32::from(!matches!(step, Step::Insert(_) | Step::Invalidate(_) | Step::InvalidateAll));
            match step {
                Step::Get(key) => prop_assert_eq!(cache.get(&key), bare.get(&key)),
                Step::GetWith(key) => prop_assert_eq!(cache.get_with(key, || number), bare.get_with(key, || number)),
                Step::TryGetWith(key) => {
                    let load = || if number % 2 == 0 { Ok(number) } else { Err("odd") };
                    prop_assert_eq!(cache.try_get_with(key, load), bare.try_get_with(key, load));
                }
                Step::Insert(key) => {
                    cache.insert(key, number);
                    bare.insert(key, number);
                }
                Step::Invalidate(key) => {
                    cache.inner().invalidate(&key);
                    bare.invalidate(&key);
                }
                Step::InvalidateAll => {
                    cache.inner().invalidate_all();
                    bare.invalidate_all();
                }
            }
        }
        cache.inner().run_pending_tasks();
        bench.assert_balanced();
        let requests: f64 = bench.sum("cache_requests_total", &[]);
        prop_assert_eq!(requests, f64::from(look_ups));
    }

    #[test]
    fn full_cache_tells_of_everything_that_leaves(keys in prop::collection::vec(any::<u8>(), 0..300)) {
        let bench = Bench::new();
        let cache = bench.sync(10);
        keys.iter().for_each(|key| cache.insert(*key, 0));
        cache.inner().run_pending_tasks();
        bench.assert_balanced();
        let distinct = keys.iter().collect::<HashSet<_>>().len();
        prop_assert!(bench.sum("cache_evictions_total", &[("reason", "size")]) >= distinct.saturating_sub(10) as f64);
        prop_assert!(bench.sum("cache_entries", &[]) <= 10.0);
    }
}
