//! Response bodies that stay in their request's trace.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::trace_layer::{Trace, TraceFuture, Traced};

/// The service of [`TraceLayer`](super::TraceLayer). A server polls and drops a body outside of the request's future, so
/// the body enters the trace by itself.
#[derive(Clone)]
pub struct TraceBodies<S> {
    inner: Trace<S>,
}

impl<S> TraceBodies<S> {
    pub(super) fn new(inner: Trace<S>) -> Self {
        Self { inner }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for TraceBodies<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<TraceBody<ResBody>>;
    type Error = S::Error;
    type Future = TraceBodiesFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        TraceBodiesFuture { inner: self.inner.call(request) }
    }
}

impl<S> fmt::Debug for TraceBodies<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceBodies").field("inner", &self.inner).finish()
    }
}

pin_project! {
    /// The future of [`TraceBodies`].
    pub struct TraceBodiesFuture<F> {
        #[pin]
        inner: TraceFuture<F>,
    }
}

impl<F, B, E> Future for TraceBodiesFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<TraceBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let response = ready!(this.inner.as_mut().poll(cx))?;
        let traced = this.inner.take_traced();
        Poll::Ready(Ok(response.map(|inner| TraceBody { inner: Some(inner), traced })))
    }
}

impl<F> fmt::Debug for TraceBodiesFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceBodiesFuture").finish_non_exhaustive()
    }
}

pin_project! {
    /// A body that is polled and dropped in its request's trace. Frames, trailers, size hint and end are those of the
    /// inner body.
    pub struct TraceBody<B> {
        // `None` only while it is dropped.
        #[pin]
        inner: Option<B>,
        // `None` if a layer further out does the work.
        traced: Option<Traced>,
    }

    impl<B> PinnedDrop for TraceBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(traced) = this.traced {
                let _entered = traced.enter();
                this.inner.set(None);
            }
        }
    }
}

impl<B: Body> Body for TraceBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else {
            return Poll::Ready(None);
        };
        let _entered = this.traced.as_ref().map(Traced::enter);
        inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl<B> fmt::Debug for TraceBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceBody").finish_non_exhaustive()
    }
}
