use std::time::{Duration, SystemTime};

use super::*;
use crate::business::Outcome;
use crate::business::risk::Risk;
use crate::clock::ManualClock;
use crate::metrics::{Meter, Registry};

/// The moment at which a [`ManualClock`] starts.
const START: f64 = 1_737_541_800.0;
const HOUR: Duration = Duration::from_secs(3600);

struct Bench {
    registry: Registry,
    held: ManualClock,
    nightly: Batches,
}

fn bench() -> Bench {
    let (registry, held) = (Registry::new(), ManualClock::new());
    let risk = Risk::new(&Meter::new(&registry), held.clock()).unwrap();
    Bench { nightly: risk.batch("nightly"), registry, held }
}

impl Bench {
    fn value(&self, name: &str) -> Option<f64> {
        self.registry.snapshot().value(name, &[("batch", "nightly")])
    }

    fn deadline(&self) -> Option<f64> {
        self.value("risk_batch_deadline_timestamp_seconds")
    }

    #[track_caller]
    fn ended(&self, outcome: BatchOutcome, times: u64) {
        let labels = [("batch", "nightly"), ("outcome", outcome.as_str())];
        self.registry.snapshot().assert_samples("risk_batch_duration_seconds", &labels, times);
    }

    /// A run that takes an hour.
    fn run(&self, result: Result<(), ()>) {
        let _ = self.nightly.execute(|| {
            self.held.advance(HOUR);
            result
        });
    }

    fn successful_run(&self) {
        let run = self.nightly.start();
        self.nightly.items().ok();
        run.ok();
    }
}

#[test]
fn success_without_an_item_is_empty_and_no_success() {
    let bench = bench();
    bench.nightly.due_again(|began| Some(began + HOUR));
    bench.run(Ok(()));
    bench.nightly.expect_items(3);
    bench.run(Ok(()));
    let run = bench.nightly.start();
    bench.nightly.items().failed();
    run.ok();
    bench.ended(BatchOutcome::Empty, 3);
    bench.ended(BatchOutcome::Ok, 0);
    assert_eq!([bench.value("risk_batch_last_success_timestamp_seconds"), bench.deadline()], [None; 2]);
}

#[test]
fn nothing_is_missing_of_a_run_that_expects_none_or_of_a_batch_without_items() {
    let of_items = bench();
    of_items.nightly.expect_items(0);
    of_items.run(Ok(()));
    of_items.ended(BatchOutcome::Ok, 1);
    // It was said of that run alone.
    of_items.run(Ok(()));
    of_items.ended(BatchOutcome::Empty, 1);

    let other = bench();
    let report = other.nightly.clone().without_items();
    report.execute(|| Ok::<_, ()>(())).unwrap();
    other.ended(BatchOutcome::Ok, 1);
    other.nightly.record(HOUR, Outcome::Ok);
    other.nightly.record(HOUR, BatchOutcome::Empty);
    other.ended(BatchOutcome::Ok, 2);
    other.ended(BatchOutcome::Empty, 1);
}

#[test]
fn items_of_earlier_runs_are_not_those_of_this_one() {
    let bench = bench();
    bench.successful_run();
    bench.run(Ok(()));
    bench.ended(BatchOutcome::Ok, 1);
    bench.ended(BatchOutcome::Empty, 1);
}

#[test]
fn deadline_moves_forward_on_success_only_and_from_the_start_of_the_run() {
    let bench = bench();
    bench.nightly.due_again(|began| Some(began + 24 * HOUR));
    assert_eq!(bench.deadline(), None, "a restart must not move it");
    bench.run(Err(()));
    assert_eq!(bench.deadline(), None);
    let run = bench.nightly.start();
    bench.held.advance(2 * HOUR);
    bench.nightly.items().ok();
    run.ok();
    let (began, day) = (START + 3600.0, 24.0 * 3600.0);
    assert_eq!(bench.deadline(), Some(began + day));
    assert_eq!(bench.value("risk_batch_last_success_timestamp_seconds"), Some(began + 7200.0));
    bench.run(Err(()));
    bench.run(Ok(()));
    drop(bench.nightly.start());
    assert_eq!(bench.deadline(), Some(began + day), "failed, empty, abandoned");
}

