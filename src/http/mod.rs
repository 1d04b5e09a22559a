//! Requests: counted once each, timed, and given a trace. Calls to other services are in [`client`].
//!
//! ```text
//! request -> Trace -> HttpMetrics -> Exchange: service -> future -> response body, finished exactly once
//!              |                        '-> Ledger of the route and method -> api_* families
//!              |                        '-> AccessLog: one event at the end, if asked for
//!              '-> TraceContext: extension, ambient, span ; x-request-id, traceresponse on the response
//!                             '-> TraceBody, without HttpMetrics, whose exchange keeps a body in its trace
//! ```
//!
//! [`HttpLayer`] is both layers; apply it last, outside every other route and layer:
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! use aistm7_monitoring::clock::Clock;
//! use aistm7_monitoring::drain::Drain;
//! use aistm7_monitoring::http::{HttpLayer, HttpMetricsLayer, HttpOptions, TraceLayer};
//! use aistm7_monitoring::metrics::{Meter, Registry};
//! use axum::{Router, routing::get};
//!
//! let registry = Registry::new();
//! let metrics = HttpMetricsLayer::new(&Meter::new(&registry), Clock::system(), Drain::new(), HttpOptions::new())?;
//! let app: Router =
//!     Router::new().route("/orders/{id}", get(async || "one order")).layer(HttpLayer::new(TraceLayer::new(), metrics));
//! # let _ = app;
//! # }
//! # Ok::<(), aistm7_monitoring::http::HttpOptionsError>(())
//! ```
//!
//! # What a layer outside sees
//!
//! A timeout layer *outside* drops the request: it counts as `cancelled` here although the client got a 408. What a
//! load-shed layer outside answers never comes here, and is not counted; how long a concurrency limit outside has a
//! request wait is in no latency. *Inside*, their answers are counted as what they are. A panic caught by a layer inside is a
//! 500 (`server_error`), one that passes through is `panicked`. README shows the recommended order.
//!
//! # What a layer in another place loses
//!
//! | applied | loses |
//! |---|---|
//! | with `Router::layer`, last | nothing |
//! | with `Router::layer`, before a `merge` | the routes that are merged later, and the 404s unless the first router has a fallback of its own |
//! | with `Router::route_layer` | the 404s |
//! | around the router, as with `ServiceBuilder` | the templates: all routes are `_unmatched`, unless a [`RouteLabel`] names them |
//!
//! Routes below `nest` have their whole template; those below `nest_service` are `_unmatched` unless a [`RouteLabel`] names
//! them. A 405 keeps the template of its route. Neither the path nor `Host`, `Forwarded` or `X-Forwarded-*` is ever a label.

mod access_log;
mod body;
mod chain;
pub mod client;
#[cfg(feature = "axum")]
mod connection;
mod custom_labels;
mod exchange;
mod grpc;
mod head;
mod hold;
mod instruments;
mod labels;
mod layer;
mod ledger;
mod measures;
mod methods;
mod metrics_layer;
mod naming;
mod options;
mod passage;
mod request_body;
mod response;
mod response_headers;
mod route;
mod rules;
mod shared;
mod template_map;
mod trace_body;
mod trace_layer;
#[cfg(feature = "websocket")]
pub mod websocket;

#[cfg(test)]
mod tests;

pub use access_log::AccessLog;
pub use body::ResponseBody;
#[cfg(feature = "axum")]
pub use connection::*;
pub use grpc::GrpcStatus;
pub use head::{RequestEnd, RequestHead, ResponseHead, RouteLabel};
pub use labels::Outcome;
pub use layer::HttpLayer;
pub use metrics_layer::{HttpMetrics, HttpMetricsLayer, ResponseFuture};
pub use naming::UrlScheme;
pub use options::{HttpOptions, HttpOptionsError};
pub use request_body::{RequestBody, RequestBodyLayer, RequestBodySize};
pub use response_headers::ResponseHeaders;
pub use trace_body::{TraceBodies, TraceBodiesFuture, TraceBody};
pub use trace_layer::{Trace, TraceFuture, TraceLayer};
