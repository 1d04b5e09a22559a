//! The account of one queue: every item is in one place of it.

use std::sync::Arc;
use std::time::Duration;

use super::instruments::Instruments;
use super::labels::Rejection;
use super::waiting::Waiting;
use crate::metrics::{Counter, Histogram, LabelValue, Tally};
use crate::work::{Base, Outcome, PerValue, Record, counters_by_outcome, durations_by_outcome};

/// Items that wait.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) depth: Tally,
    pub(super) waiting: Arc<Waiting>,
    pub(super) enqueued: Counter,
    pub(super) rejected: PerValue<Rejection, Counter>,
    pub(super) dropped: Counter,
    pub(super) wait: Histogram,
    pub(super) work: Arc<Work>,
}

/// Items that are worked on.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) base: Base,
    in_progress: Tally,
    processed: PerValue<Outcome, Counter>,
    durations: PerValue<Outcome, Histogram>,
}

impl Ledger {
    pub(super) fn new(instruments: &Instruments, queue: &LabelValue) -> Self {
        let waiting = Arc::new(Waiting::default());
        let (asked, clock) = (Arc::clone(&waiting), instruments.base.clock.clone());
        let age = move || asked.oldest().map_or(Duration::ZERO, |since| clock.now().saturating_duration_since(since));
        instruments.oldest_age.observe([queue.clone()], move || Some(age().as_secs_f64()));
        Self {
            depth: instruments.depth.tally([queue.clone()]),
            waiting,
            enqueued: instruments.enqueued.series([queue.clone()]),
            rejected: PerValue::resolve(|reason: Rejection| {
                instruments.rejected.series([queue.clone(), reason.into()])
            }),
            dropped: instruments.dropped.series([queue.clone()]),
            wait: instruments.wait.series([queue.clone()]),
            work: Arc::new(Work::new(instruments, queue)),
        }
    }
}

impl Work {
    fn new(instruments: &Instruments, queue: &LabelValue) -> Self {
        let labels = |outcome| [queue.clone(), outcome];
        Self {
            base: instruments.base.clone(),
            in_progress: instruments.in_progress.tally([queue.clone()]),
            processed: counters_by_outcome(&instruments.processed, labels),
            durations: durations_by_outcome(&instruments.work, labels),
        }
    }
}

impl Record for Work {
    fn base(&self) -> &Base {
        &self.base
    }

    fn begun(&self) {
        self.in_progress.open();
    }

    fn ended(&self) {
        self.in_progress.close();
    }

    fn record(&self, took: Duration, outcome: Outcome) {
        self.durations.of(outcome).record_duration(took);
        self.processed.of(outcome).increment();
    }
}
