//! One run of one check, or one bid for its lease, on a thread that nobody waits for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::share::BidResult;
use super::shared::{Delivered, Shared};
use crate::health::check::{CheckResult, DynCheck};
use crate::store::lease::{Bid, Lease};

/// How a thread ended.
pub(in crate::health) enum RunEnd<A = CheckResult> {
    /// There is an answer.
    Answered(A),
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

/// What is done on a thread.
pub(super) trait Work: Send + 'static {
    type Answer;

    fn work(&self) -> Pin<Box<dyn Future<Output = Self::Answer> + Send + '_>>;

    /// What is delivered of its end.
    fn ended(&self, end: RunEnd<Self::Answer>) -> Delivered;

    /// What is delivered if it panics.
    fn panicked() -> Delivered;
}

impl Work for Arc<dyn DynCheck> {
    type Answer = CheckResult;

    fn work(&self) -> Pin<Box<dyn Future<Output = CheckResult> + Send + '_>> {
        self.check()
    }

    fn ended(&self, end: RunEnd) -> Delivered {
        Delivered::Run { end, certificate_not_after: self.certificate_not_after() }
    }

    fn panicked() -> Delivered {
        Delivered::Run { end: RunEnd::Panicked, certificate_not_after: None }
    }
}

/// A bid that is to be made.
pub(super) struct Bidding {
    pub(super) lease: Lease,
    pub(super) bid: Bid,
}

impl Work for Bidding {
    type Answer = BidResult;

    fn work(&self) -> Pin<Box<dyn Future<Output = BidResult> + Send + '_>> {
        self.lease.bid(self.bid.clone())
    }

    fn ended(&self, end: RunEnd<BidResult>) -> Delivered {
        Delivered::Bid(end)
    }

    fn panicked() -> Delivered {
        Delivered::Bid(RunEnd::Panicked)
    }
}

/// Starts work for check number `index`; its end is delivered to `shared`, whatever happens.
///
/// # Errors
/// When the system gives no thread. Nothing is delivered then.
pub(super) fn start<W: Work>(
    work: W,
    index: usize,
    thread: String,
    runtime: &Handle,
    shared: &Arc<Shared>,
) -> io::Result<Abort> {
    let (sender, aborted) = oneshot::channel();
    let runtime = runtime.clone();
    let shared = Arc::clone(shared);
    std::thread::Builder::new().name(thread).spawn(move || {
        // Made here, so that a thread that could not be spawned delivers nothing.
        let mut delivery = Delivery { shared, index, delivered: Some(W::panicked()) };
        let end = runtime.block_on(drive(&work, aborted));
        delivery.delivered = Some(work.ended(end));
    })?;
    Ok(Abort { _sender: sender })
}

async fn drive<W: Work>(work: &W, aborted: oneshot::Receiver<()>) -> RunEnd<W::Answer> {
    tokio::select! {
        // An answer that is there counts, even if the abort is too.
        biased;
        answer = work.work() => RunEnd::Answered(answer),
        _ = aborted => RunEnd::Aborted,
    }
}

/// Delivers exactly once: also when the thread unwinds, which is how a panic of the check becomes `Panicked`.
struct Delivery {
    shared: Arc<Shared>,
    index: usize,
    delivered: Option<Delivered>,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(delivered) = self.delivered.take() {
            self.shared.deliver(self.index, delivered);
        }
    }
}
