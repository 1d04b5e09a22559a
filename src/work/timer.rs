//! One piece of work that is measured, finished exactly once whatever happens.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::base::Base;
use super::outcome::Outcome;

/// Where pieces of work are recorded.
pub(crate) trait Record: fmt::Debug + Send + Sync {
    fn base(&self) -> &Base;

    /// A piece of work that a [`Timer`] watches has begun.
    fn begun(&self) {}

    /// A piece of work that a [`Timer`] watched is no longer under way.
    fn ended(&self) {}

    /// One piece of work has ended.
    fn record(&self, took: Duration, outcome: Outcome);
}

/// One piece of work, measured from its start until a verdict is given, or until this is dropped.
///
/// Dropped without a verdict it counts too: as `panicked` while the thread unwinds, else as `abandoned`, which is what
/// an early return with `?` becomes. (A drop during the unwinding of a neighbour on the same thread also says
/// `panicked`: nobody can tell them apart.)
///
/// Cost: two readings of the clock and the recording; no allocation.
///
/// ```
/// # use aistm7_monitoring::{business::portfolio::Portfolio, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let portfolio = Portfolio::new(&Meter::new(&registry), Clock::system())?;
/// let valuation = portfolio.calculation("valuation");
/// let parse = |text: &str| -> Result<u32, std::num::ParseIntError> {
///     let timer = valuation.start();
///     let value = text.parse()?; // returns early: `abandoned`
///     timer.ok();
///     Ok(value)
/// };
/// parse("7").unwrap();
/// parse("x").unwrap_err();
/// let text = registry.render();
/// let count = "portfolio_calculation_duration_seconds_count{calculation=\"valuation\",outcome=";
/// assert!(text.contains(&format!("{count}\"ok\"}} 1\n")));
/// assert!(text.contains(&format!("{count}\"abandoned\"}} 1\n")));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Debug)]
#[must_use = "a timer that is dropped at once measures nothing"]
pub struct Timer {
    to: Arc<dyn Record>,
    started: Instant,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug)]
enum Verdict {
    /// Nobody has said yet; this is what a drop means.
    IfDropped(Outcome),
    Given(Outcome),
}

impl Timer {
    pub(crate) fn start(to: Arc<dyn Record>) -> Self {
        let now = to.base().clock.now();
        Self::start_at(to, now)
    }

    /// For a timer that lives in a future of ours: only cancellation drops it without a verdict.
    pub(crate) fn start_in_future(to: Arc<dyn Record>) -> Self {
        Self::start(to).in_future()
    }

    /// For work that began at a moment which is known already.
    pub(crate) fn start_at(to: Arc<dyn Record>, started: Instant) -> Self {
        to.begun();
        Self { to, started, verdict: Verdict::IfDropped(Outcome::Abandoned) }
    }

    /// From now on it lives in a future of ours.
    pub(crate) fn in_future(mut self) -> Self {
        self.verdict = Verdict::IfDropped(Outcome::Cancelled);
        self
    }

    /// The work succeeded.
    pub fn ok(self) {
        self.finish(Outcome::Ok);
    }

    /// The work failed.
    pub fn failed(self) {
        self.finish(Outcome::Failed);
    }

    /// The work ended in this way.
    pub fn finish(mut self, outcome: Outcome) {
        self.verdict = Verdict::Given(outcome);
    }
}

/// The one place that records, so that each piece of work is recorded once.
impl Drop for Timer {
    fn drop(&mut self) {
        let outcome = match self.verdict {
            Verdict::Given(outcome) => outcome,
            Verdict::IfDropped(_) if std::thread::panicking() => Outcome::Panicked,
            Verdict::IfDropped(outcome) => outcome,
        };
        let took = self.to.base().clock.now().saturating_duration_since(self.started);
        self.to.record(took, outcome);
        self.to.ended();
    }
}

pub(crate) fn execute<T, E>(to: Arc<dyn Record>, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let timer = Timer::start(to);
    let result = work();
    timer.finish(Outcome::of(&result));
    result
}

pub(crate) async fn execute_async<T, E, F>(to: Arc<dyn Record>, work: F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let timer = Timer::start_in_future(to);
    let result = work.await;
    timer.finish(Outcome::of(&result));
    result
}
