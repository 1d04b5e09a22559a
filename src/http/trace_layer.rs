//! The layer that gives every request its trace context.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Span;
use tracing::level_filters::LevelFilter;

use super::response_headers::ResponseHeaders;
use super::trace_body::TraceBodies;
use crate::trace::{self, Caller, TraceContext, TraceRules};

/// Continues a caller's trace or starts one, for everything below it.
///
/// The [`TraceContext`] is put into the request's extensions, is the ambient context while the service runs (see
/// [`trace::current`](crate::trace::current)), and belongs to a span named `request`, so that tasks spawned with the
/// span stay in the trace. The span has no fields of its own and is of level ERROR, so that no ordinary filter takes
/// it away. The response gets `x-request-id` and `traceresponse` if it has none, and its body is polled and dropped in
/// the trace too.
#[derive(Clone, Debug, Default)]
pub struct TraceLayer {
    rules: TraceRules,
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

    /// Chooses which callers are believed and how many traces are sampled.
    #[must_use]
    pub fn rules(mut self, rules: TraceRules) -> Self {
        self.rules = rules;
        self
    }

    /// The service without a care for its bodies, for the metrics layer, whose exchange takes that care.
    pub(super) fn heads<S>(&self, inner: S) -> Trace<S> {
        Trace { inner, layer: self.clone() }
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = TraceBodies<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TraceBodies::new(self.heads(inner))
    }
}

/// The service of [`TraceLayer`] and of [`HttpLayer`](super::HttpLayer) up to the response's head.
#[derive(Clone)]
pub struct Trace<S> {
    inner: S,
    layer: TraceLayer,
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
            return TraceFuture { inner: Some(self.inner.call(request)), traced: None };
        }
        let context = self.layer.rules.context(Caller::of(&request));
        request.extensions_mut().insert(context.clone());
        let entered = context.enter();
        let span = request_span();
        let in_span = span.enter();
        let inner = self.inner.call(request);
        drop((in_span, entered));
        TraceFuture { inner: Some(inner), traced: Some(Traced { context, span, headers: self.layer.headers }) }
    }
}

impl<S> fmt::Debug for Trace<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("layer", &self.layer).finish_non_exhaustive()
    }
}

fn request_span() -> Span {
    if LevelFilter::current() == LevelFilter::OFF {
        // Nobody subscribes, so what follows would be done for nothing.
        return Span::none();
    }
    // A root: the trace that this process happens to be in must not leak into a request's.
    let span = tracing::error_span!(parent: None, "request");
    // One that no subscriber wants would still tell the `log` crate of every time that it is entered and left.
    if span.is_disabled() { Span::none() } else { span }
}

/// What belongs to one request from here on.
pub(super) struct Traced {
    context: TraceContext,
    span: Span,
    headers: ResponseHeaders,
}

impl Traced {
    /// Left in the order opposite to that of entering.
    pub(super) fn enter(&self) -> (tracing::span::Entered<'_>, trace::Entered) {
        let context = self.context.enter();
        (self.span.enter(), context)
    }
}

pin_project! {
    /// The future of [`Trace`].
    ///
    /// # Cancellation
    /// What it was doing is dropped in the trace, so that lines of destructors have its id.
    pub struct TraceFuture<F> {
        // `None` once it is done.
        #[pin]
        inner: Option<F>,
        // `None` if a layer further out does the work.
        traced: Option<Traced>,
    }

    impl<F> PinnedDrop for TraceFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let (Some(_), Some(traced)) = (this.inner.as_ref().get_ref(), this.traced) {
                let _entered = traced.enter();
                this.inner.set(None);
            }
        }
    }
}

impl<F> TraceFuture<F> {
    /// What the response's body goes on with.
    pub(super) fn take_traced(self: Pin<&mut Self>) -> Option<Traced> {
        self.project().traced.take()
    }
}

impl<F, B, E> Future for TraceFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let inner = this.inner.as_mut().as_pin_mut().expect("OK because nobody may poll what was ready");
        let Some(traced) = this.traced else {
            return inner.poll(cx);
        };
        let entered = traced.enter();
        let mut result = ready!(inner.poll(cx));
        this.inner.set(None);
        drop(entered);
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
