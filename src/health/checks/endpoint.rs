//! What checks over HTTP share: a URL that is checked once, the client for it, and being asked to wait.

use std::error::Error as StdError;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Uri;

use crate::clock::Clock;
use crate::error::InvalidValue;
use crate::health::{CheckFailure, CheckReport};
use crate::redact::scrub_url;
use crate::transport::{HttpAnswer, HttpClient, TransportError, Trust, TrustError, is_loopback};

/// Why a check over HTTP cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The URL breaks a rule. It is shown without user, path and query.
    #[error(transparent)]
    InvalidUrl(#[from] InvalidValue),
    /// The pinned certificate cannot be used.
    #[error("the pinned certificate cannot be used: give one or more certificates in PEM form")]
    InvalidCertificate(#[source] Box<dyn StdError + Send + Sync>),
    /// Every certificate was to be accepted from a host that is not this machine.
    #[error("certificates of {host:?} must be checked: only loopback hosts may show any; pin the certificate instead")]
    UncheckedHost {
        /// The host.
        host: String,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn StdError + Send + Sync>),
}

impl EndpointError {
    fn of_trust(error: TrustError) -> Self {
        match error {
            TrustError::NoCertificate | TrustError::Malformed(_) => Self::InvalidCertificate(error.into()),
            TrustError::NoSystemRoots(_) | TrustError::Tls(_) => Self::Tls(error.into()),
        }
    }
}

/// A place to post to.
#[derive(Debug)]
pub(super) struct Endpoint {
    uri: Uri,
    client: HttpClient,
}

impl Endpoint {
    /// Checks `url`. An https peer must be trusted by the system; where the system has no certificate authorities,
    /// nobody is trusted until a certificate is pinned.
    pub(super) fn new(url: &str) -> Result<Self, EndpointError> {
        let uri = parse(url)?;
        let usual_trust = if uri.scheme_str() == Some("https") { Trust::System } else { Trust::Nobody };
        let client = match HttpClient::new(usual_trust) {
            Err(TrustError::NoSystemRoots(_)) => HttpClient::new(Trust::Nobody),
            other => other,
        };
        Ok(Self { uri, client: client.map_err(EndpointError::of_trust)? })
    }

    /// Accepts the certificates in `pem`, and what they vouch for, and no other.
    pub(super) fn pin(&mut self, pem: &str) -> Result<(), EndpointError> {
        let trust = Trust::pinned(pem).map_err(EndpointError::of_trust)?;
        self.client = HttpClient::new(trust).map_err(EndpointError::of_trust)?;
        Ok(())
    }

    /// Accepts any certificate, if the host is this machine.
    pub(super) fn accept_any(&mut self) -> Result<(), EndpointError> {
        let host = self.uri.host().unwrap_or_default();
        if !is_loopback(host) {
            return Err(EndpointError::UncheckedHost { host: host.to_owned() });
        }
        self.client = HttpClient::new(Trust::AnyOnLoopback).map_err(EndpointError::of_trust)?;
        Ok(())
    }

    pub(super) async fn post_json(&self, body: String) -> Result<HttpAnswer, TransportError> {
        self.client.post_json(&self.uri, body).await
    }
}

/// A URL that can be posted to as it is.
fn parse(url: &str) -> Result<Uri, InvalidValue> {
    let invalid = |rule| InvalidValue::new("URL", scrub_url(url), rule);
    let uri: Uri = url.parse().map_err(|_| invalid("http:// or https://, a host, and a path of visible ASCII"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(invalid("starts with http:// or https:// and a host"));
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(invalid("holds no user or password"));
    }
    Ok(uri)
}

/// The peer asked to be left alone for a while: until then the check says so without asking.
#[derive(Debug, Default)]
pub(super) struct Pause(Mutex<Option<Instant>>);

impl Pause {
    /// Begins to wait, from now.
    pub(super) fn begin(&self, clock: &Clock, wait: Duration) -> CheckReport {
        let wait = wait.min(LONGEST_PAUSE);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock.now() + wait);
        rate_limited(wait)
    }

    /// What to say while waiting; `None` once it is over.
    pub(super) fn pending(&self, clock: &Clock) -> Option<CheckReport> {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = (*until)?.saturating_duration_since(clock.now());
        if left.is_zero() {
            *until = None;
            return None;
        }
        Some(rate_limited(left))
    }
}

/// Chosen: a peer's wrong number must not silence a check for a day.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

fn rate_limited(left: Duration) -> CheckReport {
    CheckReport::degraded("rate_limited", "the peer refuses more requests for now; it is not asked until it may be")
        .with_data("wait_seconds", left)
}

/// A failure to reach the peer; `unreachable` is the code for that, where codes differ by check.
pub(super) fn failure_of(error: TransportError, unreachable: &'static str) -> CheckFailure {
    let (reason, message) = match &error {
        TransportError::Connect(_) => (unreachable, "nobody answers at the address"),
        TransportError::Broken(_) => (unreachable, "the connection broke before the answer was complete"),
        TransportError::Tls(_) => ("tls", "no TLS connection to a certificate that is trusted"),
        TransportError::Protocol(_) => (INVALID_RESPONSE, "the peer does not speak HTTP"),
        TransportError::TooLong => (INVALID_RESPONSE, "the answer is far too long"),
    };
    CheckFailure::new(reason, message).with_source(error)
}

/// The code of answers that make no sense.
pub(super) const INVALID_RESPONSE: &str = "invalid_response";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn urls_that_cannot_be_posted_to_are_refused_without_showing_their_secrets() {
        for url in [
            "",
            "localhost:5000",
            "ftp://h/",
            "https://",
            "https:///path?key=secret",
            "https://user:secret@h/",
            "https://h/a b?key=secret",
            "/path?key=secret",
        ] {
            let refused = parse(url).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused:?}");
        }
    }

    #[test]
    fn pause_ends_when_its_time_is_over_and_is_never_endless() {
        let held = ManualClock::new();
        let clock = held.clock();
        let pause = Pause::default();
        assert!(pause.pending(&clock).is_none());
        pause.begin(&clock, Duration::MAX);
        held.advance(LONGEST_PAUSE - Duration::from_secs(1));
        assert_eq!(pause.pending(&clock).unwrap().reason(), Some("rate_limited"));
        held.advance(Duration::from_secs(1));
        assert!(pause.pending(&clock).is_none());
    }
}
