//! One run of a job: started once, ended once, whatever happens.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use super::outcome::Outcome;
use super::pusher::{Pusher, Pushing};
use super::short_lived::ShortLived;

/// A run under way. Dropped before [`Run::end`], it is cancelled, and that is pushed too.
pub(super) struct Run {
    job: ShortLived,
    started: Instant,
    /// `None` once it has ended.
    pusher: Option<Pusher>,
}

impl Run {
    pub(super) fn start(job: ShortLived) -> Self {
        let clock = job.clock();
        job.instruments().started(clock.unix_seconds());
        let (started, pusher) = (clock.now(), Pusher::start(job.clone()));
        Self { job, started, pusher: Some(pusher) }
    }

    pub(super) fn end(mut self, outcome: Outcome) -> Pushing {
        self.finish(outcome).expect("OK because only this and a drop finish a run, and this takes it")
    }

    /// The one place that records an end.
    fn finish(&mut self, outcome: Outcome) -> Option<Pushing> {
        let pusher = self.pusher.take()?;
        let clock = self.job.clock();
        let took = clock.now().saturating_duration_since(self.started);
        self.job.instruments().ended(outcome, clock.unix_seconds(), took);
        Some(pusher.end(outcome))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Its thread goes on by itself.
        let _ = self.finish(Outcome::Cancelled);
    }
}

/// Drives `work` and holds its panic.
pub(super) async fn unwound<T>(work: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        // Safe to assert: after a panic the future is not polled again, only dropped.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}
