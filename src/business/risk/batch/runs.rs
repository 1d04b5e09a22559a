//! Runs of a batch job.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::outcome::BatchOutcome;
use super::progress::{BatchProgress, Present};
use crate::business::counted::{Counted, Counts};
use crate::business::risk::instruments::Instruments;
use crate::business::{Outcome, Timed, Timer};
use crate::metrics::{Counter, Gauge, Histogram, LabelValue};
use crate::work::{Base, PerValue, Record, counters_by_outcome, set_count};

/// The runs of one batch job: when they started and succeeded, how long they took, how far they are. Cloning shares it,
/// and so does asking for the same batch again.
///
/// A run that says it succeeded and has done no item is [`BatchOutcome::Empty`], which is no success, unless it expected
/// none ([`Batches::expect_items`]) or the batch is not one [of items](Batches::without_items).
///
/// A batch is overdue when its deadline lies in the past. Deadlines follow a rule, such as a schedule, and move forward on
/// success only, so a batch that fails, does nothing or never starts becomes overdue.
///
/// ```
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

struct Runs {
    name: LabelValue,
    base: Base,
    durations: PerValue<BatchOutcome, Histogram>,
    items: PerValue<Outcome, Counter>,
    running: Gauge,
    started: Gauge,
    last_success: Gauge,
    deadline: Gauge,
    items_expected: Gauge,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    present: Present,
    has_no_items: bool,
    succeeded: Option<SystemTime>,
    next_deadline: Option<Arc<DeadlineRule>>,
}

/// From the moment of a success, or from the start of the run that succeeded, to when the next success is due.
type DeadlineRule = dyn Fn(SystemTime) -> Option<SystemTime> + Send + Sync;

impl Batches {
    pub(in crate::business::risk) fn new(instruments: &Instruments, batch: &LabelValue) -> Self {
        let base = instruments.base.clone();
        let labels = || [batch.clone()];
        let items = || counters_by_outcome(&instruments.batch_items, |outcome| [batch.clone(), outcome]);
        let runs = Arc::new(Runs {
            name: batch.clone(),
            base: base.clone(),
            durations: PerValue::resolve(|outcome: BatchOutcome| {
                instruments.batch_duration.series([batch.clone(), outcome.into()])
            }),
            items: items(),
            running: instruments.batch_running.series(labels()),
            started: instruments.batch_started.series(labels()),
            last_success: instruments.batch_last_success.series(labels()),
            deadline: instruments.batch_deadline.series(labels()),
            items_expected: instruments.batch_items_expected.series(labels()),
            state: Mutex::default(),
        });
        // The items and how many are expected say the same to whoever does not read.
        let shown = Arc::clone(&runs);
        instruments.batch_progress.observe_where_read(labels(), move || shown.progress().share());
        let shown = Arc::clone(&runs);
        instruments
            .batch_time_left
            .observe_where_read(labels(), move || Some(shown.progress().time_left()?.as_secs_f64()));
        let items = Counted::new(Counts { base, by_outcome: items(), refreshes: None, spends: None });
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

    /// Records a run that ended just now and was measured elsewhere: with the outcome that is given, whatever its items.
    pub fn record(&self, took: Duration, outcome: impl Into<BatchOutcome>) {
        let now = self.runs.base.clock.wall();
        self.runs.finished(took, outcome.into(), now.checked_sub(took).unwrap_or(now));
    }

    /// The items of the batch, counted by outcome.
    pub fn items(&self) -> &Counted {
        &self.items
    }

    /// The present run has so many items to do in all; told while none is under way, the next one. Of a run that expects
    /// none nothing is missing.
    pub fn expect_items(&self, items: u64) {
        set_count(&self.runs.items_expected, items);
        self.runs.state().present.expect(items);
    }

    /// The batch is not one of items: a run that succeeds is a success. To be said once, before its first run.
    #[must_use = "the handle is given back to be kept"]
    pub fn without_items(self) -> Self {
        self.runs.state().has_no_items = true;
        self
    }

    /// How far the present run is: `risk_batch_progress_ratio` and `risk_batch_time_left_seconds`, for the service itself.
    pub fn progress(&self) -> BatchProgress {
        self.runs.progress()
    }

    /// How far the run before the present one was when it ended.
    pub fn last_progress(&self) -> BatchProgress {
        self.runs.state().present.last()
    }

    /// The name of the batch, as its label has it.
    pub fn name(&self) -> &str {
        self.runs.name.as_str()
    }

    /// The batch last succeeded then: for a process that starts with a stored history. The deadline follows, if there is a
    /// rule for it. A success that is known already and later stays. A time before 1970 is refused and counted as
    /// `sample_rejected`.
    pub fn last_succeeded_at(&self, at: SystemTime) {
        self.runs.succeeded(at, at);
    }

    /// By when the batch must succeed again: `rule` makes the next deadline from a moment, which is the start of a run that
    /// succeeded, or the success itself where only that is known. `None` leaves the deadline as it is.
    ///
    /// Nothing is due before a first success is known, because a restart must not move a deadline: seed it with
    /// [`Batches::last_succeeded_at`], or set it for the first time with [`Batches::set_deadline`].
    ///
    /// A job that ends before a scrape pushes its deadline when it succeeds, and its destination keeps it while later runs
    /// fail, find nothing to do or leave the batch out.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// # use aistm7_monitoring::{business::risk::Risk, clock::Clock, metrics::{Meter, Registry}};
    /// # let registry = Registry::new();
    /// # let risk = Risk::new(&Meter::new(&registry), Clock::system())?;
    /// let hourly = risk.batch("intraday-var");
    /// hourly.due_again(|began| Some(began + Duration::from_secs(2 * 3600)));
    /// hourly.last_succeeded_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_737_540_000)); // from the store
    /// assert!(registry.render().contains("risk_batch_deadline_timestamp_seconds{batch=\"intraday-var\"} 1737547200\n"));
    /// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
    /// ```
    pub fn due_again(&self, rule: impl Fn(SystemTime) -> Option<SystemTime> + Send + Sync + 'static) {
        let succeeded = {
            let mut state = self.runs.state();
            state.next_deadline = Some(Arc::new(rule));
            state.succeeded
        };
        if let Some(at) = succeeded {
            self.runs.move_deadline(at);
        }
    }

    /// The batch must have succeeded again by then, whatever the rule says until the next success. A time before 1970 is
    /// refused and counted as `sample_rejected`.
    pub fn set_deadline(&self, at: SystemTime) {
        self.runs.base.set_timestamp(&self.runs.deadline, at);
    }
}

impl Runs {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> BatchProgress {
        self.state().present.progress(&self.base.clock, &self.items)
    }

