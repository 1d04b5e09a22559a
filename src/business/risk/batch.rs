//! Runs of a batch job.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::instruments::Instruments;
use crate::business::counted::{Counted, Counts};
use crate::business::{Outcome, Timed, Timer};
use crate::metrics::{Gauge, Histogram, LabelValue};
use crate::work::{Base, PerValue, Record, counters_by_outcome, durations_by_outcome, set_count};

/// The runs of one batch job: when they started and succeeded, how long they took, how far they are. Cloning shares it.
///
/// A batch is overdue when its deadline lies in the past. Whoever sets deadlines moves them forward on success only.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// # use aistm7_monitoring::{business::risk::Risk, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let risk = Risk::new(&Meter::new(&registry), Clock::system())?;
/// let nightly = risk.batch("nightly-var");
/// let portfolios = ["1", "2", "x"];
/// nightly.execute(|| {
///     nightly.expect_items(3);
///     for portfolio in portfolios {
///         let _ = nightly.items().execute(|| portfolio.parse::<u32>());
///     }
///     Ok::<_, String>(())
/// })?;
/// assert!(registry.render().contains("risk_batch_items_total{batch=\"nightly-var\",outcome=\"failed\"} 1\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches {
    runs: Arc<Runs>,
    timed: Timed,
    items: Counted,
}

#[derive(Debug)]
struct Runs {
    base: Base,
    durations: PerValue<Outcome, Histogram>,
    running: Gauge,
    started: Gauge,
    last_success: Gauge,
    deadline: Gauge,
    items_expected: Gauge,
}

impl Batches {
    pub(super) fn new(instruments: &Instruments, batch: LabelValue) -> Self {
        let base = instruments.base.clone();
        let items = counters_by_outcome(&instruments.batch_items, |outcome| [batch.clone(), outcome]);
        let items = Counted::new(Counts { base: base.clone(), by_outcome: items, refreshes: None, spends: None });
        let runs = Arc::new(Runs {
            base,
            durations: durations_by_outcome(&instruments.batch_duration, |outcome| [batch.clone(), outcome]),
            running: instruments.batch_running.series([batch.clone()]),
            started: instruments.batch_started.series([batch.clone()]),
            last_success: instruments.batch_last_success.series([batch.clone()]),
            deadline: instruments.batch_deadline.series([batch.clone()]),
            items_expected: instruments.batch_items_expected.series([batch]),
        });
        Self { timed: Timed::new(Arc::<Runs>::clone(&runs)), runs, items }
    }

    /// Starts a run whose end the caller tells, see [`Timer`]. It counts as running until then.
    pub fn start(&self) -> Timer {
        self.timed.start()
    }

    /// Does a run and returns its result unchanged. A panic in it goes on, counted as `panicked`.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn execute<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.timed.execute(work)
    }

    /// Drives a run and returns its result unchanged. The run starts when the future is first polled.
    ///
    /// # Errors
    /// Those of `work`.
    ///
    /// # Cancellation
    /// Dropping the future drops `work`; once started the run counts as `cancelled`.
    pub fn execute_async<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + use<T, E, F>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.timed.execute_async(work)
    }

    /// Records a run that ended just now and was measured elsewhere.
    pub fn record(&self, took: Duration, outcome: Outcome) {
        self.timed.record(took, outcome);
    }

    /// The items of the batch, counted by outcome.
    pub fn items(&self) -> &Counted {
        &self.items
    }

    /// The present run has so many items to do in all.
    pub fn expect_items(&self, items: u64) {
        set_count(&self.runs.items_expected, items);
    }

    /// The batch last succeeded then: for a process that starts with a stored history. A time before 1970 is refused
    /// and counted as `sample_rejected`.
    pub fn last_succeeded_at(&self, at: SystemTime) {
        self.runs.base.set_timestamp(&self.runs.last_success, at);
    }

    /// The batch must have succeeded again by then. A time before 1970 is refused and counted as `sample_rejected`.
    pub fn set_deadline(&self, at: SystemTime) {
        self.runs.base.set_timestamp(&self.runs.deadline, at);
    }
}

impl Record for Runs {
    fn base(&self) -> &Base {
        &self.base
    }

    fn begun(&self) {
        self.base.set_to_now(&self.started);
        self.running.add(1.0);
    }

    fn ended(&self) {
        self.running.add(-1.0);
    }

    fn record(&self, took: Duration, outcome: Outcome) {
        self.durations.of(outcome).record_duration(took);
        if outcome == Outcome::Ok {
            self.base.set_to_now(&self.last_success);
        }
    }
}
