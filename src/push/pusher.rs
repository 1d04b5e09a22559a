//! The pushes of one run, on a thread of their own: the job goes on meanwhile, also one that blocks its runtime or has
//! none, and a run that was cancelled is still pushed.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::destination::Replace;
use super::error::PushError;
use super::instruments::is_known_at_start;
use super::outcome::Outcome;
use super::page::Page;
use super::pending::{Pending, PendingGuard};
use super::short_lived::ShortLived;
use crate::diagnostics::Problem;
use crate::metrics::exposition::Format;

/// What became of both pushes of a run.
pub(super) struct Pushed {
    pub(super) at_start: Result<(), PushError>,
    pub(super) at_end: Result<(), PushError>,
}

/// The thread that pushes a run: its start at once, its end when told how it ended.
pub(super) struct Pusher {
    ended: oneshot::Sender<Ended>,
    pending: Pending,
    pushing: Pushing,
}

/// How a run ended, and that its end is to be pushed.
struct Ended {
    outcome: Outcome,
    pending: PendingGuard,
}

/// A run that has ended and is being pushed. Dropping it does not stop that.
pub(super) struct Pushing {
    pushed: oneshot::Receiver<Pushed>,
    /// `Err` if the system gave none.
    thread: io::Result<JoinHandle<()>>,
}

impl Pusher {
    pub(super) fn start(job: ShortLived) -> Self {
        let (ended, end) = oneshot::channel();
        let (done, pushed) = oneshot::channel();
        let (diagnostics, pending) = (job.diagnostics().clone(), job.pending().clone());
        let thread = thread::Builder::new().name("job-push".to_owned()).spawn(move || push(&job, end, done));
        if let Err(error) = &thread {
            diagnostics.report(Problem::SpawnFailed, &format!("job-push: {error}"));
        }
        Self { ended, pending, pushing: Pushing { pushed, thread } }
    }

    pub(super) fn end(self, outcome: Outcome) -> Pushing {
        // Nobody listens if there is no thread, and that is known already.
        let _ = self.ended.send(Ended { outcome, pending: self.pending.begin() });
        self.pushing
    }
}

impl Pushing {
    pub(super) async fn done(self) -> Pushed {
        match self.thread {
            Ok(_) => self.pushed.await.unwrap_or_else(|_| Pushed::interrupted()),
            Err(error) => Pushed::not_started(error),
        }
    }

    /// As [`Pushing::done`], blocking the thread.
    pub(super) fn wait(mut self) -> Pushed {
        let thread = match self.thread {
            Ok(thread) => thread,
            Err(error) => return Pushed::not_started(error),
        };
        // A thread that panicked has sent nothing.
        let _ = thread.join();
        self.pushed.try_recv().unwrap_or_else(|_| Pushed::interrupted())
    }
}

impl Pushed {
    fn not_started(error: io::Error) -> Self {
        let error = Arc::new(error);
        let failure = || Err(PushError::NotStarted(Arc::clone(&error)));
        Self { at_start: failure(), at_end: failure() }
    }

    fn interrupted() -> Self {
        Self { at_start: Err(PushError::Interrupted), at_end: Err(PushError::Interrupted) }
    }
}

/// The body of the thread.
fn push(job: &ShortLived, end: oneshot::Receiver<Ended>, done: oneshot::Sender<Pushed>) {
    let (pushed, pending) = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => push_on(runtime, job, end),
        Err(error) => (Pushed::not_started(error), None),
    };
    for error in [&pushed.at_start, &pushed.at_end].into_iter().filter_map(|pushed| pushed.as_ref().err()) {
        job.diagnostics().report(Problem::PushFailed, &error.in_words());
    }
    // First, so that who waits for this run does not find it pending any more.
    drop(pending);
    // Nobody listens if the run was cancelled.
    let _ = done.send(pushed);
}

fn push_on(runtime: Runtime, job: &ShortLived, end: oneshot::Receiver<Ended>) -> (Pushed, Option<PendingGuard>) {
    let pushed = runtime.block_on(async {
        let at_start = deliver(job, start_page(job), Replace::Families).await;
        let Ok(Ended { outcome, pending }) = end.await else {
            // The run was leaked: it never ends.
            return (Pushed { at_start, at_end: Err(PushError::Interrupted) }, None);
        };
        // Only a success knows all that there is to know of the job, its last success included.
        let replace = if outcome == Outcome::Ok { Replace::Everything } else { Replace::Families };
        let at_end = deliver(job, end_page(job), replace).await;
        (Pushed { at_start, at_end }, Some(pending))
    });
    // Not waiting for a write that hangs.
    runtime.shutdown_background();
    pushed
}

async fn deliver(job: &ShortLived, page: Page, replace: Replace) -> Result<(), PushError> {
    let (deadline, destination) = (job.deadline(), job.destination());
    let delivered = tokio::time::timeout(deadline, destination.deliver(job.origin(), page, replace)).await;
    delivered.unwrap_or_else(|_| Err(PushError::Deadline { destination: destination.shown(), deadline }))
}

/// What is known when a run starts. It stays true, so a push that is late does no harm.
fn start_page(job: &ShortLived) -> Page {
    page_where(job, is_known_at_start)
}

fn end_page(job: &ShortLived) -> Page {
    // As a scrape does. It blocks, and nothing else runs on this thread.
    job.registry().collect();
    page_where(job, |metric| !metric.starts_with(OF_THE_DESTINATION))
}

/// Metrics that node-exporter and the gateway show of themselves.
const OF_THE_DESTINATION: &str = "process_";

fn page_where(job: &ShortLived, wanted: impl Fn(&str) -> bool) -> Page {
    let mut text = Vec::new();
    job.registry().encode_where(wanted, Format::Text, &mut text);
    Page::parse(&String::from_utf8_lossy(&text)).of_job(&job.origin().job)
}