    /// What a run is that ended in this way, by its items.
    fn judged(&self, outcome: Outcome) -> BatchOutcome {
        let state = self.state();
        let progress = state.present.progress(&self.base.clock, &self.items);
        let is_empty = progress.done == 0 && progress.expected != Some(0) && !state.has_no_items;
        if outcome == Outcome::Ok && is_empty { BatchOutcome::Empty } else { outcome.into() }
    }

    fn finished(&self, took: Duration, outcome: BatchOutcome, began: SystemTime) {
        self.durations.of(outcome).record_duration(took);
        if outcome == BatchOutcome::Ok {
            self.succeeded(self.base.clock.wall(), began);
        }
    }

    fn succeeded(&self, at: SystemTime, began: SystemTime) {
        {
            let mut state = self.state();
            if state.succeeded.is_some_and(|known| known > at) {
                return;
            }
            state.succeeded = Some(at);
        }
        self.base.set_timestamp(&self.last_success, at);
        self.move_deadline(began);
    }

    /// The rule is the user's code, so no lock is held meanwhile.
    fn move_deadline(&self, from: SystemTime) {
        let rule = self.state().next_deadline.clone();
        if let Some(deadline) = rule.and_then(|rule| rule(from)) {
            self.base.set_timestamp(&self.deadline, deadline);
        }
    }
}

impl Record for Runs {
    fn base(&self) -> &Base {
        &self.base
    }

    fn begun(&self) {
        self.state().present.begin(&self.base.clock, &self.items);
        self.base.set_to_now(&self.started);
        self.running.add(1.0);
    }

    fn ended(&self) {
        self.state().present.end(&self.base.clock, &self.items);
        self.running.add(-1.0);
    }

    fn record(&self, took: Duration, outcome: Outcome) {
        let began = self.state().present.began();
        self.finished(took, self.judged(outcome), began.unwrap_or_else(|| self.base.clock.wall()));
    }
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runs").field("name", &self.name).field("running", &self.running).finish_non_exhaustive()
    }
}
