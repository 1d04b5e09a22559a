//! The layer that keeps the account of every request.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Extensions, Method, Request, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::body::{ResponseBody, is_event_stream};
use super::exchange::{Exchange, Latency};
use super::labels::{MethodLabel, Outcome};
use super::route::template;
use super::shared::Shared;
use crate::clock::Clock;
use crate::drain::Drain;
use crate::metrics::{DefinitionError, Meter};
use crate::trace::TraceContext;

/// Measures every request of a service: the `api_*` family, once per request whatever happens to it.
///
/// Apply it last, so that 404s and the work of inner layers are measured. Applied twice, it counts once. Routes are
/// axum's templates; requests that no route matched share the route `_unmatched`. The request type is unchanged, and
/// so are the bytes of the response.
#[derive(Clone)]
pub struct HttpMetricsLayer(pub(super) Arc<Shared>);

impl HttpMetricsLayer {
    /// Registers the families and makes the layer. Routes whose templates are in `unmeasured` are passed through.
    ///
    /// # Errors
    /// When a family's name is taken by another definition.
    pub fn new(
        meter: &Meter,
        clock: Clock,
        drain: Drain,
        unmeasured: impl IntoIterator<Item = String>,
    ) -> Result<Self, DefinitionError> {
        Shared::register(meter, clock, drain, unmeasured).map(|shared| Self(Arc::new(shared)))
    }

    /// Creates the counters of routes at 0 before their first request, so that `rate()` sees that one too.
    ///
    /// axum gives no list of its routes, so a service that wants this names them, by their templates.
    pub fn preregister<'a>(&self, routes: impl IntoIterator<Item = (Method, &'a str)>) {
        for (method, template) in routes {
            self.0.routes.ledger(template, MethodLabel::of(&method));
        }
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
        let Some(mut watched) = Watched::begin(&self.shared, &mut request) else {
            return ResponseFuture { inner: self.inner.call(request), watched: None };
        };
        let inner = watched.exchange.run(|| self.inner.call(request));
        ResponseFuture { inner, watched: Some(watched) }
    }
}

impl<S> fmt::Debug for HttpMetrics<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpMetrics").finish_non_exhaustive()
    }
}

/// A request on its way, with what its response has to be judged by.
struct Watched {
    exchange: Exchange,
    shared: Arc<Shared>,
    method: Method,
}

impl Watched {
    /// `None` if this request is not to be counted here.
    fn begin<B>(shared: &Arc<Shared>, request: &mut Request<B>) -> Option<Self> {
        let template = template(request.extensions());
        if shared.unmeasured.contains(template) {
            return None;
        }
        let ledger = shared.routes.ledger(template, MethodLabel::of(request.method()));
        if !mark(request.extensions_mut(), shared) {
            return None;
        }
        #[cfg(feature = "websocket")]
        if request.headers().contains_key(http::header::UPGRADE) || request.method() == Method::CONNECT {
            request.extensions_mut().insert(shared.websockets.clone());
        }
        let context = request.extensions().get::<TraceContext>().cloned();
        let exchange = Exchange::begin(ledger, shared.clock.clone(), context);
        Some(Self { exchange, shared: Arc::clone(shared), method: request.method().clone() })
    }

    fn failed(mut self) {
        self.exchange.finish(Outcome::Failed);
    }

    fn answered<B: Body>(mut self, response: Response<B>) -> Response<ResponseBody<B>> {
        let (head, body) = response.into_parts();
        let upgraded = head.status == StatusCode::SWITCHING_PROTOCOLS
            || (self.method == Method::CONNECT && head.status.is_success());
        let latency = if upgraded || is_event_stream(&head.headers) { Latency::StaysOut } else { Latency::Counts };
        self.exchange.answer(head.status, latency);
        if upgraded {
            self.exchange.finish(Outcome::Upgraded);
        } else if self.method == Method::HEAD || has_no_body(head.status) {
            // Whatever the body is, nobody will poll it.
            self.exchange.complete();
        }
        let body = ResponseBody::watched(body, self.exchange, &head.headers, &self.shared);
        Response::from_parts(head, body)
    }
}

/// By RFC 9110, sections 15.2, 15.3.5 and 15.4.5.
fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Says in a request's extensions by whom it is counted; `false` if that was said before.
fn mark(extensions: &mut Extensions, shared: &Arc<Shared>) -> bool {
    #[derive(Clone, PartialEq)]
    struct CountedBy(usize);

    // The address tells one `Monitoring` from another; it is only compared.
    let own = CountedBy(Arc::as_ptr(shared).addr());
    let counted = extensions.get::<CountedBy>() == Some(&own);
    if !counted {
        extensions.insert(own);
    }
    !counted
}

pin_project! {
    /// The future of [`HttpMetrics`].
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        // `None` for requests that are not counted here, and once the response is there.
        watched: Option<Watched>,
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
        let result = match this.watched.as_mut() {
            Some(watched) => ready!(watched.exchange.run(|| this.inner.poll(cx))),
            None => ready!(this.inner.poll(cx)),
        };
        Poll::Ready(match (result, this.watched.take()) {
            (Ok(response), Some(watched)) => Ok(watched.answered(response)),
            (Ok(response), None) => Ok(response.map(ResponseBody::unwatched)),
            (Err(error), watched) => {
                if let Some(watched) = watched {
                    watched.failed();
                }
                Err(error)
            }
        })
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
