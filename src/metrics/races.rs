//! Families, the registry and the facade's index under many orders of what threads do at once: checked by shuttle.
//!
//! A failure prints its schedule, which `shuttle::replay` runs again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::metrics::{Key, Label, Level, Metadata, Recorder};
use shuttle::thread;

use super::cell::{Cell, Shape};
use super::definition::Definition;
use super::family_core::{Budget, FamilyCore, Found, Source};
use super::label::OVERFLOW;
use super::{Counter, Family, Kind, Limits, Meter, Registry, RegistryOptions, Unit};
use crate::clock::ManualClock;
use crate::diagnostics::{Diagnostics, Problem};
use crate::sync::AtomicUsize;

fn check(model: impl Fn() + Sync + Send + 'static) {
    shuttle::check_random(model, ORDERS);
}

/// Chosen: finds every fault that was put in to try these tests, in seconds.
const ORDERS: usize = 3_000;

const AFTER: Duration = Duration::from_secs(60);

fn budget(limits: Limits) -> Arc<Budget> {
    let Limits { per_family, in_all } = limits;
    Arc::new(Budget { per_family, in_all, used: AtomicUsize::new(0), diagnostics: Diagnostics::new() })
}

fn family(budget: &Arc<Budget>) -> FamilyCore {
    let shape = Shape::new(Kind::Counter, Unit::Count, &[], false, budget.diagnostics.clone());
    FamilyCore::new("jobs", "jobs", shape, None, Source::Handles, Arc::clone(budget))
}

fn count(cell: &Cell) -> u64 {
    match cell {
        Cell::Counter(cell) => cell.get(),
        _ => panic!("the families here are counters"),
    }
}

/// Finds the series and counts one.
fn count_in(family: &FamilyCore, labels: &str) {
    match family.cell(labels.to_owned()) {
        Found::Own(Cell::Counter(cell)) | Found::Overflow(Cell::Counter(cell)) => cell.add(1),
        _ => panic!("the families here are counters"),
    }
}

/// What a family shows.
#[derive(Debug, PartialEq)]
struct Shown {
    own_series: usize,
    own_count: u64,
    overflow: u64,
}

impl Shown {
    fn of(family: &FamilyCore) -> Self {
        let cells = family.cells();
        let (overflow, own): (Vec<_>, Vec<_>) = cells.iter().partition(|cell| **cell.labels() == *OVERFLOW);
        let sum = |cells: &[&Cell]| cells.iter().map(|cell| count(cell)).sum();
        Self { own_series: own.len(), own_count: sum(&own), overflow: sum(&overflow) }
    }
}

#[test]
fn label_sets_met_at_once_have_a_cell_each_up_to_the_cap() {
    check(|| {
        let budget = budget(Limits { per_family: 2, in_all: 10 });
        let family = family(&budget);
        thread::scope(|scope| {
            for labels in [["a", "b", "c"], ["c", "a", "b"], ["b", "c", "a"]] {
                let family = &family;
                scope.spawn(move || labels.iter().for_each(|labels| count_in(family, labels)));
            }
        });
        assert_eq!(Shown::of(&family), Shown { own_series: 2, own_count: 6, overflow: 3 });
        assert_eq!(family.overflowed(), 3);
        assert_eq!(budget.diagnostics.total(Problem::SeriesOverflow), 3);
        assert_eq!(budget.used.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn families_that_race_for_the_last_places_take_no_more_than_there_are() {
    check(|| {
        let budget = budget(Limits { per_family: 10, in_all: 3 });
        let families = [family(&budget), family(&budget)];
        thread::scope(|scope| {
            for family in &families {
                scope.spawn(|| ["a", "b"].iter().for_each(|labels| count_in(family, labels)));
            }
        });
        let [first, second] = families.each_ref().map(Shown::of);
        assert_eq!(first.own_series + second.own_series, 3);
        assert_eq!(first.own_count + second.own_count, 3);
        assert_eq!(first.overflow + second.overflow, 1);
        assert_eq!(budget.used.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn series_born_while_others_make_the_list_are_listed() {
    check(|| {
        let family = family(&budget(Limits::default()));
        thread::scope(|scope| {
            for labels in ["a", "b"] {
                let family = &family;
                scope.spawn(move || {
                    count_in(family, labels);
                    assert!(family.cells().iter().any(|cell| **cell.labels() == *labels), "{labels} is born");
                });
            }
            scope.spawn(|| assert!(family.cells().len() <= family.cells().len(), "none goes"));
        });
        assert_eq!(Shown::of(&family), Shown { own_series: 2, own_count: 2, overflow: 0 });
    });
}

#[test]
fn series_that_expire_while_they_are_counted_lose_nothing_and_give_their_place_back() {
    check(|| {
        let budget = budget(Limits { per_family: 10, in_all: 1 });
        let family = family(&budget);
        let expired = thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..2).for_each(|_| count_in(&family, "a")));
            }
            let expiring = scope.spawn(|| (0..3).map(|_| expire_all(&family)).sum::<u64>());
            expiring.join().expect("OK because its panic fails the test")
        });
        let shown = Shown::of(&family);
        assert_eq!(expired + shown.own_count, 4, "{expired} went");
        assert_eq!(shown.overflow, 0, "one place was enough");
        assert_eq!(budget.used.load(Ordering::Relaxed), shown.own_series);
    });
}

/// Expires what nobody holds of the family; how much was recorded in that.
fn expire_all(family: &FamilyCore) -> u64 {
    let listed = family.cells();
    let idle: Vec<_> = listed.iter().filter_map(|cell| Some((Arc::clone(cell.labels()), cell.recorded()?))).collect();
    drop(listed);
    match (family.expire(&idle), &*idle) {
        (1, [(_, recorded)]) => recorded.0,
        (expired, _) => {
            assert_eq!(expired, 0, "of one series");
            0
        }
    }
}

fn key(at: &str) -> Key {
    Key::from_parts("jobs_total", vec![Label::new("at", at.to_owned())])
}

fn facade_counter(registry: &Registry, key: &Key) -> ::metrics::Counter {
    registry.register_counter(key, &Metadata::new("races", Level::INFO, None))
}

#[test]
fn handles_of_the_facade_lose_nothing_to_expiry() {
    check(|| {
        let registry = Registry::new();
        facade_counter(&registry, &key("a")).increment(1);
        let families = registry.families();
        let jobs = families.iter().find(|family| *family.name == *"jobs_total").expect("is registered");
        let expired = thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..2).for_each(|_| facade_counter(&registry, &key("a")).increment(1)));
            }
            let expiring = scope.spawn(|| (0..3).map(|_| expire_all(jobs)).sum::<u64>());
            expiring.join().expect("OK because its panic fails the test")
        });
        assert_eq!(expired + Shown::of(jobs).own_count, 5, "{expired} went");
    });
}

