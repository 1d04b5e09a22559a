//! The account of one queue: every item is in one place of it.

use std::sync::Arc;
use std::time::Duration;

use super::instruments::Instruments;
use super::labels::Rejection;
use super::waiting::Waiting;
use crate::metrics::{Counter, Histogram, LabelValue, Tally};
use crate::work::{Base, Outcome, PerValue, Record, counters_by_outcome, durations_by_outcome};

/// Items that wait in this process.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) depth: Tally,
    pub(super) waiting: Arc<Waiting>,
    pub(super) dropped: Counter,
    pub(super) flow: Arc<Flow>,
}

/// What goes into a queue and what comes out of it, wherever it is kept.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) base: Base,
    pub(super) enqueued: Counter,
    rejected: PerValue<Rejection, Counter>,
    pub(super) wait: Histogram,
    in_progress: Tally,
    processed: PerValue<Outcome, Counter>,
    work: PerValue<Outcome, Histogram>,
}

impl Ledger {
    pub(super) fn new(instruments: &Instruments, queue: &LabelValue, flow: Arc<Flow>) -> Self {
        let waiting = Arc::new(Waiting::default());
        let (asked, clock) = (Arc::clone(&waiting), instruments.base.clock.clone());
        let age = move || asked.oldest().map_or(Duration::ZERO, |since| clock.now().saturating_duration_since(since));
        instruments.oldest_age.observe([queue.clone()], move || Some(age().as_secs_f64()));
        Self {
            depth: instruments.depth.tally([queue.clone()]),
            waiting,
            dropped: instruments.dropped.series([queue.clone()]),
            flow,
        }
    }
}

impl Flow {
    pub(super) fn new(instruments: &Instruments, queue: &LabelValue) -> Self {
        let labels = |outcome| [queue.clone(), outcome];
        let rejected = |reason: Rejection| instruments.rejected.series([queue.clone(), reason.into()]);
        Self {
            base: instruments.base.clone(),
            enqueued: instruments.enqueued.series([queue.clone()]),
            rejected: PerValue::resolve(rejected),
            wait: instruments.wait.series([queue.clone()]),
            in_progress: instruments.in_progress.tally([queue.clone()]),
            processed: counters_by_outcome(&instruments.processed, labels),
            work: durations_by_outcome(&instruments.work, labels),
        }
    }

    /// Counts an item that did not get in.
    pub(super) fn reject(&self, reason: Rejection) {
        self.rejected.of(reason).increment();
    }
}

impl Record for Flow {
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
        self.work.of(outcome).record_duration(took);
        self.processed.of(outcome).increment();
    }
}
