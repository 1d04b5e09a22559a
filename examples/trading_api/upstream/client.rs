//! JSON over HTTP/1.1, with a deadline and a limit on what is read.

use std::time::Duration;

use axum::http::{Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;

use super::{TrustError, Upstream, trust};

/// Whole exchange, connecting included.
const DEADLINE: Duration = Duration::from_secs(2);
/// Longest answer read.
const MAX_BODY_BYTES: usize = 1 << 20;
const USER_AGENT: &str = concat!("trading-api/", env!("CARGO_PKG_VERSION"));

/// A pooled client; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Why an upstream gave no usable answer. The text holds no URL: URLs hold keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("no answer within {DEADLINE:?}")]
    Timeout,
    #[error("no connection")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("the connection ended within the answer")]
    Interrupted(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("status {0}")]
    Status(StatusCode),
    #[error("the answer is not {expected}")]
    Malformed { expected: &'static str },
    #[error("error {code}")]
    Rpc { code: i64 },
    #[error("the request cannot be built")]
    Request(#[from] axum::http::Error),
}

impl UpstreamError {
    /// Whether we are told to ask less often.
    pub(crate) fn is_rate_limit(&self) -> bool {
        matches!(self, Self::Status(StatusCode::TOO_MANY_REQUESTS))
    }
}

impl HttpClient {
    /// A client for one upstream.
    pub(crate) fn for_upstream(upstream: &Upstream) -> Result<Self, TrustError> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trust::client_config(upstream)?)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    pub(crate) async fn get(&self, uri: Uri) -> Result<Value, UpstreamError> {
        let request = Request::get(uri)
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "application/json")
            .body(Full::default())?;
        self.exchange(request).await
    }

    pub(crate) async fn post(&self, uri: Uri, body: &Value) -> Result<Value, UpstreamError> {
        let request = Request::post(uri)
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string()))?;
        self.exchange(request).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Value, UpstreamError> {
        let exchange = async {
            let response = self.client.request(request).await.map_err(UpstreamError::Unreachable)?;
            if response.status() != StatusCode::OK {
                return Err(UpstreamError::Status(response.status()));
            }
            let body = Limited::new(response.into_body(), MAX_BODY_BYTES)
                .collect()
                .await
                .map_err(UpstreamError::Interrupted)?;
            serde_json::from_slice(&body.to_bytes()).map_err(|_| UpstreamError::Malformed { expected: "JSON" })
        };
        timeout(DEADLINE, exchange).await.map_err(|_| UpstreamError::Timeout)?
    }
}
