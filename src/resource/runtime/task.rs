//! How long the polls of a service's own tasks take, which stable Tokio does not tell of any.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::clock::Clock;
use crate::metrics::{Definition, DefinitionError, Family, Histogram, LabelValue, Meter, Unit};

/// Chosen: Tokio's advice is to come back within 10 to 100 microseconds; half a second is a stall.
static POLL_DURATION: Definition = Definition::histogram(
    "tokio_task_poll_duration_seconds",
    "Time that single polls of measured tasks took, by kind of task: how long each kept its worker.",
)
.labels(&["task"])
.unit(Unit::Seconds)
.edges(&[0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0]);

/// A kind of task whose polls are timed, by a name that is written in code. Cloning shares it.
///
/// A task that computes or waits without giving way keeps a worker; `tokio_task_poll_duration_seconds{task}` says which
/// kind does. A poll that panics is not timed. Cost: two readings of the clock and a sample a poll, no allocation.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use aistm7_monitoring::Monitoring;
///
/// let monitoring = Monitoring::builder("orders").build()?;
/// let quotes = monitoring.task("quote-feed");
/// tokio::spawn(quotes.measure(async { /* read, decode, publish */ })).await?;
/// monitoring.registry().snapshot().assert_samples("tokio_task_poll_duration_seconds", &[("task", "quote-feed")], 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TaskKind {
    polls: Histogram,
    clock: Clock,
}

impl TaskKind {
    /// A future of this kind.
    pub fn measure<F: Future>(&self, future: F) -> MeasuredTask<F> {
        MeasuredTask { future, kind: self.clone() }
    }
}

impl fmt::Debug for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskKind").finish_non_exhaustive()
    }
}

pin_project! {
    /// A future whose polls are timed; see [`TaskKind`].
    ///
    /// # Cancellation
    /// As safe as the future itself.
    #[must_use = "futures do nothing unless they are polled"]
    pub struct MeasuredTask<F> {
        #[pin]
        future: F,
        kind: TaskKind,
    }
}

impl<F: Future> Future for MeasuredTask<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let began = this.kind.clock.now();
        let polled = this.future.poll(context);
        this.kind.polls.record_duration(this.kind.clock.now().saturating_duration_since(began));
        polled
    }
}

impl<F> fmt::Debug for MeasuredTask<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasuredTask").finish_non_exhaustive()
    }
}

/// The registered family.
#[derive(Clone)]
pub(in crate::resource) struct TaskFamily {
    polls: Family<Histogram, 1>,
    clock: Clock,
}

impl TaskFamily {
    pub(in crate::resource) fn register(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        Ok(Self { polls: meter.histogram(&POLL_DURATION)?, clock })
    }

    pub(in crate::resource) fn of(&self, name: LabelValue) -> TaskKind {
        TaskKind { polls: self.polls.series([name]), clock: self.clock.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;
    use crate::metrics::Registry;

    #[test]
    fn each_poll_is_one_sample_of_its_own_length() {
        let (held, registry) = (ManualClock::new(), Registry::new());
        let family = TaskFamily::register(&Meter::new(&registry), held.clock()).unwrap();
        let mut polls = [3, 40].into_iter();
        let future = std::future::poll_fn(|_| match polls.next() {
            Some(millis) => {
                held.advance(Duration::from_millis(millis));
                Poll::Pending
            }
            None => Poll::Ready("done"),
        });
        let mut future = std::pin::pin!(family.of("feed".into()).measure(future));
        let mut context = Context::from_waker(std::task::Waker::noop());
        for expected in [Poll::Pending, Poll::Pending, Poll::Ready("done")] {
            // What passes between two polls is nobody's.
            held.advance(Duration::from_secs(9));
            assert_eq!(future.as_mut().poll(&mut context), expected);
        }
        let measured = registry.snapshot().histogram("tokio_task_poll_duration_seconds", &[("task", "feed")]).unwrap();
        assert_eq!((measured.count(), measured.sum), (3, 0.043));
    }
}
