//! Work that is timed by outcome.

use std::sync::Arc;
use std::time::Duration;

use super::base::Base;
use super::label::PerValue;
use super::outcome::Outcome;
use super::timer::{self, Record, Timer};
use crate::metrics::Histogram;

/// A kind of work whose durations are kept by outcome. Cloning shares it.
///
/// Resolve once, keep. Recording reads the clock twice and adds to two atomics; it allocates nothing.
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::business::{Outcome, portfolio::Portfolio};
/// # use aistm7_monitoring::{clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let portfolio = Portfolio::new(&Meter::new(&registry), Clock::system())?;
///
/// let valuation = portfolio.calculation("valuation");
/// let value = valuation.execute(|| "42".parse::<u32>()); // the closure's own result
/// assert_eq!(value, Ok(42));
/// valuation.record(Duration::from_millis(30), Outcome::Failed); // measured elsewhere
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Timed(Arc<dyn Record>);

impl Timed {
    pub(crate) fn new(to: Arc<dyn Record>) -> Self {
        Self(to)
    }

    /// Starts a piece of work whose end the caller tells, see [`Timer`].
    pub fn start(&self) -> Timer {
        Timer::start(Arc::clone(&self.0))
    }

    /// As [`Self::start`], for a timer that lives in a future of ours: a drop means `cancelled`.
    pub(crate) fn start_in_future(&self) -> Timer {
        Timer::start_in_future(Arc::clone(&self.0))
    }

    /// Does `work` and returns its result unchanged. A panic in it goes on, counted as `panicked`.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn execute<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        timer::execute(Arc::clone(&self.0), work)
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
        timer::execute_async(Arc::clone(&self.0), work)
    }

    /// Records a piece of work that was measured elsewhere.
    pub fn record(&self, took: Duration, outcome: Outcome) {
        self.0.record(took, outcome);
    }
}

/// Durations by outcome.
#[derive(Debug)]
pub(crate) struct Durations {
    pub(crate) base: Base,
    pub(crate) by_outcome: PerValue<Outcome, Histogram>,
}

impl Record for Durations {
    fn base(&self) -> &Base {
        &self.base
    }

    fn record(&self, took: Duration, outcome: Outcome) {
        self.by_outcome.of(outcome).record_duration(took);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::clock::ManualClock;
    use crate::metrics::{Definition, Family, Meter, Registry, Unit};
    use crate::work::timed;

    const NAME: &str = "work_duration_seconds";
    static WORK: Definition = Definition::histogram(NAME, "Work.").unit(Unit::Seconds).labels(&["outcome"]);

    struct Bench {
        registry: Registry,
        held: ManualClock,
        work: Timed,
    }

    fn bench() -> Bench {
        let (registry, held) = (Registry::new(), ManualClock::new());
        let meter = Meter::new(&registry);
        let family: Family<Histogram, 1> = meter.histogram(&WORK).unwrap();
        let work = timed(&Base::new(&meter, held.clock()), &family, |outcome| [outcome]);
        Bench { registry, held, work }
    }

    impl Bench {
        /// Exactly one piece of work is recorded, with this outcome, and it took as many seconds.
        fn recorded(&self, outcome: Outcome, seconds: f64) {
            let (snapshot, labels) = (self.registry.snapshot(), [("outcome", outcome.as_str())]);
            snapshot.assert_samples(NAME, &[], 1);
            snapshot.assert_samples(NAME, &labels, 1);
            assert_eq!(snapshot.histogram(NAME, &labels).unwrap().sum, seconds);
        }
    }

    #[test]
    fn every_outcome_exists_at_zero_before_any_work() {
        let bench = bench();
        let snapshot = bench.registry.snapshot();
        for outcome in Outcome::ALL {
            snapshot.assert_samples(NAME, &[("outcome", outcome.as_str())], 0);
        }
    }

    #[test]
    fn execute_returns_the_result_of_the_closure() {
        let bench = bench();
        let result: Result<u8, ()> = bench.work.execute(|| {
            bench.held.advance(Duration::from_secs(2));
            Ok(7)
        });
        assert_eq!(result, Ok(7));
        bench.recorded(Outcome::Ok, 2.0);
    }

    #[test]
    fn error_of_the_closure_counts_as_failed() {
        let bench = bench();
        assert_eq!(bench.work.execute(|| Err::<(), _>("no")), Err("no"));
        bench.recorded(Outcome::Failed, 0.0);
    }

    #[test]
    fn panic_of_the_closure_counts_and_goes_on() {
        let bench = bench();
        let work = || bench.work.execute(|| -> Result<(), ()> { panic!("on purpose") });
        assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
        bench.recorded(Outcome::Panicked, 0.0);
    }

    #[test]
    fn early_return_counts_as_abandoned() {
        let bench = bench();
        let leave = || -> Option<()> {
            let timer = bench.work.start();
            bench.held.advance(Duration::from_secs(1));
            None::<()>?;
            timer.ok();
            Some(())
        };
        assert_eq!(leave(), None);
        bench.recorded(Outcome::Abandoned, 1.0);
    }

    #[test]
    fn finished_timer_counts_once() {
        let bench = bench();
        bench.work.start().failed();
        bench.recorded(Outcome::Failed, 0.0);
    }

    #[test]
    fn async_work_is_measured_from_its_first_poll() {
        let bench = bench();
        let held = bench.held.clone();
        let future = bench.work.execute_async(async move {
            held.advance(Duration::from_secs(3));
            Ok::<_, ()>("done")
        });
        bench.held.advance(Duration::from_secs(10));
        let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(Ok("done")));
        bench.recorded(Outcome::Ok, 3.0);
    }

    #[test]
    fn dropped_future_counts_as_cancelled_once_started() {
        let bench = bench();
        drop(bench.work.execute_async(pending::<Result<(), ()>>()));
        bench.registry.snapshot().assert_samples(NAME, &[], 0); // never polled
        {
            let mut future = pin!(bench.work.execute_async(pending::<Result<(), ()>>()));
            assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            bench.held.advance(Duration::from_secs(4));
        }
        bench.recorded(Outcome::Cancelled, 4.0);
    }

    #[test]
    fn panic_in_a_future_counts_as_panicked() {
        let bench = bench();
        let poll = || {
            let future =
                bench.work.execute_async(std::future::poll_fn(|_| -> Poll<Result<(), ()>> { panic!("on purpose") }));
            pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
        };
        assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
        bench.recorded(Outcome::Panicked, 0.0);
    }

    #[test]
    fn work_measured_elsewhere_is_taken_as_given() {
        let bench = bench();
        bench.work.record(Duration::from_millis(1500), Outcome::Cancelled);
        bench.recorded(Outcome::Cancelled, 1.5);
    }
}
