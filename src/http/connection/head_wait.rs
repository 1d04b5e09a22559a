//! Whether a server waits for its client: for the head of a request, while nothing else is going on.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::sleep;

use super::record::Record;

/// What one connection has to do. While that is nothing, its client is waited for.
///
/// hyper has a timeout for heads too; it makes a timer and one more read of the socket for every request. This one is a
/// number that changes with every request, and is looked at now and then.
#[derive(Debug, Default)]
pub(super) struct HeadWait(AtomicU64);

/// In the lower half: how many [`Busy`] there are. In the upper half: how many there were, modulo 2^32, so that the
/// number is another one after each.
const WAS_BUSY: u64 = 1 << 32;

/// How often a connection is looked at until its client is too late. Chosen: a client that was waited for since just
/// after a look has a quarter more time.
const LOOKS: u32 = 4;

impl HeadWait {
    /// Resolves when the client was waited for without a break for this long, or up to a quarter longer.
    pub(super) async fn is_too_long(&self, timeout: Duration) {
        let (mut last, mut looks) = (self.look(), 0);
        while looks < LOOKS {
            sleep(timeout / LOOKS).await;
            let present = self.look();
            looks = if present == last && is_waiting(present) { looks + 1 } else { 0 };
            last = present;
        }
    }

    // Ordering, here and below: a lone number; a look that just misses a change is followed by one that does not.

    fn look(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn begin(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn end(&self) {
        // Wraps around in the upper half.
        self.0.fetch_add(WAS_BUSY - 1, Ordering::Relaxed);
    }
}

fn is_waiting(look: u64) -> bool {
    look.is_multiple_of(WAS_BUSY)
}

/// Something that a connection has to do: while this lives, no head is waited for.
#[derive(Debug)]
pub(super) struct Busy(Arc<Record>);

impl Busy {
    pub(super) fn with(record: &Arc<Record>) -> Self {
        record.head_wait.begin();
        Self(Arc::clone(record))
    }

    pub(super) fn record(&self) -> &Arc<Record> {
        &self.0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.head_wait.end();
    }
}

pin_project! {
    /// The body of a request that is read, or of a response that is sent. Frames, trailers, size hint and end are those of
    /// the body itself.
    pub(super) struct BusyBody<B> {
        #[pin]
        body: B,
        busy: Busy,
    }
}

impl<B> BusyBody<B> {
    pub(super) fn new(body: B, busy: Busy) -> Self {
        Self { body, busy }
    }
}

impl<B: Body> Body for BusyBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
