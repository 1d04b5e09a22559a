//! Work that is counted by outcome.

use std::sync::Arc;
use std::time::Duration;

use super::freshness::Freshness;
use super::quota::Spending;
use crate::metrics::Counter;
use crate::work::{self, Base, Outcome, PerValue, Record, Timer};

/// A kind of work that is counted by outcome. Cloning shares it.
///
/// Resolve once, keep. Counting is one atomic add and allocates nothing.
///
/// ```
/// # use aistm7_monitoring::{business::portfolio::Portfolio, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let portfolio = Portfolio::new(&Meter::new(&registry), Clock::system())?;
/// let positions = portfolio.api_calls("ibkr", "positions");
/// positions.execute(|| "[]".parse::<f64>()).unwrap_err();
/// positions.ok();
/// let series = "portfolio_api_calls_total{operation=\"positions\",outcome=\"failed\",provider=\"ibkr\"} 1\n";
/// assert!(registry.render().contains(series));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Counted(Arc<Counts>);

impl Counted {
    pub(super) fn new(counts: Counts) -> Self {
        Self(Arc::new(counts))
    }

    /// Counts one success.
    pub fn ok(&self) {
        self.record(Outcome::Ok);
    }

    /// Counts one failure.
    pub fn failed(&self) {
        self.record(Outcome::Failed);
    }

    /// Counts one that ended in this way.
    pub fn record(&self, outcome: Outcome) {
        self.0.add(outcome, 1);
    }

    /// Counts `times` that ended in this way, such as those of a bulk call.
    pub fn record_many(&self, outcome: Outcome, times: u64) {
        self.0.add(outcome, times);
    }

    /// Starts one whose end the caller tells; it counts also when it is left early, see [`Timer`].
    pub fn start(&self) -> Timer {
        Timer::start(self.sink())
    }

    /// Does `work` and returns its result unchanged. A panic in it goes on, counted as `panicked`.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn execute<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        work::execute(self.sink(), work)
    }

    /// Drives `work` and returns its result unchanged. The work starts when the future is first polled.
    ///
    /// # Errors
    /// Those of `work`.
    ///
    /// # Cancellation
    /// Dropping the future drops `work`; once started it counts as `cancelled`.
    pub fn execute_async<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + use<T, E, F>
    where
        F: Future<Output = Result<T, E>>,
    {
        work::execute_async(self.sink(), work)
    }

    fn sink(&self) -> Arc<dyn Record> {
        Arc::<Counts>::clone(&self.0)
    }
}

/// Counts by outcome, what a success makes fresh, and what each uses up.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) base: Base,
    pub(super) by_outcome: PerValue<Outcome, Counter>,
    pub(super) refreshes: Option<Freshness>,
    pub(super) spends: Option<Arc<Spending>>,
}

impl Counts {
    fn add(&self, outcome: Outcome, times: u64) {
        self.by_outcome.of(outcome).add(times);
        if let (Outcome::Ok, Some(freshness), 1..) = (outcome, &self.refreshes, times) {
            freshness.updated();
        }
        if let Some(spending) = &self.spends {
            spending.spend(times);
        }
    }
}

impl Record for Counts {
    fn base(&self) -> &Base {
        &self.base
    }

    fn record(&self, _: Duration, outcome: Outcome) {
        self.add(outcome, 1);
    }
}
