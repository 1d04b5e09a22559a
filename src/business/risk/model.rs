//! Executions of a model.

use std::sync::Arc;
use std::time::Duration;

use super::instruments::Instruments;
use crate::business::failure::Failures;
use crate::business::{FailureReason, Fault, Outcome, Timer};
use crate::metrics::{Counter, Histogram, LabelValue};
use crate::work::{Base, PerValue, Record, durations_by_outcome};

/// The executions of one model: how long they take, and why they fail. Cloning shares it.
///
/// A failure needs an error that is a [`FailureReason`]. A panic counts as the failure `reason="panicked"`,
/// `fault="ours"`, so failures are the failed and the panicked executions, no more and no fewer.
///
/// Resolve once, keep. Recording reads the clock twice and adds to two atomics (three for a failure, behind a lock
/// that is held for a search); it allocates nothing once a reason is known.
///
/// ```
/// use aistm7_monitoring::business::{FailureReason, Fault};
/// # use aistm7_monitoring::{business::risk::Risk, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let risk = Risk::new(&Meter::new(&registry), Clock::system())?;
///
/// #[derive(Debug)]
/// struct TooNew;
/// impl FailureReason for TooNew {
///     fn reason(&self) -> &'static str {
///         "insufficient-data"
///     }
///     fn fault(&self) -> Fault {
///         Fault::User
///     }
/// }
///
/// let var = risk.model("historical-var").declare_failures(&[("insufficient-data", Fault::User)]);
/// let value_at_risk = |days: &[f64]| days.iter().copied().reduce(f64::min).ok_or(TooNew);
/// assert_eq!(var.execute(|| value_at_risk(&[-2.0, 1.0])).unwrap(), -2.0);
/// var.execute(|| value_at_risk(&[])).unwrap_err();
/// let series = "risk_calculation_failures_total\
///               {fault=\"user\",model=\"historical-var\",reason=\"insufficient-data\"} 1\n";
/// assert!(registry.render().contains(series));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ModelExecutions(Arc<Executions>);

#[derive(Debug)]
struct Executions {
    base: Base,
    durations: PerValue<Outcome, Histogram>,
    cpu: Counter,
    failures: Failures,
    panics: Counter,
}

impl ModelExecutions {
    pub(super) fn new(instruments: &Instruments, model: LabelValue) -> Self {
        let base = instruments.base.clone();
        let durations = durations_by_outcome(&instruments.execution_duration, |outcome| [model.clone(), outcome]);
        let cpu = instruments.cpu.series([model.clone()]);
        let failures = Failures::new(&base, &instruments.failures, model);
        let panics = failures.of(Outcome::Panicked.as_str(), Fault::Ours);
        Self(Arc::new(Executions { base, durations, cpu, failures, panics }))
    }

    /// Creates the counters of these failures at 0, so that the first one is seen as an increase.
    #[must_use = "the handle is given back to be kept"]
    pub fn declare_failures(self, failures: &[(&'static str, Fault)]) -> Self {
        for (reason, fault) in failures {
            let _ = self.0.failures.of(reason, *fault);
        }
        self
    }

    /// Starts an execution whose end the caller tells, see [`ModelTimer`].
    pub fn start(&self) -> ModelTimer {
        self.timer(Timer::start)
    }

    /// Does `work` and returns its result unchanged. A panic in it goes on, counted as `panicked`.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn execute<T, E: FailureReason>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let timer = self.start();
        let result = work();
        timer.finish(&result);
        result
    }

    /// Drives `work` and returns its result unchanged. The work starts when the future is first polled.
    ///
    /// # Errors
    /// Those of `work`.
    ///
    /// # Cancellation
    /// Dropping the future drops `work`; once started it counts as `cancelled`, which is no failure.
    pub fn execute_async<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + use<T, E, F>
    where
        E: FailureReason,
        F: Future<Output = Result<T, E>>,
    {
        let model = self.clone();
        async move {
            let timer = model.timer(Timer::start_in_future);
            let result = work.await;
            timer.finish(&result);
            result
        }
    }

    /// Records an execution that was measured elsewhere.
    pub fn record<T, E: FailureReason>(&self, took: Duration, result: &Result<T, E>) {
        self.0.count_failure(result);
        self.0.record(took, Outcome::of(result));
    }

    /// Adds processor time that the caller measured; this crate cannot read a thread's.
    pub fn add_cpu_time(&self, used: Duration) {
        self.0.cpu.add_duration(used);
    }

    fn timer(&self, start: impl FnOnce(Arc<dyn Record>) -> Timer) -> ModelTimer {
        ModelTimer { executions: Arc::clone(&self.0), timer: start(Arc::<Executions>::clone(&self.0)) }
    }
}

/// One execution of a model, see [`Timer`] for what a drop means.
///
/// An execution that is abandoned by an early return counts by its outcome and not as a failure, since nobody said
/// why: use [`ModelExecutions::execute`], or give the error to [`ModelTimer::failed`].
#[derive(Debug)]
#[must_use = "a timer that is dropped at once measures nothing"]
pub struct ModelTimer {
    executions: Arc<Executions>,
    timer: Timer,
}

impl ModelTimer {
    /// The execution succeeded.
    pub fn ok(self) {
        self.timer.ok();
    }

    /// The execution failed.
    pub fn failed(self, error: &impl FailureReason) {
        self.finish(&Err::<(), _>(error));
    }

    /// The execution ended with this result.
    pub fn finish<T, E: FailureReason>(self, result: &Result<T, E>) {
        self.executions.count_failure(result);
        self.timer.finish(Outcome::of(result));
    }
}

impl Executions {
    fn count_failure<T, E: FailureReason>(&self, result: &Result<T, E>) {
        if let Err(error) = result {
            self.failures.of(error.reason(), error.fault()).increment();
        }
    }
}

impl Record for Executions {
    fn base(&self) -> &Base {
        &self.base
    }

    fn record(&self, took: Duration, outcome: Outcome) {
        self.durations.of(outcome).record_duration(took);
        if outcome == Outcome::Panicked {
            self.panics.increment();
        }
    }
}
