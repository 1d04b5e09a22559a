//! A job that ends before a scrape.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::destination::{Destination, Origin, sealed::Deliver};
use super::instruments::JobInstruments;
use super::jobs::Shared;
use super::outcome::Outcome;
use super::pending::Pending;
use super::pusher::Pushed;
use super::report::JobReport;
use super::run::{Run, unwound};
use crate::clock::Clock;
use crate::diagnostics::Diagnostics;
use crate::metrics::Registry;

/// A job whose process ends, or may end, before Prometheus comes: its metrics are pushed when a run starts and when it
/// ends, also after an error, a panic or a cancellation.
///
/// The run itself starts at once and is never failed by a push. When it is over it is held up until both pushes are
/// done, for at most two [push deadlines](ShortLived::push_deadline) and the time that collectors are given. Cost: a
/// thread while a run lasts.
///
/// What a run records, and what is pushed where, is said in [`push`](super).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use aistm7_monitoring::{Monitoring, push::Textfile};
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("nightly-var.prom");
///
/// let monitoring = Monitoring::builder("risk-analysis").build()?;
/// let job = monitoring.short_lived("nightly-var", Textfile::new(&path)?)?;
///
/// let report = job.run(async { "42".parse::<u32>() }).await;
/// assert!(report.at_end.is_ok());
/// assert_eq!(report.result?, 42);
/// assert!(std::fs::read_to_string(&path)?.contains("job_last_success_timestamp_seconds"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens before a run"]
pub struct ShortLived {
    shared: Arc<Shared>,
    origin: Origin,
    instruments: JobInstruments,
    destination: Arc<dyn Deliver>,
    deadline: Duration,
}

/// Chosen: a gateway answers in milliseconds, and a job that waits for a dead one should not wait for long.
pub const DEFAULT_PUSH_DEADLINE: Duration = Duration::from_secs(10);

impl ShortLived {
    pub(super) fn new(
        shared: Arc<Shared>,
        origin: Origin,
        instruments: JobInstruments,
        destination: impl Destination,
    ) -> Self {
        Self { shared, origin, instruments, destination: Arc::new(destination), deadline: DEFAULT_PUSH_DEADLINE }
    }

    /// How long each of the two pushes of a run may take. Default: [`DEFAULT_PUSH_DEADLINE`].
    pub fn push_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How often the job is expected to succeed, shown as `job_expected_interval_seconds`, so that one alert rule serves
    /// all jobs. Default: not said.
    pub fn expected_every(self, interval: Duration) -> Self {
        self.instruments.expect_every(interval);
        self
    }

    /// Drives `work`, which starts when the future is first polled, and gives its result with what became of the pushes.
    ///
    /// # Panics
    /// With the panic of `work`, once that is pushed. (A process that aborts on panic pushes nothing any more.)
    ///
    /// # Cancellation
    /// Dropping the future drops `work`. The run counts as `cancelled`, and its end is pushed on the run's own thread:
    /// the drop waits for nothing. Whoever ends the process then calls
    /// [`Monitoring::shutdown`](crate::Monitoring::shutdown), which waits for pushes. A process that is killed pushes
    /// nothing: `job_last_start_timestamp_seconds` stays above `job_last_completion_timestamp_seconds`.
    pub fn run<T, E, F>(&self, work: F) -> impl Future<Output = JobReport<T, E>> + use<T, E, F>
    where
        F: Future<Output = Result<T, E>>,
    {
        let job = self.clone();
        async move {
            let run = Run::start(job);
            let ended = unwound(work).await;
            let pushed = run.end(Outcome::of(&ended)).done().await;
            report(ended, pushed)
        }
    }

    /// As [`ShortLived::run`] for a job that blocks. Needs no runtime; inside one it is called through `spawn_blocking`.
    ///
    /// # Panics
    /// With the panic of `work`, once that is pushed.
    pub fn run_blocking<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> JobReport<T, E> {
        let run = Run::start(self.clone());
        // Safe to assert: the panic goes on, so nobody sees what it left behind who would not have seen it anyway.
        let ended = catch_unwind(AssertUnwindSafe(work));
        let pushed = run.end(Outcome::of(&ended)).wait();
        report(ended, pushed)
    }
}

fn report<T, E>(ended: thread::Result<Result<T, E>>, pushed: Pushed) -> JobReport<T, E> {
    match ended {
        Ok(result) => JobReport { result, at_start: pushed.at_start, at_end: pushed.at_end },
        Err(panic) => resume_unwind(panic),
    }
}

/// What a run and its pusher need.
impl ShortLived {
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn instruments(&self) -> &JobInstruments {
        &self.instruments
    }

    pub(super) fn destination(&self) -> &dyn Deliver {
        &*self.destination
    }

    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    pub(super) fn diagnostics(&self) -> &Diagnostics {
        &self.shared.diagnostics
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(super) fn pending(&self) -> &Pending {
        &self.shared.pending
    }
}
