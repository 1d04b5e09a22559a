//! A socket that is counted while it lives.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::instruments::Outcome;
use super::record::Record;

/// The socket of a measured connection. Bytes pass through untouched; the first error that it returns makes the
/// connection count as `failed`.
///
/// Cost: a comparison per poll.
#[derive(Debug)]
pub struct MeasuredIo<I> {
    inner: I,
    record: Arc<Record>,
    /// Bytes read so far, no longer counted past [`GREETING`].
    greeting: usize,
}

/// The length of HTTP/2's preface: until hyper has read this much, or something else, no timeout of its own runs.
const GREETING: usize = 24;

impl<I> MeasuredIo<I> {
    pub(super) fn new(inner: I, record: Arc<Record>) -> Self {
        Self { inner, record, greeting: 0 }
    }

    /// The socket itself.
    pub fn get_ref(&self) -> &I {
        &self.inner
    }

    /// The socket itself, to set its options for example.
    pub fn get_mut(&mut self) -> &mut I {
        &mut self.inner
    }

    fn count_greeting(&mut self, read: usize) {
        self.greeting += read;
        if self.greeting >= GREETING {
            self.record.greet();
        }
    }

    fn seen<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(_)) = polled {
            self.record.note(Outcome::Failed);
        }
        polled
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for MeasuredIo<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if self.greeting < GREETING {
            self.count_greeting(buf.filled().len() - before);
        }
        self.seen(polled)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for MeasuredIo<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.seen(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        self.seen(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket that the client has closed already cannot be shut down; that is no failure of the connection.
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.seen(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
