//! The response body, watched to its end and otherwise untouched.

use std::fmt;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::Exchange;
use super::labels::Outcome;
use super::response::Answer;
use crate::drain::Phase;

pin_project! {
    /// The body of a measured response. Frames, trailers, size hint and end are those of the inner body.
    ///
    /// Event streams are the one exception, and only when the process closes: they end then, so that the client
    /// connects anew elsewhere.
    pub struct ResponseBody<B> {
        // `None` only while it is dropped.
        #[pin]
        inner: Option<B>,
        // `None` for a response that is not counted here.
        watch: Option<Watch>,
    }

    impl<B> PinnedDrop for ResponseBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(watch) = this.watch && watch.runs_code {
                let _entered = watch.exchange.enter_context();
                this.inner.set(None);
            }
        }
    }
}

struct Watch {
    exchange: Exchange,
    /// Bytes that are still to come, if it was announced how many there are.
    announced: Option<NonZeroU64>,
    /// For event streams: resolves when the process closes.
    closing: Option<Closing>,
    /// Whether a part of the service may still run when the body is dropped. Not so of one that says how long it is: that
    /// is bytes in memory.
    runs_code: bool,
}

type Closing = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

impl<B: Body> ResponseBody<B> {
    /// Answers the request of an exchange, if it has one, and gives the exchange to the response's body.
    pub(super) fn of(exchange: Option<Exchange>, response: Response<B>) -> Response<Self> {
        let watch = exchange.map(|exchange| Watch::answering(exchange, &response));
        response.map(|inner| Self { inner: Some(inner), watch })
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let Some(mut inner) = this.inner.as_pin_mut() else {
            return Poll::Ready(None);
        };
        let Some(watch) = this.watch else {
            return inner.poll_frame(cx);
        };
        let running = watch.exchange.enter();
        let polled = inner.as_mut().poll_frame(cx);
        drop(running);
        watch.exchange.leave();
        match polled {
            Poll::Ready(frame) => {
                watch.saw(frame.as_ref(), inner.is_end_stream());
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
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Watch {
    fn answering<B: Body>(mut exchange: Exchange, response: &Response<B>) -> Self {
        let answer = Answer::of(exchange.asked, response);
        exchange.answer(answer, response);
        let (announced, closing): (_, Option<Closing>) = match answer {
            Answer::Body(length) => (length.and_then(NonZeroU64::new), None),
            Answer::EventStream => (None, Some(Box::pin(exchange.ledger().common.drain.reached(Phase::Closing)))),
            Answer::HeadOnly | Answer::Upgrade => (None, None),
        };
        let runs_code = response.body().size_hint().exact().is_none();
        Self { exchange, announced, closing, runs_code }
    }

    fn saw<D: Buf, E>(&mut self, frame: Option<&Result<Frame<D>, E>>, at_end: bool) {
        let frame = match frame {
            None => return self.exchange.complete(),
            Some(Err(_)) => return self.exchange.finish(Outcome::BodyFailed),
            Some(Ok(frame)) => frame,
        };
        let sent = frame.data_ref().map_or(0, |data| data.remaining() as u64);
        self.exchange.sent(sent);
        if let Some(trailers) = frame.trailers_ref() {
            self.exchange.trailers(trailers);
        }
        // Nobody may poll again after the last byte of an announced length, or after trailers.
        if self.was_last_byte(sent) || frame.is_trailers() || at_end {
            self.exchange.complete();
        }
    }

    /// Whether these bytes are the last of an announced length.
    fn was_last_byte(&mut self, sent: u64) -> bool {
        let Some(before) = self.announced else { return false };
        self.announced = NonZeroU64::new(before.get().saturating_sub(sent));
        self.announced.is_none()
    }

    fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(closing) = &mut self.closing else {
            return Poll::Pending;
        };
        ready!(closing.as_mut().poll(cx));
        self.exchange.ledger().common.event_streams_ended.increment();
        self.closing = None;
        Poll::Ready(())
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
