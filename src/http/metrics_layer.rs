//! The layer that keeps the account of every request.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Method, Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::body::ResponseBody;
use super::exchange::Exchange;
use super::head::RequestHead;
use super::labels::Outcome;
use super::options::{HttpOptions, HttpOptionsError, Skip};
use super::passage::Passage;
use super::request_body::RequestBodyLayer;
use super::rules;
use super::shared::Shared;
use crate::clock::Clock;
use crate::drain::Drain;
use crate::metrics::{DefinitionError, Meter};
use crate::trace::TraceContext;

/// Measures every request of a service: the `api_*` family, once per request whatever happens to it.
///
/// Apply it last, so that 404s and the work of inner layers are measured. Routes are axum's templates; requests that no
/// route matched share the route `_unmatched`. The request type is unchanged, and so are the bytes of the response.
///
/// Applied twice, it counts once, as long as the request does not change tasks in between. So does what a service asks
/// of itself, in memory, while it works for a request, unless that has a trace context of its own, as it gets from a
/// [`TraceLayer`](super::TraceLayer) further out.
///
/// Cost: one allocation a request over a layer that does nothing, the box that axum puts around a response body; two
/// looks at the clock and some ten atomic operations. No lock is taken once a route is known.
#[derive(Clone)]
pub struct HttpMetricsLayer(pub(super) Arc<Shared>);

impl HttpMetricsLayer {
    /// Registers the families and makes the layer.
    ///
    /// # Errors
    /// When an option breaks a rule or a family's name is taken by another definition.
    pub fn new(meter: &Meter, clock: Clock, drain: Drain, options: HttpOptions) -> Result<Self, HttpOptionsError> {
        Shared::register(meter, clock, drain, options).map(|shared| Self(Arc::new(shared)))
    }

    /// Creates the counters of routes at 0 before their first request, so that `rate()` sees that one too.
    ///
    /// axum gives no list of its routes, so a service that wants this names them, by their templates.
    pub fn preregister<'a>(&self, routes: impl IntoIterator<Item = (Method, &'a str)>) {
        for (method, template) in routes {
            self.0.routes.ledger(template, &method);
        }
    }

    /// The layer that measures the bytes of request bodies as they are read, `api_request_body_bytes`. It changes the
    /// type of the request's body, which this one never does, so it is separate: apply it where the routes are known,
    /// inside of this one.
    ///
    /// # Errors
    /// When the family's name is taken by another definition.
    pub fn request_body_layer(&self) -> Result<RequestBodyLayer, DefinitionError> {
        RequestBodyLayer::new(Arc::clone(&self.0))
    }

    /// The WebSockets that this layer's requests became.
    #[cfg(feature = "websocket")]
    pub fn websockets(&self) -> &super::websocket::WebSockets {
        &self.0.websockets
    }
}

impl<S> Layer<S> for HttpMetricsLayer {
    type Service = HttpMetrics<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpMetrics { inner, shared: Arc::clone(&self.0) }
    }
}

impl fmt::Debug for HttpMetricsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpMetricsLayer").finish_non_exhaustive()
    }
}

/// The service of [`HttpMetricsLayer`]. Cloning costs one atomic add besides the inner clone.
#[derive(Clone)]
pub struct HttpMetrics<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for HttpMetrics<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let Some(mut exchange) = self.shared.begin(&mut request) else {
            return ResponseFuture { inner: self.inner.call(request), exchange: None };
        };
        let _running = exchange.enter_service();
        // One expression, so that the future comes into being where it is returned: it is too large to be moved.
        ResponseFuture { inner: self.inner.call(request), exchange: Some(exchange.left()) }
    }
}

impl Shared {
    /// `None` if the request is not to be counted here.
    fn begin<B>(&self, request: &mut Request<B>) -> Option<Exchange> {
        let context = request.extensions().get::<TraceContext>();
        if Passage::of(self.routes.common(), context).is_second() {
            return None;
        }
        if self.skips(request) {
            return None;
        }
        let ledger = self.routes.ledger_of(request)?;
        let exchange = Exchange::begin(ledger.hold(), RequestHead::of(request), context.cloned());
        #[cfg(feature = "websocket")]
        if request.headers().contains_key(http::header::UPGRADE) || request.method() == Method::CONNECT {
            request.extensions_mut().insert(self.websockets.clone());
        }
        Some(exchange)
    }

    /// Whether a rule of the service leaves the request out. One that panics leaves out nothing.
    #[inline]
    pub(super) fn skips<B>(&self, request: &Request<B>) -> bool {
        let says = |skip: &Skip| rules::run(self.meter.diagnostics(), || skip(RequestHead::of(request)));
        self.skips.iter().any(|skip| says(skip).unwrap_or_default())
    }
}

impl<S> fmt::Debug for HttpMetrics<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpMetrics").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`HttpMetrics`].
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        // `None` for requests that are not counted here, and once the response is there.
        exchange: Option<Exchange>,
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = match this.exchange.as_mut() {
            Some(exchange) => {
                let running = exchange.enter_service();
                let polled = this.inner.poll(cx);
                drop(running);
                exchange.leave();
                polled
            }
            None => this.inner.poll(cx),
        };
        match ready!(polled) {
            Ok(response) => Poll::Ready(Ok(ResponseBody::of(this.exchange.take(), response))),
            Err(error) => {
                if let Some(mut exchange) = this.exchange.take() {
                    exchange.finish(Outcome::Failed);
                }
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
