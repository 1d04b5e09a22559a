//! Clients whose every byte a test decides.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures_util::FutureExt;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_blocking};

use crate::http::{self, Response};

/// Longer than anything here takes, so that a failure ends with a message.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for a future that a broken program would leave pending.
#[track_caller]
pub(crate) fn within<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(output) => output,
            Err(_) => panic!("not within {PATIENCE:?} at {caller}"),
        }
    }
}

/// A connection of bytes.
pub(crate) struct Raw(TcpStream);

/// Asks for a WebSocket at `/ws`.
pub(crate) const WEBSOCKET_REQUEST: &str = "GET /ws HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        within(TcpStream::connect(address)).await.map(Self)
    }

    /// Connects and sends a request without a body.
    pub(crate) async fn requesting(address: SocketAddr, method: &str, path: &str) -> Self {
        let mut raw = Self::connect(address).await.expect("the server listens");
        raw.send(format!("{method} {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
        raw
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.0.write_all(bytes.as_ref())).await.expect("the connection takes bytes");
    }

    /// Reads until what came ends with `end`.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let mut seen = Vec::new();
        while !seen.ends_with(end.as_bytes()) {
            let mut chunk = [0; 4096];
            let read = within(self.0.read(&mut chunk)).await.expect("the connection holds");
            assert_ne!(read, 0, "closed after {:?}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&chunk[..read]);
        }
        String::from_utf8(seen).expect("UTF-8")
    }

    /// What comes until the server closes the connection, or breaks it.
    pub(crate) async fn read_to_end(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end too; what came before it counts.
        let _ = within(self.0.read_to_end(&mut rest)).await;
        rest
    }

    /// The client's own address.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.0.local_addr().expect("a connected socket")
    }
}

/// Asks on a connection of its own, without blocking the runtime.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Response {
    request(address, "GET", path, &[]).await
}

/// [`get`] with any method and headers.
pub(crate) async fn request(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let (method, path) = (method.to_owned(), path.to_owned());
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let asked = spawn_blocking(move || {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        http::request(address, &method, &path, &headers, b"")
    });
    within(asked).await.expect("the client does not panic").expect("the server answers")
}

/// An HTTP/2 connection.
pub(crate) struct Http2 {
    pub(crate) sender: SendRequest<Body>,
    tasks: Tasks,
}

impl Http2 {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let tasks = Tasks::default();
        let handshake = http2::handshake(tasks.clone(), TokioIo::new(stream));
        let (sender, connection) = within(handshake).await.expect("the server speaks HTTP/2");
        tasks.execute(connection.map(drop));
        Self { sender, tasks }
    }

    /// Lets go of the socket, without a word to the server.
    pub(crate) fn lose(&self) {
        self.tasks.0.lock().expect("no panic while locked").abort_all();
    }
}

/// The tasks that drive a connection.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, future: F) {
        self.0.lock().expect("no panic while locked").spawn(future.map(drop));
    }
}

/// A request without a body for [`Http2`].
pub(crate) fn http2_request(method: &str, path: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(format!("http://test{path}"));
    request.body(Body::empty()).expect("a valid request")
}
