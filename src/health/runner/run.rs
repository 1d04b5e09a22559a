//! One run of one check, on a thread that nobody waits for.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::shared::Shared;
use crate::health::check::{CheckResult, DynCheck};

/// What is known once a run's thread has ended.
pub(in crate::health) struct Finished {
    pub(in crate::health) end: RunEnd,
    /// See [`HealthCheck::certificate_not_after`](crate::health::HealthCheck::certificate_not_after).
    pub(in crate::health) certificate_not_after: Option<SystemTime>,
}

/// How a run ended.
pub(in crate::health) enum RunEnd {
    /// The check answered.
    Answered(CheckResult),
    /// It was aborted and let go.
    Aborted,
    /// It panicked.
    Panicked,
}

/// Aborts its run when dropped or told.
#[must_use = "dropping it aborts the run"]
pub(super) struct Abort {
    _sender: oneshot::Sender<()>,
}

#[cfg(test)]
impl Abort {
    /// Of a run that has no thread.
    pub(super) fn of_nothing() -> Self {
        Self { _sender: oneshot::channel().0 }
    }
}

/// Starts a run of check number `index`; its end is delivered to `shared`, whatever happens.
///
/// # Errors
/// When the system gives no thread. Nothing is delivered then.
pub(super) fn start(
    index: usize,
    name: &str,
    check: &Arc<dyn DynCheck>,
    runtime: &Handle,
    shared: &Arc<Shared>,
) -> io::Result<Abort> {
    let (sender, aborted) = oneshot::channel();
    let check = Arc::clone(check);
    let runtime = runtime.clone();
    let shared = Arc::clone(shared);
    std::thread::Builder::new().name(format!("health-{name}")).spawn(move || {
        // Made here, so that a thread that could not be spawned delivers nothing.
        let delivery = Delivery { shared, index, finished: Finished::PANICKED };
        let end = runtime.block_on(drive(&*check, aborted));
        delivery.complete(Finished { end, certificate_not_after: check.certificate_not_after() });
    })?;
    Ok(Abort { _sender: sender })
}

async fn drive(check: &dyn DynCheck, aborted: oneshot::Receiver<()>) -> RunEnd {
    tokio::select! {
        // An answer that is there counts, even if the abort is too.
        biased;
        answer = check.check() => RunEnd::Answered(answer),
        _ = aborted => RunEnd::Aborted,
    }
}

impl Finished {
    const PANICKED: Self = Self { end: RunEnd::Panicked, certificate_not_after: None };
}

/// Delivers exactly once: also when the thread unwinds, which is how a panic of the check becomes `Panicked`.
struct Delivery {
    shared: Arc<Shared>,
    index: usize,
    finished: Finished,
}

impl Delivery {
    fn complete(mut self, finished: Finished) {
        self.finished = finished;
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.shared.deliver(self.index, std::mem::replace(&mut self.finished, Finished::PANICKED));
    }
}
