//! Letting go of series that nobody uses any more.
//!
//! A series goes when it is a counter or a histogram, nobody holds a handle of it, and it has stayed at a value that a
//! scrape has shown for the time that was set. Gauges stay: what they show is a state, and a quiet one is no less true.

use std::collections::HashMap;
use std::sync::{Arc, TryLockError};
use std::time::{Duration, Instant};

use super::cell::{Recorded, WeakCell};
use super::family_core::{FamilyCore, Source};
use crate::clock::Clock;
use crate::sync::Mutex;

/// How long series may be idle, and what is known of them. Looked at when a scrape begins.
pub(super) struct Expiry {
    after: Duration,
    clock: Clock,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    swept: Option<Instant>,
    /// By the address of the cell.
    series: HashMap<usize, Unchanged>,
}

struct Unchanged {
    recorded: Recorded,
    since: Instant,
    /// Keeps the address from being that of another cell once this one went.
    cell: WeakCell,
}

impl Expiry {
    pub(super) fn new(after: Duration, clock: Clock) -> Self {
        Self { after, clock, known: Mutex::default() }
    }

    /// Lets go of what is idle. To be called before all these families are shown, so that what is remembered here is shown
    /// before it can go.
    pub(super) fn sweep(&self, families: &[Arc<FamilyCore>]) {
        let mut known = match self.known.try_lock() {
            Ok(known) => known,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A scrape at the same time does it.
            Err(TryLockError::WouldBlock) => return,
        };
        let now = self.clock.now();
        let is_soon = |swept: Instant| now.saturating_duration_since(swept) < self.after / SWEEPS;
        if known.swept.is_some_and(is_soon) {
            return;
        }
        let mut series = HashMap::with_capacity(known.series.len());
        // Collectors say themselves what is there.
        for family in families.iter().filter(|family| family.source() == Source::Handles) {
            let mut idle = Vec::new();
            for cell in &*family.cells() {
                let (Some(recorded), Some(weak)) = (cell.recorded(), cell.downgrade()) else {
                    continue;
                };
                let before = known.series.remove(&weak.address()).filter(|before| before.recorded == recorded);
                let unchanged = before.unwrap_or(Unchanged { recorded, since: now, cell: weak });
                if now.saturating_duration_since(unchanged.since) >= self.after {
                    idle.push((Arc::clone(cell.labels()), recorded));
                }
                series.insert(unchanged.cell.address(), unchanged);
            }
            family.expire(&idle);
        }
        *known = Known { swept: Some(now), series };
    }
}

/// Chosen: a series goes at most a quarter of the time late.
const SWEEPS: u32 = 4;

#[cfg(test)]
mod tests {
    use ::metrics::{counter, gauge, histogram, with_local_recorder};

    use super::*;
    use crate::clock::ManualClock;
    use crate::metrics::exposition::Format;
    use crate::metrics::{Definition, Limits, Meter, Registry, RegistryOptions};

    const AFTER: Duration = Duration::from_secs(60);

    struct Bench {
        registry: Registry,
        clock: ManualClock,
    }

    impl Bench {
        fn new(limits: Limits) -> Self {
            let clock = ManualClock::new();
            let options = RegistryOptions::new().limits(limits).expire_idle_after(AFTER).clock(clock.clock());
            Self { registry: Registry::with(options), clock }
        }

        /// Scrapes, and once more when everything that is idle since then may go.
        fn idle(&self) -> String {
            self.registry.render();
            self.clock.advance(AFTER);
            self.registry.render()
        }
    }

    #[test]
    fn idle_series_go_and_make_room() {
        let bench = Bench::new(Limits { per_family: 10, in_all: 2 });
        with_local_recorder(&bench.registry, || {
            counter!("jobs_total", "job" => "a").increment(1);
            histogram!("wait_seconds").record(1.0);
            assert!(bench.registry.render().contains("jobs_total{job=\"a\"} 1\n"));
            let text = bench.idle();
            assert!(!text.contains("jobs_total{") && !text.contains("wait_seconds_sum"), "{text}");
            counter!("jobs_total", "job" => "b").increment(1);
            counter!("jobs_total", "job" => "a").increment(1);
        });
        let text = bench.registry.render();
        assert!(text.contains("jobs_total{job=\"a\"} 1\n") && text.contains("jobs_total{job=\"b\"} 1\n"), "{text}");
    }

