//! What rules of a service may look at, and the way of services without axum to name their routes.

use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Uri};

use super::grpc::GrpcStatus;
use super::labels::Outcome;

/// The head of a request, for rules that choose a label or leave a request out.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestHead<'r> {
    /// The method.
    pub method: &'r Method,
    /// The target, query included.
    pub uri: &'r Uri,
    /// The headers.
    pub headers: &'r HeaderMap,
    /// What layers further out and the router have put there.
    pub extensions: &'r Extensions,
}

impl<'r> RequestHead<'r> {
    pub(super) fn of<B>(request: &'r Request<B>) -> Self {
        let (method, uri) = (request.method(), request.uri());
        Self { method, uri, headers: request.headers(), extensions: request.extensions() }
    }
}

/// The head of a response, for rules that choose a label.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ResponseHead<'r> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'r HeaderMap,
    /// What the handler and inner layers have put there.
    pub extensions: &'r Extensions,
}

impl<'r> ResponseHead<'r> {
    pub(super) fn of<B>(response: &'r Response<B>) -> Self {
        Self { status: response.status(), headers: response.headers(), extensions: response.extensions() }
    }
}

/// How a request ended, for the rule that says which ends are errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestEnd {
    /// The status; `None` without a response head.
    pub status: Option<StatusCode>,
    /// How it ended.
    pub outcome: Outcome,
    /// What gRPC says of it, where [`HttpOptions::grpc`](super::HttpOptions::grpc) looks.
    pub grpc: Option<GrpcStatus>,
}

impl RequestEnd {
    /// The rule that holds unless a service gives its own: [`Outcome::is_error`], or a status of gRPC that is the
    /// server's fault.
    pub fn is_error(&self) -> bool {
        self.outcome.is_error() || self.grpc.is_some_and(GrpcStatus::is_server_error)
    }
}

/// Names the route of a request, for services whose router is not axum's, or hides its routes.
///
/// The name is the service's own: it lives as long as the rule or longer, so that no part of a request can become a
/// label. `None` leaves it to axum's template, and else to `_unmatched`. It runs for every request, so it should be quick.
///
/// ```
/// use aistm7_monitoring::http::{HttpOptions, RequestHead};
///
/// let options = HttpOptions::new().route_label(|request: &RequestHead<'_>| match request.uri.path() {
///     "/rpc" => Some("/rpc"),
///     path if path.starts_with("/files/") => Some("/files/{*path}"),
///     _ => None,
/// });
/// ```
pub trait RouteLabel: Send + Sync + 'static {
    /// The template of the request's route.
    fn template(&self, request: &RequestHead<'_>) -> Option<&str>;
}

impl<F> RouteLabel for F
where
    F: Fn(&RequestHead<'_>) -> Option<&'static str> + Send + Sync + 'static,
{
    fn template(&self, request: &RequestHead<'_>) -> Option<&str> {
        self(request)
    }
}
