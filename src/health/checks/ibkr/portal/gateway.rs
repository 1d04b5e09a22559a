//! The three calls, and the time in which none may be made.

use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Bytes;

use super::answer::Trouble;
use crate::clock::Clock;
use crate::health::CheckReport;
use crate::health::checks::asking::{Pause, failure_of};
use crate::transport::{Endpoint, EndpointError, HttpAnswer};

#[derive(Debug)]
pub(super) struct Gateway {
    base: Endpoint,
    penalty: Pause,
}

/// The time for which Interactive Brokers refuses an address that asked too often.
const PENALTY: Duration = Duration::from_secs(15 * 60);

const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Gateway {
    pub(super) fn new(base: &str) -> Result<Self, EndpointError> {
        Ok(Self { base: Endpoint::new(base)?, penalty: Pause::default() })
    }

    pub(super) fn pin(&mut self, pem: &str) -> Result<(), EndpointError> {
        self.base.pin(pem)
    }

    pub(super) fn accept_any(&mut self) -> Result<(), EndpointError> {
        self.base.accept_any()
    }

    pub(super) fn certificate_not_after(&self) -> Option<SystemTime> {
        self.base.certificate_not_after()
    }

    /// What to say while the gateway may not be asked.
    pub(super) fn penalty(&self, clock: &Clock) -> Option<CheckReport> {
        self.penalty.pending(clock)
    }

    /// How the session is; it lasts longer for being asked.
    pub(super) async fn tickle(&self, clock: &Clock) -> Result<HttpAnswer, Trouble> {
        self.call(clock, Method::POST, "/tickle", "").await
    }

    /// How the session is.
    pub(super) async fn auth_status(&self, clock: &Clock) -> Result<HttpAnswer, Trouble> {
        self.call(clock, Method::POST, "/iserver/auth/status", "{}").await
    }

    /// Whose login it is, and how long it lasts.
    pub(super) async fn sso_validate(&self, clock: &Clock) -> Result<HttpAnswer, Trouble> {
        self.call(clock, Method::GET, "/sso/validate", "").await
    }

    async fn call(
        &self,
        clock: &Clock,
        method: Method,
        path: &'static str,
        body: &'static str,
    ) -> Result<HttpAnswer, Trouble> {
        let mut request = Request::new(Bytes::from_static(body.as_bytes()));
        *request.method_mut() = method;
        *request.uri_mut() = self.base.below(path);
        request.headers_mut().insert(ACCEPT, JSON);
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        let answer = self.base.send(request).await;
        let answer = answer.map_err(|error| failure_of(error, "gateway_unreachable"))?;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            // The penalty lasts as long as it does, however soon the answer invites to try again.
            let wait = Duration::from_secs(answer.retry_after_seconds.unwrap_or_default()).max(PENALTY);
            return Err(Trouble::RateLimited(self.penalty.begin(clock, wait)));
        }
        Ok(answer)
    }
}
