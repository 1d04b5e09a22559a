//! How far the present run is.

use std::time::{Duration, Instant, SystemTime};

use crate::business::Outcome;
use crate::clock::Clock;
use crate::metrics::Counter;
use crate::work::PerValue;

/// How far the present run of a batch is. Without a run under way nothing is done and nothing is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchProgress {
    /// Items that are done.
    pub done: u64,
    /// Items that ended in any other way: failed, cancelled, abandoned, panicked.
    pub failed: u64,
    /// Items in all, if the run has said so.
    pub expected: Option<u64>,
    /// How long the run has taken so far.
    pub elapsed: Option<Duration>,
}

impl BatchProgress {
    /// Items that have ended.
    pub fn ended(&self) -> u64 {
        self.done.saturating_add(self.failed)
    }

    /// The share of the items that have ended, at most 1; known while a run is under way that has said how many there are.
    pub fn share(&self) -> Option<f64> {
        self.elapsed?;
        let expected = self.expected?;
        // The casts are exact up to 2^53 items.
        Some(if expected == 0 { 1.0 } else { (self.ended() as f64 / expected as f64).min(1.0) })
    }

    /// How long the rest takes at the pace of the items so far; known from the first item on. It grows while a run stands
    /// still.
    pub fn time_left(&self) -> Option<Duration> {
        let (elapsed, expected, ended) = (self.elapsed?, self.expected?, self.ended());
        if ended == 0 {
            return (expected == 0).then_some(Duration::ZERO);
        }
        let rest = expected.saturating_sub(ended);
        // The casts are exact up to 2^53 items; no estimate is that good.
        Duration::try_from_secs_f64(elapsed.as_secs_f64() * (rest as f64 / ended as f64)).ok()
    }
}

/// The run that is under way. Runs of one batch that overlap in one process are taken for one that ends with the last.
#[derive(Debug, Default)]
pub(super) struct Present {
    /// Runs under way.
    runs: u32,
    began: Option<Began>,
    expected: Option<u64>,
    /// Of the run before, when it ended.
    last: BatchProgress,
}

#[derive(Clone, Copy, Debug)]
struct Began {
    at: Instant,
    wall: SystemTime,
    /// What the counters of items said.
    done: u64,
    failed: u64,
}

impl Present {
    pub(super) fn begin(&mut self, clock: &Clock, items: &PerValue<Outcome, Counter>) {
        self.runs += 1;
        if self.runs == 1 {
            let (done, failed) = counts(items);
            self.began = Some(Began { at: clock.now(), wall: clock.wall(), done, failed });
        }
    }

    pub(super) fn end(&mut self, clock: &Clock, items: &PerValue<Outcome, Counter>) {
        self.runs = self.runs.saturating_sub(1);
        if self.runs == 0 {
            *self = Self { last: self.progress(clock, items), ..Self::default() };
        }
    }

    /// How far the run before was when it ended.
    pub(super) fn last(&self) -> BatchProgress {
        self.last
    }

    /// Told before a run it holds for the next one.
    pub(super) fn expect(&mut self, items: u64) {
        self.expected = Some(items);
    }

    /// When the run began.
    pub(super) fn began(&self) -> Option<SystemTime> {
        Some(self.began?.wall)
    }

    pub(super) fn progress(&self, clock: &Clock, items: &PerValue<Outcome, Counter>) -> BatchProgress {
        let Some(began) = self.began else {
            return BatchProgress { expected: self.expected, ..BatchProgress::default() };
        };
        let (done, failed) = counts(items);
        BatchProgress {
            done: done.saturating_sub(began.done),
            failed: failed.saturating_sub(began.failed),
            expected: self.expected,
            elapsed: Some(clock.now().saturating_duration_since(began.at)),
        }
    }
}

/// Items that are done, and all that ended in another way, since the process began.
fn counts(items: &PerValue<Outcome, Counter>) -> (u64, u64) {
    let others = Outcome::ALL.iter().filter(|outcome| **outcome != Outcome::Ok);
    (items.of(Outcome::Ok).get(), others.map(|outcome| items.of(*outcome).get()).sum())
}
