//! The layer's service and its future.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::call::Call;
use super::peer::Peer;
use crate::trace::{self, TraceContext};

/// The client of a [`Peer`]: requests get the trace's headers, calls are measured, responses are untouched.
///
/// Cost over the client's: that of [`Call`], and an allocation a header; none outside a trace.
#[derive(Clone)]
pub struct PeerClient<S> {
    inner: S,
    peer: Peer,
}

impl<S> PeerClient<S> {
    pub(super) fn new(inner: S, peer: Peer) -> Self {
        Self { inner, peer }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for PeerClient<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CallFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        // Whoever forwards a request forwards its context, wherever that happens.
        let context = request.extensions().get::<TraceContext>().cloned().or_else(trace::current);
        let method = request.method().clone();
        let mut call = self.peer.call_with_headers(&method, context, request.headers_mut());
        let inner = call.run(|| self.inner.call(request));
        CallFuture::new(inner, call)
    }
}

impl<S> fmt::Debug for PeerClient<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerClient").field("peer", &self.peer).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of a measured call.
    ///
    /// # Cancellation
    /// Dropping it drops the client's future; the call counts as `cancelled`.
    #[must_use = "futures do nothing unless polled"]
    pub struct CallFuture<F> {
        #[pin]
        inner: F,
        // `None` once it has ended.
        call: Option<Call>,
    }
}

impl<F> CallFuture<F> {
    pub(super) fn new(inner: F, call: Call) -> Self {
        Self { inner, call: Some(call) }
    }
}

impl<F, B, E> Future for CallFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(call) = this.call else {
            return this.inner.poll(cx);
        };
        let result = ready!(call.run(|| this.inner.poll(cx)));
        if let Some(call) = this.call.take() {
            call.ended(result.as_ref().ok().map(Response::status));
        }
        Poll::Ready(result)
    }
}

impl<F> fmt::Debug for CallFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture").field("call", &self.call).finish_non_exhaustive()
    }
}
