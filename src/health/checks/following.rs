//! What checks share that get a URL and that believe another service's health.

use http::header::ACCEPT;
use http::{HeaderValue, Request};
use hyper::body::Bytes;
use serde_json::Value;

use super::asking::{INVALID_RESPONSE, failure_of};
use crate::health::CheckFailure;
use crate::transport::{Endpoint, HttpAnswer};

/// What another service's status comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Healthy,
    /// Unknown, too.
    Degraded,
    Unhealthy,
}

impl Word {
    /// In this crate's words or those of the IETF draft.
    pub(super) fn of(body: &Value) -> Result<Self, CheckFailure> {
        match body["status"].as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("healthy" | "pass" | "ok" | "up") => Ok(Self::Healthy),
            Some("degraded" | "warn" | "unknown") => Ok(Self::Degraded),
            Some("unhealthy" | "fail" | "error" | "down") => Ok(Self::Unhealthy),
            _ => Err(CheckFailure::new(INVALID_RESPONSE, "the answer has no status that is known")),
        }
    }
}

/// Reads the health at an endpoint, whatever the HTTP status. `unreachable` is the code for that, where codes differ by
/// check.
pub(super) async fn read(endpoint: &Endpoint, unreachable: &'static str) -> Result<Value, CheckFailure> {
    let answer = get(endpoint, "application/json, application/health+json;q=0.9", unreachable).await?;
    serde_json::from_slice(&answer.body)
        .map_err(|error| CheckFailure::new(INVALID_RESPONSE, "the answer is no JSON").with_source(error))
}

/// One `GET` of the endpoint's URL.
pub(super) async fn get(
    endpoint: &Endpoint,
    accept: &'static str,
    unreachable: &'static str,
) -> Result<HttpAnswer, CheckFailure> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = endpoint.uri().clone();
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
    endpoint.send(request).await.map_err(|error| failure_of(error, unreachable))
}
