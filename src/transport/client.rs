//! One client for one peer.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::{BODY_LIMIT, Presented, TransportError, Trust, TrustError};

/// Sends requests. Cloning shares it.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    presented: Presented,
}

/// An answer of any status.
pub(crate) struct HttpAnswer {
    pub(crate) status: StatusCode,
    /// How many seconds the peer asks to be left alone.
    pub(crate) retry_after_seconds: Option<u64>,
    pub(crate) body: Bytes,
}

/// Hosted gateways refuse clients without a name.
const USER_AGENT_VALUE: HeaderValue =
    HeaderValue::from_static(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl HttpClient {
    /// # Errors
    /// When the certificates of `trust` cannot be used.
    pub(crate) fn new(trust: Trust) -> Result<Self, TrustError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        if matches!(trust, Trust::AnyOnLoopback) {
            // Whatever a resolver says of the host: from these addresses no connection leaves the machine.
            tcp.set_local_addresses(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
        }
        let presented = Presented::default();
        let connector = HttpsConnector::from((tcp, trust.client_config(presented.clone())?));
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { client, presented })
    }

    /// What the peer showed last, if it is spoken to over TLS.
    pub(crate) fn presented(&self) -> &Presented {
        &self.presented
    }

    /// Posts a JSON body, which may be empty, and reads the answer.
    ///
    /// # Errors
    /// When there is no complete answer of at most [`BODY_LIMIT`] bytes. A status that means an error is an answer.
    pub(crate) async fn post_json(&self, uri: &Uri, body: impl Into<Bytes>) -> Result<HttpAnswer, TransportError> {
        let mut request = Request::new(body.into());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, JSON);
        self.send(request).await
    }

    /// Sends a request under this crate's name and reads the answer.
    ///
    /// # Errors
    /// As [`HttpClient::post_json`].
    pub(crate) async fn send(&self, mut request: Request<Bytes>) -> Result<HttpAnswer, TransportError> {
        // hyper leaves the length of an empty body out, and some edges refuse a POST without one.
        let length = request.body().len().into();
        request.headers_mut().insert(CONTENT_LENGTH, length);
        let response = self.request(request).await?;
        answer_of(response).await
    }

    /// Sends a request as it is under this crate's name, and reads no more than the answer's head.
    ///
    /// # Errors
    /// When there is no head of an answer.
    pub(super) async fn request(&self, mut request: Request<Bytes>) -> Result<Response<Incoming>, TransportError> {
        request.headers_mut().insert(USER_AGENT, USER_AGENT_VALUE);
        self.client.request(request.map(Full::new)).await.map_err(TransportError::of_request)
    }
}

/// Reads what follows a head.
pub(super) async fn answer_of(response: Response<Incoming>) -> Result<HttpAnswer, TransportError> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(TransportError::of_body)?.to_bytes();
    Ok(HttpAnswer { status: head.status, retry_after_seconds: retry_after_seconds(&head.headers), body })
}

/// What some send in place of `retry-after`: how many seconds it takes until more is allowed.
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// A number of seconds, or the time to a date by the peer's own clock, so that ours does not matter.
fn retry_after_seconds(headers: &HeaderMap) -> Option<u64> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let Some(asked) = text(RETRY_AFTER) else {
        return text(RATELIMIT_RESET)?.parse().ok();
    };
    asked.parse().ok().or_else(|| {
        let date = |text| httpdate::parse_http_date(text).ok();
        let wait = date(asked)?.duration_since(date(text(DATE)?)?);
        // A date that has passed asks for nothing.
        Some(wait.map_or(0, |wait| wait.as_secs()))
    })
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io;

    use super::*;

    #[tokio::test]
    async fn any_certificate_is_taken_from_this_machine_only() {
        let client = HttpClient::new(Trust::AnyOnLoopback).unwrap();
        // An address for documentation: what a resolver could say of a name such as gateway.localhost.
        let elsewhere = Uri::from_static("https://192.0.2.1:5000/");
        let Err(error) = client.post_json(&elsewhere, "").await else { panic!("an answer from elsewhere") };
        let mut cause: &(dyn Error + 'static) = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let refused = cause.downcast_ref::<io::Error>().unwrap_or_else(|| panic!("{error:?}"));
        // The second on a machine without a network.
        let kinds = [io::ErrorKind::InvalidInput, io::ErrorKind::NetworkUnreachable];
        assert!(kinds.contains(&refused.kind()), "{refused:?}");
    }

    #[test]
    fn peers_ask_to_be_left_alone_for_seconds_or_until_a_date_of_theirs() {
        let noon = "Mon, 23 Nov 2026 12:00:00 GMT";
        for (retry_after, date, expected) in [
            (Some("7"), None, Some(7)),
            (Some(" 7 "), Some(noon), Some(7)),
            (Some("Mon, 23 Nov 2026 12:01:30 GMT"), Some(noon), Some(90)),
            (Some("Mon, 23 Nov 2026 11:00:00 GMT"), Some(noon), Some(0)),
            (Some("Mon, 23 Nov 2026 12:01:30 GMT"), None, None),
            (Some("-7"), Some(noon), None),
            (Some("soon"), Some(noon), None),
            (None, Some(noon), None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(RETRY_AFTER, retry_after), (DATE, date)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            assert_eq!(retry_after_seconds(&headers), expected, "{retry_after:?} {date:?}");
        }
    }
}
