//! Checks of what answers over HTTP: any endpoint, and the health of another service.

mod endpoint;
mod service;
#[cfg(test)]
mod tests;

use http::header::ACCEPT;
use http::{HeaderValue, Request};
use hyper::body::Bytes;

use super::asking::failure_of;
use crate::health::CheckFailure;
use crate::transport::{Endpoint, HttpAnswer};

pub use endpoint::HttpCheck;
pub use service::ServiceCheck;

/// One `GET` of the endpoint's URL.
async fn get(endpoint: &Endpoint, accept: &'static str) -> Result<HttpAnswer, CheckFailure> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = endpoint.uri().clone();
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
    endpoint.send(request).await.map_err(|error| failure_of(error, "unreachable"))
}