    #[test]
    fn held_handles_are_never_silenced() {
        static JOBS: Definition = Definition::counter("jobs_total", "Jobs.");
        let bench = Bench::new(Limits::default());
        let own = Meter::new(&bench.registry).counter(&JOBS).unwrap().series([]);
        let foreign = with_local_recorder(&bench.registry, || counter!("foreign_total"));
        bench.idle();
        own.add(41);
        foreign.increment(41);
        let text = bench.idle();
        assert!(text.contains("jobs_total 41\n") && text.contains("foreign_total 41\n"), "{text}");
        drop(own);
        assert!(!bench.idle().contains("jobs_total 41\n"));
    }

    #[test]
    fn no_count_goes_before_it_was_shown_for_the_whole_time() {
        let bench = Bench::new(Limits::default());
        let count = || with_local_recorder(&bench.registry, || counter!("jobs_total").increment(1));
        count();
        bench.registry.render();
        bench.clock.advance(AFTER / 2);
        count();
        bench.clock.advance(AFTER / 2);
        assert!(bench.registry.render().contains("jobs_total 2\n"), "first shown now");
        bench.clock.advance(AFTER / 2);
        assert!(bench.registry.render().contains("jobs_total 2\n"));
    }

    #[test]
    fn series_born_where_another_one_was_is_shown_before_it_goes() {
        static JOBS: Definition = Definition::counter("jobs_total", "Jobs.");
        let bench = Bench::new(Limits::default());
        let jobs = Meter::new(&bench.registry).counter(&JOBS).unwrap();
        let count = || jobs.series([]).increment();
        count();
        assert!(!bench.idle().contains("jobs_total 1\n"));
        // As much as before, and the allocator likes to give the same memory again.
        count();
        bench.clock.advance(AFTER / 2);
        assert!(bench.registry.render().contains("jobs_total 1\n"), "never shown before");
    }

    #[test]
    fn scrape_of_some_families_takes_none_for_shown() {
        let bench = Bench::new(Limits::default());
        with_local_recorder(&bench.registry, || counter!("jobs_total").increment(1));
        for _ in 0..3 {
            bench.registry.encode_where(|name| name == "other_total", Format::Text, &mut Vec::new());
            bench.clock.advance(AFTER);
        }
        assert!(bench.registry.render().contains("jobs_total 1\n"), "never shown before");
    }

    #[test]
    fn gauges_and_overflow_stay() {
        let bench = Bench::new(Limits { per_family: 10, in_all: 2 });
        with_local_recorder(&bench.registry, || {
            gauge!("depth").set(3.0);
            counter!("jobs_total", "job" => "a").increment(1);
            counter!("jobs_total", "job" => "b").increment(1);
        });
        bench.idle();
        let text = bench.idle();
        assert!(text.contains("depth 3\n") && text.contains("otel_metric_overflow=\"true\"} 1\n"), "{text}");
    }

    #[test]
    fn nothing_is_lost_between_a_thread_that_counts_and_one_that_expires() {
        const COUNTS: u64 = 50_000;
        let registry = Registry::new();
        let count = || with_local_recorder(&registry, || counter!("jobs_total").increment(1));
        count();
        let families = registry.families();
        let jobs = families.iter().find(|family| *family.name == *"jobs_total").expect("is registered");
        let mut expired = 0;
        std::thread::scope(|scope| {
            let counting = scope.spawn(|| (1..COUNTS).for_each(|_| count()));
            while !counting.is_finished() {
                let cells = jobs.cells();
                let series = cells.first().map(|cell| (Arc::clone(cell.labels()), cell.recorded().expect("a counter")));
                drop(cells);
                let Some((labels, recorded)) = series else {
                    continue;
                };
                if jobs.expire(&[(labels, recorded)]) == 1 {
                    expired += recorded.0;
                }
            }
        });
        let kept = registry.snapshot().value("jobs_total", &[]).unwrap_or(0.0);
        assert_eq!(expired + kept as u64, COUNTS);
    }
}
