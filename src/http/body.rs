//! The response body, watched to its end and otherwise untouched.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::Exchange;
use super::labels::Outcome;
use super::shared::Shared;
use crate::drain::Phase;

pin_project! {
    /// The body of a measured response. Frames, trailers, size hint and end are those of the inner body.
    ///
    /// Event streams are the one exception, and only when the process closes: they end then, so that the client
    /// connects anew elsewhere.
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        // `None` for a response that is not counted here.
        watch: Option<Watch>,
    }
}

struct Watch {
    exchange: Exchange,
    /// Bytes that are still to come, if the head announced them.
    announced: Option<u64>,
    closing: Option<Closing>,
}

/// The end of an event stream when the process closes.
struct Closing {
    reached: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    shared: Arc<Shared>,
}

impl<B: Body> ResponseBody<B> {
    /// A body that nobody counts.
    pub(super) fn unwatched(inner: B) -> Self {
        Self { inner, watch: None }
    }

    /// The body of an answered request, which takes over its exchange.
    pub(super) fn watched(inner: B, mut exchange: Exchange, headers: &HeaderMap, shared: &Arc<Shared>) -> Self {
        if inner.is_end_stream() {
            exchange.complete();
        }
        let announced = announced_length(headers).or_else(|| inner.size_hint().exact());
        let closing = is_event_stream(headers)
            .then(|| Closing { reached: Box::pin(shared.drain.reached(Phase::Closing)), shared: Arc::clone(shared) });
        Self { inner, watch: Some(Watch { exchange, announced, closing }) }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(watch) = this.watch else {
            return this.inner.poll_frame(cx);
        };
        match watch.exchange.run(|| this.inner.as_mut().poll_frame(cx)) {
            Poll::Ready(frame) => {
                watch.saw(frame.as_ref(), this.inner.is_end_stream());
                Poll::Ready(frame)
            }
            Poll::Pending => {
                ready!(watch.poll_closing(cx));
                watch.exchange.complete();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Watch {
    fn saw<D: Buf, E>(&mut self, frame: Option<&Result<Frame<D>, E>>, at_end: bool) {
        let frame = match frame {
            None => return self.exchange.complete(),
            Some(Err(_)) => return self.exchange.finish(Outcome::BodyFailed),
            Some(Ok(frame)) => frame,
        };
        let sent = frame.data_ref().map_or(0, |data| data.remaining() as u64);
        self.announced = self.announced.map(|left| left.saturating_sub(sent));
        // Nobody may poll again after the last byte of an announced length, or after trailers.
        if self.announced == Some(0) || frame.is_trailers() || at_end {
            self.exchange.complete();
        }
    }

    fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(closing) = &mut self.closing else {
            return Poll::Pending;
        };
        ready!(closing.reached.as_mut().poll(cx));
        closing.shared.event_streams_ended.increment();
        self.closing = None;
        Poll::Ready(())
    }
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.as_bytes().get(..EVENT_STREAM.len()))
        .is_some_and(|start| start.eq_ignore_ascii_case(EVENT_STREAM))
}

const EVENT_STREAM: &[u8] = b"text/event-stream";

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