#[test]
fn handle_that_somebody_holds_is_shown_whoever_scrapes() {
    check(|| {
        let clock = ManualClock::new();
        let options = RegistryOptions::new().expire_idle_after(AFTER).clock(clock.clock());
        let registry = Registry::with(options);
        thread::scope(|scope| {
            scope.spawn(|| {
                let held = facade_counter(&registry, &key("a"));
                for counted in 1..=2 {
                    held.increment(1);
                    assert_eq!(registry.snapshot().sum("jobs_total", &[]), Some(f64::from(counted)));
                }
            });
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..2 {
                        registry.render();
                        clock.advance(AFTER);
                    }
                });
            }
        });
    });
}

#[test]
fn keys_that_meet_in_the_index_are_all_found_there() {
    check(|| {
        let registry = Registry::new();
        thread::scope(|scope| {
            for at in [["a", "b", "c"], ["c", "b", "a"]] {
                let registry = &registry;
                scope.spawn(move || {
                    for at in at {
                        facade_counter(registry, &key(at)).increment(1);
                        assert!(registry.0.index.get(&key(at)).is_some(), "{at} was added");
                    }
                });
            }
        });
        for at in ["a", "b", "c"] {
            assert_eq!(count(&registry.0.index.get(&key(at)).expect("was added")), 2);
        }
    });
}

#[test]
fn name_asked_for_as_two_kinds_at_once_is_one_family_of_one_kind() {
    static JOBS: Definition = Definition::counter("jobs_total", "Jobs.");
    let key = || Key::from_static_name("jobs_total");
    check(move || {
        let diagnostics = Diagnostics::new();
        let registry = Registry::with(RegistryOptions::new().diagnostics(diagnostics.clone()));
        let defined = thread::scope(|scope| {
            scope.spawn(|| facade_counter(&registry, &key()).increment(10));
            scope.spawn(|| {
                registry.register_gauge(&key(), &Metadata::new("races", Level::INFO, None)).set(7.0);
            });
            let defining = scope.spawn(|| {
                let jobs: Option<Family<Counter, 0>> = Meter::new(&registry).counter(&JOBS).ok();
                jobs.map(|jobs| jobs.series([]).increment()).is_some()
            });
            defining.join().expect("OK because its panic fails the test")
        });
        let snapshot = registry.snapshot();
        let shown = match (snapshot.family("jobs_total").expect("somebody was first").kind, defined) {
            (Kind::Gauge, false) => 7.0,
            (Kind::Counter, false) => 10.0,
            (Kind::Counter, true) => 11.0,
            other => panic!("{other:?}"),
        };
        assert_eq!(snapshot.sum("jobs_total", &[]), Some(shown));
        assert_eq!(diagnostics.total(Problem::NameConflict), 1, "the facade's other kind");
    });
}

#[test]
fn gauge_set_and_added_to_at_once_took_one_after_the_other() {
    static DEPTH: Definition = Definition::gauge_absent_until_set("depth", "Depth.");
    check(|| {
        let depth = Meter::new(&Registry::new()).gauge::<0>(&DEPTH).expect("is valid").series([]);
        thread::scope(|scope| {
            scope.spawn(|| depth.add(1.0));
            scope.spawn(|| depth.set(10.0));
        });
        assert!([Some(10.0), Some(11.0)].contains(&depth.get()), "{:?}", depth.get());
    });
}
