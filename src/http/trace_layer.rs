//! The layer that gives every request its trace context.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Span;

use super::response_headers::ResponseHeaders;
use crate::trace::TraceContext;

/// Continues a caller's trace or starts one, for everything below it.
///
/// The [`TraceContext`] is put into the request's extensions, is the ambient context while the service runs (see
/// [`trace::current`](crate::trace::current)), and belongs to a span named `request`, so that tasks spawned with the
/// span stay in the trace. The span has no fields of its own and is of level ERROR, so that no ordinary filter takes
/// it away. The response gets `x-request-id` and `traceresponse` if it has none.
#[derive(Clone, Debug, Default)]
pub struct TraceLayer {
    headers: ResponseHeaders,
}

impl TraceLayer {
    /// A layer that adds both response headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses the response headers.
    #[must_use]
    pub fn response_headers(mut self, headers: ResponseHeaders) -> Self {
        self.headers = headers;
        self
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Trace { inner, headers: self.headers }
    }
}

/// The service of [`TraceLayer`].
#[derive(Clone)]
pub struct Trace<S> {
    inner: S,
    headers: ResponseHeaders,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Trace<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = TraceFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        if request.extensions().get::<TraceContext>().is_some() {
            // The layer was applied further out as well, and that one does the work.
            return TraceFuture { inner: self.inner.call(request), traced: None };
        }
        let context = TraceContext::from_headers(request.headers());
        request.extensions_mut().insert(context.clone());
        let entered = context.enter();
        // A root: the trace that this process happens to be in must not leak into a request's.
        let span = tracing::error_span!(parent: None, "request");
        let in_span = span.enter();
        let inner = self.inner.call(request);
        drop((in_span, entered));
        TraceFuture { inner, traced: Some(Traced { context, span, headers: self.headers }) }
    }
}

impl<S> fmt::Debug for Trace<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("headers", &self.headers).finish_non_exhaustive()
    }
}

struct Traced {
    context: TraceContext,
    span: Span,
    headers: ResponseHeaders,
}

pin_project! {
    /// The future of [`Trace`].
    pub struct TraceFuture<F> {
        #[pin]
        inner: F,
        traced: Option<Traced>,
    }
}

impl<F, B, E> Future for TraceFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(traced) = this.traced else {
            return this.inner.poll(cx);
        };
        let entered = (traced.context.enter(), traced.span.enter());
        let polled = this.inner.poll(cx);
        drop(entered);
        let mut result = ready!(polled);
        if let Ok(response) = &mut result {
            traced.headers.add(&traced.context, response.headers_mut());
        }
        Poll::Ready(result)
    }
}

impl<F> fmt::Debug for TraceFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceFuture").finish_non_exhaustive()
    }
}
