//! A client of the service, over loopback.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::http::{Request, StatusCode, Uri};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{Instant, timeout, timeout_at};

/// A request that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whatever went wrong; the demo only says it.
type Failure = Box<dyn Error + Send + Sync>;

#[derive(Debug)]
pub(super) struct Client {
    http: HttpClient<HttpConnector, Empty<Bytes>>,
    server: SocketAddr,
}

impl Client {
    /// A client of the service that listens on `server`, on any address or a certain one.
    pub(super) fn new(server: SocketAddr) -> Self {
        let ip = match server.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self {
            http: HttpClient::builder(TokioExecutor::new()).build_http(),
            server: SocketAddr::new(ip, server.port()),
        }
    }

    /// Asks for `path` and reads the whole answer.
    pub(super) async fn get(&self, path: &str) -> Result<StatusCode, Failure> {
        timeout(PATIENCE, async {
            let response = self.request(path).await?;
            let status = response.status();
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                frame?;
            }
            Ok(status)
        })
        .await?
    }

    /// Reads server-sent events for a while, then leaves. Returns the bytes read.
    pub(super) async fn listen_to_events(&self, duration: Duration) -> Result<usize, Failure> {
        let end = Instant::now() + duration;
        let mut body = timeout(PATIENCE, self.request("/api/v1/stream")).await??.into_body();
        let mut bytes = 0;
        while let Ok(Some(frame)) = timeout_at(end, body.frame()).await {
            bytes += frame?.data_ref().map_or(0, Bytes::len);
        }
        Ok(bytes)
    }

    /// Reads WebSocket messages for a while, then closes. Returns the number of messages.
    pub(super) async fn listen_to_websocket(&self, duration: Duration) -> Result<usize, Failure> {
        let end = Instant::now() + duration;
        let url = format!("ws://{}/ws/prices", self.server);
        let (mut socket, _) = timeout(PATIENCE, tokio_tungstenite::connect_async(url)).await??;
        let mut messages = 0;
        while let Ok(Some(message)) = timeout_at(end, socket.next()).await {
            message?;
            messages += 1;
        }
        // OK to ignore the error: the server may have closed first.
        let _ = socket.close(None).await;
        Ok(messages)
    }

    async fn request(&self, path: &str) -> Result<axum::http::Response<Incoming>, Failure> {
        let uri = Uri::try_from(format!("http://{}{path}", self.server))?;
        Ok(self.http.request(Request::get(uri).body(Empty::new())?).await?)
    }
}
