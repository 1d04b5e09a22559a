//! A layer that does nothing: what axum itself takes for having one.

use std::task::{Context, Poll};

use tower::{Layer, Service};

#[derive(Clone)]
pub(crate) struct Noop;

#[derive(Clone)]
pub(crate) struct NoopService<S>(S);

impl<S> Layer<S> for Noop {
    type Service = NoopService<S>;

    fn layer(&self, inner: S) -> NoopService<S> {
        NoopService(inner)
    }
}

impl<S: Service<R>, R> Service<R> for NoopService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.0.call(request)
    }
}
