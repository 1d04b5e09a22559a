//! A peer of whom a URL is known: checked once, with the client for it.

use std::error::Error as StdError;
use std::fmt;
use std::time::SystemTime;

use http::{Request, Uri};
use hyper::body::Bytes;

#[cfg(feature = "solana")]
use super::websocket::{self, WebSocketAnswer};
use super::{HttpAnswer, HttpClient, TransportError, Trust, TrustError, is_loopback};
use crate::error::InvalidValue;
use crate::redact::scrub_url;

/// Why a peer cannot be spoken to over HTTP.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The URL or address breaks a rule. A URL is shown without user, path and query.
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
    pub(crate) fn of_trust(error: TrustError) -> Self {
        match error {
            TrustError::NoCertificate | TrustError::Malformed(_) => Self::InvalidCertificate(error.into()),
            TrustError::Tls(_) => Self::Tls(error.into()),
        }
    }
}

/// A peer's URL, and the client that trusts it.
pub(crate) struct Endpoint {
    uri: Uri,
    client: HttpClient,
}

impl Endpoint {
    /// Checks `url`. An https peer must be trusted by the system; where the system has no certificate authorities,
    /// nobody is trusted until a certificate is pinned.
    pub(crate) fn new(url: &str) -> Result<Self, EndpointError> {
        let uri = parse(url)?;
        let usual_trust = if uri.scheme_str() == Some("https") { Trust::System } else { Trust::Nobody };
        Ok(Self { uri, client: HttpClient::new(usual_trust).map_err(EndpointError::of_trust)? })
    }

    /// Accepts the certificates in `pem`, and what they vouch for, and no other.
    pub(crate) fn pin(&mut self, pem: &str) -> Result<(), EndpointError> {
        let trust = Trust::pinned(pem).map_err(EndpointError::of_trust)?;
        self.client = HttpClient::new(trust).map_err(EndpointError::of_trust)?;
        Ok(())
    }

    /// Accepts any certificate, if the host is this machine.
    pub(crate) fn accept_any(&mut self) -> Result<(), EndpointError> {
        let host = self.uri.host().unwrap_or_default();
        if !is_loopback(host) {
            return Err(EndpointError::UncheckedHost { host: host.to_owned() });
        }
        self.client = HttpClient::new(Trust::AnyOnLoopback).map_err(EndpointError::of_trust)?;
        Ok(())
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// When the certificate ends that the peer showed last; `None` without one.
    pub(crate) fn certificate_not_after(&self) -> Option<SystemTime> {
        self.client.presented().chain().map(|chain| chain.not_after)
    }

    /// The URL of `path`, which begins with a slash and may have a query, below this one, whose own is left behind.
    ///
    /// # Panics
    /// When `path` has characters that no URL has.
    pub(crate) fn below(&self, path: &str) -> Uri {
        let mut parts = self.uri.clone().into_parts();
        let path = format!("{}{path}", self.uri.path().trim_end_matches('/'));
        parts.path_and_query = Some(path.parse().expect("OK because it is a valid path with one of ours behind it"));
        Uri::from_parts(parts).expect("OK because scheme and host are those of a valid URL")
    }

    pub(crate) async fn post_json(&self, body: String) -> Result<HttpAnswer, TransportError> {
        self.post_json_to(&self.uri, body).await
    }

    /// Posts to a URL [`below`](Self::below) this one.
    pub(crate) async fn post_json_to(&self, uri: &Uri, body: String) -> Result<HttpAnswer, TransportError> {
        self.client.post_json(uri, body).await
    }

    /// Asks for a WebSocket at the URL.
    #[cfg(feature = "solana")]
    pub(crate) async fn open_websocket(&self) -> Result<WebSocketAnswer, TransportError> {
        websocket::open(&self.client, &self.uri).await
    }

    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<HttpAnswer, TransportError> {
        self.client.send(request).await
    }
}

/// A URL of a host that is spoken to as it is.
fn parse(url: &str) -> Result<Uri, InvalidValue> {
    let invalid = |rule| InvalidValue::new("URL", scrub_url(url), rule);
    let uri: Uri = url.parse().map_err(|_| invalid("http:// or https://, a host, and a path of visible ASCII"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(invalid("starts with http:// or https:// and a host"));
    }
    let Some(authority) = uri.authority() else {
        return Err(invalid("starts with http:// or https:// and a host"));
    };
    if authority.as_str().contains('@') {
        return Err(invalid("holds no user or password"));
    }
    // A password with a slash in it ends the authority early: what is left looks like a host with an odd port.
    if authority.as_str() != authority.host() && authority.port_u16().is_none() {
        return Err(invalid("has a port from 0 to 65535 after its host, and no user or password"));
    }
    Ok(uri)
}

/// Paths and queries can carry a key.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&scrub_url(&self.uri.to_string())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_below_that_of_the_url() {
        for (url, expected) in [
            ("https://h:5000/v1/api", "https://h:5000/v1/api/tickle"),
            ("https://h/v1/api/", "https://h/v1/api/tickle"),
            ("http://h", "http://h/tickle"),
            ("http://h/a?key=1", "http://h/a/tickle"),
        ] {
            assert_eq!(Endpoint::new(url).unwrap().below("/tickle").to_string(), expected);
        }
    }

    #[test]
    fn urls_that_cannot_be_posted_to_are_refused_without_showing_their_secrets() {
        for url in [
            "",
            "localhost:5000",
            "ftp://h/",
            "https://",
            "https:///path?key=secret",
            "https://user:secret@h/",
            "https://user:sec/ret:secret@h/",
            "https://h:/",
            "https://h:65536/",
            "https://h/a b?key=secret",
            "/path?key=secret",
        ] {
            let refused = parse(url).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused:?}");
        }
    }
}
