//! The layer that measures request bodies, apart because it changes the type of the request.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Buf;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::measures::RequestBytes;
use super::shared::Shared;
use crate::metrics::{DefinitionError, Histogram};

/// Measures the bytes of request bodies as the service really reads them: one sample a request, of 0 if nothing was read,
/// recorded when the body is dropped. Made by
/// [`HttpMetricsLayer::request_body_layer`](super::HttpMetricsLayer::request_body_layer).
///
/// Cost: one allocation a request, the box that axum puts around a body.
#[derive(Clone)]
pub struct RequestBodyLayer {
    shared: Arc<Shared>,
    bytes: RequestBytes,
}

impl RequestBodyLayer {
    pub(super) fn new(shared: Arc<Shared>) -> Result<Self, DefinitionError> {
        let bytes = RequestBytes::register(&shared.meter, shared.naming)?;
        Ok(Self { shared, bytes })
    }
}

impl<S> Layer<S> for RequestBodyLayer {
    type Service = RequestBodySize<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestBodySize { inner, layer: self.clone() }
    }
}

impl fmt::Debug for RequestBodyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBodyLayer").finish_non_exhaustive()
    }
}

/// The service of [`RequestBodyLayer`].
#[derive(Clone)]
pub struct RequestBodySize<S> {
    inner: S,
    layer: RequestBodyLayer,
}

impl<S, B> Service<Request<B>> for RequestBodySize<S>
where
    S: Service<Request<RequestBody<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        let shared = &self.layer.shared;
        let ledger = if shared.skips(&request) { None } else { shared.routes.ledger_of(&request) };
        let read = ledger.map(|ledger| Read { bytes: 0, into: ledger.request_bytes(&self.layer.bytes).clone() });
        self.inner.call(request.map(|inner| RequestBody { inner, read }))
    }
}

impl<S> fmt::Debug for RequestBodySize<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBodySize").finish_non_exhaustive()
    }
}

pin_project! {
    /// A request body whose bytes are counted. Frames, trailers, size hint and end are those of the inner body.
    pub struct RequestBody<B> {
        #[pin]
        inner: B,
        // `None` for a request that is not measured.
        read: Option<Read>,
    }
}

/// What was read, recorded when it is dropped.
struct Read {
    bytes: u64,
    into: Histogram,
}

impl Drop for Read {
    fn drop(&mut self) {
        // The cast is exact below 8 PiB.
        self.into.record(self.bytes as f64);
    }
}

impl<B: Body> Body for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let polled = this.inner.poll_frame(cx);
        if let (Poll::Ready(Some(Ok(frame))), Some(read)) = (&polled, this.read) {
            read.bytes += frame.data_ref().map_or(0, |data| data.remaining() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> fmt::Debug for RequestBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}
