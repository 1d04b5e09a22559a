//! Cells in every order of their steps, with every value that the orderings let a thread see: checked by loom.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use loom::thread::{self, JoinHandle};

use super::slot::Slot;
use super::spread::Spread;
use super::*;

/// Runs the model in every order that differs in up to [`PREEMPTIONS`] places from threads that run to their ends.
fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(model);
}

/// Chosen: two threads and a reader lose a count in one or two; each one more multiplies the time by ten.
const PREEMPTIONS: usize = 3;

/// Threads that do this with their own of the inputs.
fn with_each<I: Send + 'static, T: Send + Sync + 'static, const N: usize>(
    inputs: [I; N],
    shared: &Arc<T>,
    run: impl Fn(&T, I) + Copy + Send + 'static,
) -> [JoinHandle<()>; N] {
    inputs.map(|input| {
        let shared = Arc::clone(shared);
        thread::spawn(move || run(&shared, input))
    })
}

fn join<const N: usize>(threads: [JoinHandle<()>; N]) {
    threads.into_iter().for_each(|thread| thread.join().expect("OK because its panic fails the test"));
}

fn shape(kind: Kind, unit: Unit, edges: &[f64]) -> Arc<Shape> {
    Arc::new(Shape::new(kind, unit, edges, true, Diagnostics::new()))
}

#[test]
fn no_count_is_lost_while_copies_appear_and_none_goes_back_for_a_reader() {
    static COPIES_APPEARED: AtomicBool = AtomicBool::new(false);
    check(|| {
        let cell = Arc::new(CounterCell::new("".into()));
        let adding = with_each([1, 10], &cell, |cell, by| {
            cell.add(by);
            cell.add(by);
        });
        let first = cell.get();
        let second = cell.get();
        assert!(first <= second && second <= 22, "{first}, then {second}");
        join(adding);
        assert_eq!(cell.get(), 22);
        COPIES_APPEARED.fetch_or(cell.spread.has_copies(), Ordering::Relaxed);
    });
    assert!(COPIES_APPEARED.load(Ordering::Relaxed), "so they were checked");
}

#[test]
fn scrapes_in_turn_show_ever_more_whichever_thread_makes_them() {
    check(|| {
        let cell = Arc::new(CounterCell::new("".into()));
        let adding = with_each([1, 10], &cell, |cell, by| cell.add(by));
        let first = cell.get();
        join(with_each([first], &cell, |cell, before| assert!(cell.get() >= before)));
        join(adding);
        assert_eq!(cell.get(), 11);
    });
}

#[test]
fn raised_counter_counts_at_least_that_and_keeps_what_is_added() {
    for copies in [Copies::None, Copies::There] {
        check(move || {
            let cell = Arc::new(CounterCell::new("".into()));
            copies.prepare(&cell.spread, 1);
            cell.add(3);
            let raising = with_each([10], &cell, |cell, value| {
                cell.raise(value);
                assert!(cell.get() >= value);
            });
            let adding = with_each([3], &cell, |cell, by| cell.add(by));
            let first = cell.get();
            assert!(cell.get() >= first, "never back");
            join(raising);
            join(adding);
            assert!([10, 13].contains(&cell.get()), "{} with copies {copies:?}", cell.get());
        });
    }
}

#[test]
fn counter_raised_twice_has_the_greater_value() {
    check(|| {
        let cell = Arc::new(CounterCell::new("".into()));
        join(with_each([5, 8], &cell, |cell, value| cell.raise(value)));
        assert_eq!(cell.get(), 8);
    });
}

#[test]
fn samples_are_all_in_their_buckets_and_in_the_sum() {
    static COPIES_APPEARED: AtomicBool = AtomicBool::new(false);
    check(|| {
        let cell = Arc::new(HistogramCell::new(shape(Kind::Histogram, Unit::Seconds, &[1.0]), "".into()));
        let recording = with_each([2, 3], &cell, |cell, seconds| {
            cell.record_duration(Duration::from_secs(seconds), || None);
        });
        let before = Shown::of(&cell);
        let after = Shown::of(&cell);
        assert!(before.is_within(&after), "{before:?}, then {after:?}");
        join(recording);
        assert_eq!(Shown::of(&cell), Shown { buckets: vec![0, 2], sum: 5.0 });
        COPIES_APPEARED.fetch_or(cell.spread.has_copies(), Ordering::Relaxed);
    });
    assert!(COPIES_APPEARED.load(Ordering::Relaxed), "so they were checked");
}

#[test]
fn sums_that_are_no_seconds_are_whole_too() {
    for copies in [Copies::None, Copies::There] {
        check(move || {
            let cell = Arc::new(HistogramCell::new(shape(Kind::Histogram, Unit::Bytes, &[1.0]), "".into()));
            copies.prepare(&cell.spread, WORDS);
            let recording =
                with_each([(0.5, 2), (2.0, 1)], &cell, |cell, (value, times)| cell.record(value, times, || None));
            let before = Shown::of(&cell);
            assert!(before.is_within(&Shown::of(&cell)));
            join(recording);
            assert_eq!(Shown::of(&cell), Shown { buckets: vec![2, 1], sum: 3.0 });
        });
    }
}

#[test]
fn gauge_adds_up_from_absent_and_shows_no_half_number() {
    check(|| {
        let cell = Arc::new(GaugeCell::new(shape(Kind::Gauge, Unit::Count, &[]), "".into()));
        let adding = with_each([1.0, 10.0], &cell, |cell, by| {
            cell.add(by);
            cell.add(by);
        });
        let seen = cell.get();
        let sums = [None, Some(1.0), Some(2.0), Some(10.0), Some(11.0), Some(12.0), Some(20.0), Some(21.0), Some(22.0)];
        assert!(sums.contains(&seen), "{seen:?}");
        join(adding);
        assert_eq!(cell.get(), Some(22.0));
    });
}

#[test]
fn words_of_two_writers_are_never_read_as_one() {
    check(|| {
        let slot = Arc::new(Slot::<2>::new());
        let writing = with_each([1, 2], &slot, |slot, word| {
            slot.replace(slot.version(), [word, word]);
        });
        if let Some((_, [first, second])) = slot.read() {
            assert_eq!(first, second);
        }
        join(writing);
        let (_, [first, second]) = slot.read().expect("nobody writes any more");
        assert_eq!(first, second);
        assert!(first > 0, "one of them was not in the other's way");
    });
}

/// Of a histogram with one edge: the sum and two buckets.
const WORDS: usize = 3;

/// What a scrape shows of a histogram.
#[derive(Debug, PartialEq)]
struct Shown {
    buckets: Vec<u64>,
    sum: f64,
}

impl Shown {
    fn of(cell: &HistogramCell) -> Self {
        Self { buckets: cell.buckets().collect(), sum: cell.sum().as_f64() }
    }

    /// Whether nothing is less in a later one.
    fn is_within(&self, later: &Self) -> bool {
        self.sum <= later.sum && self.buckets.iter().zip(&later.buckets).all(|(own, later)| own <= later)
    }
}

/// Whether threads have met at a cell before.
#[derive(Clone, Copy, Debug)]
enum Copies {
    None,
    There,
}

impl Copies {
    fn prepare(self, spread: &Spread, words: usize) {
        match self {
            Self::None => {}
            Self::There => spread.collided(words),
        }
        assert_eq!(spread.has_copies(), matches!(self, Self::There));
    }
}