#[test]
fn stored_success_sets_the_deadline_in_either_order_and_never_back() {
    let stored = |hours: u32| SystemTime::UNIX_EPOCH + Duration::from_secs(1_737_500_000) + hours * HOUR;
    let [rule_first, success_first] = [bench(), bench()];
    rule_first.nightly.due_again(|at| Some(at + HOUR));
    rule_first.nightly.last_succeeded_at(stored(1));
    success_first.nightly.last_succeeded_at(stored(1));
    success_first.nightly.due_again(|at| Some(at + HOUR));
    for bench in [rule_first, success_first] {
        assert_eq!(bench.deadline(), Some(1_737_507_200.0));
        bench.nightly.last_succeeded_at(stored(0));
        assert_eq!(bench.deadline(), Some(1_737_507_200.0));
        assert_eq!(bench.value("risk_batch_last_success_timestamp_seconds"), Some(1_737_503_600.0));
    }
}

#[test]
fn rule_may_use_the_batch_and_may_say_nothing() {
    let bench = bench();
    let same = bench.nightly.clone();
    bench.nightly.due_again(move |began| {
        assert_eq!(same.name(), "nightly");
        same.progress().elapsed.is_some().then_some(began)
    });
    bench.nightly.last_succeeded_at(SystemTime::UNIX_EPOCH);
    assert_eq!(bench.deadline(), None);
    bench.successful_run();
    assert_eq!(bench.deadline(), Some(START));
}

#[test]
fn progress_and_time_left_are_those_of_the_present_run() {
    let bench = bench();
    let shown = || [bench.value("risk_batch_progress_ratio"), bench.value("risk_batch_time_left_seconds")];
    bench.successful_run();
    assert_eq!(shown(), [None; 2]);
    let run = bench.nightly.start();
    assert_eq!(shown(), [None; 2], "nobody has said how many there are");
    bench.nightly.expect_items(8);
    assert_eq!(shown(), [Some(0.0), None]);
    bench.held.advance(HOUR);
    bench.nightly.items().record_many(Outcome::Ok, 1);
    bench.nightly.items().failed();
    assert_eq!(shown(), [Some(0.25), Some(3.0 * 3600.0)]);
    bench.held.advance(HOUR);
    assert_eq!(shown(), [Some(0.25), Some(6.0 * 3600.0)], "it stands still");
    bench.nightly.items().record_many(Outcome::Ok, 20);
    assert_eq!(shown(), [Some(1.0), Some(0.0)], "more than were expected");
    let progress = bench.nightly.progress();
    assert_eq!((progress.done, progress.failed, progress.expected), (21, 1, Some(8)));
    run.ok();
    assert_eq!(shown(), [None; 2]);
    assert_eq!(bench.nightly.progress(), BatchProgress::default());
    assert_eq!(bench.nightly.last_progress().ended(), 22);
}

#[test]
fn run_that_expects_nothing_is_at_its_end() {
    let bench = bench();
    let _run = bench.nightly.start();
    bench.nightly.expect_items(0);
    assert_eq!(bench.value("risk_batch_progress_ratio"), Some(1.0));
    assert_eq!(bench.value("risk_batch_time_left_seconds"), Some(0.0));
}

#[test]
fn runs_that_overlap_end_with_the_last_of_them() {
    let bench = bench();
    let (first, second) = (bench.nightly.start(), bench.nightly.start());
    bench.nightly.items().ok();
    first.ok();
    assert_eq!(bench.nightly.progress().done, 1);
    second.ok();
    assert_eq!(bench.nightly.progress().done, 0);
    bench.ended(BatchOutcome::Ok, 2);
}

#[cfg(feature = "schedule")]
#[test]
fn scheduled_batch_is_due_after_its_next_start_also_when_it_ran_late_or_a_little_early() {
    let schedule = || Schedule::cron("0 11 * * *", "UTC").unwrap().within(HOUR);
    let due = |day: u32| Some(1_737_504_000.0 + f64::from(day) * 86_400.0 + 12.0 * 3600.0);
    // 2025-01-22 at 10:30: the run of eleven o'clock is still to come.
    let bench = bench();
    bench.nightly.scheduled(schedule());
    bench.successful_run();
    assert_eq!(bench.deadline(), due(0));
    // Begun at 10:59:30, which is the run of eleven o'clock, and ended past the next start.
    bench.held.advance(Duration::from_secs(29 * 60 + 30));
    let run = bench.nightly.start();
    bench.held.advance(25 * HOUR);
    bench.nightly.items().ok();
    run.ok();
    assert_eq!(bench.deadline(), due(1), "the start that it missed counts");
}
