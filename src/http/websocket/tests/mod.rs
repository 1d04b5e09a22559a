//! Real WebSockets over loopback, through the server of this crate.

mod closing;
mod counting;
mod ending;
mod pinging;

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::ws::{self, Message};
use axum::response::Response;
use axum::routing::any;
use axum::{Extension, Router};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Method, Request};
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::{WebSocketStream, client_async};
use tracing::Instrument;

use super::*;
use crate::clock::ManualClock;
use crate::drain::{Drain, Phase};
use crate::http::connection::tests::{DropBell, Running, eventually, outcome_in, within};
use crate::metrics::{Meter, Registry};
use crate::trace::{self, TraceContext};

const PATIENCE: Duration = Duration::from_secs(10);

/// Sockets go where axum's go.
const _: fn() = || {
    fn is_send_sync_unpin<T: Send + Sync + Unpin>() {}
    is_send_sync_unpin::<WebSocket>();
    is_send_sync_unpin::<WebSockets>();
    is_send_sync_unpin::<WebSocketUpgrade>();
};

type Client = WebSocketStream<TcpStream>;

/// A running server whose `/ws/{feed}` is `handler`, measured.
struct Feed {
    server: Running,
    sockets: WebSockets,
    clock: ManualClock,
}

impl Feed {
    async fn start<C, Fut>(handler: C) -> Self
    where
        C: FnOnce(WebSocket) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::with_grace(PATIENCE, handler).await
    }

    async fn with_grace<C, Fut>(grace: Duration, handler: C) -> Self
    where
        C: FnOnce(WebSocket) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::upgrading(grace, move |upgrade, _| upgrade.on_upgrade(handler)).await
    }

    /// With an upgrade of the test's own.
    async fn upgrading<U>(grace: Duration, upgrade: U) -> Self
    where
        U: FnOnce(WebSocketUpgrade, HeaderMap) -> Response + Clone + Send + Sync + 'static,
    {
        let (registry, drain, clock) = (Registry::new(), Drain::new(), ManualClock::new());
        let sockets = WebSockets::new(&Meter::new(&registry), clock.clock(), drain.clone()).unwrap();
        let handler = any(async move |offer: WebSocketUpgrade, headers: HeaderMap| upgrade(offer, headers));
        let app = Router::new().route("/ws/{feed}", handler).layer(Extension(sockets.clone()));
        let server = Running::start(app, registry, drain, grace).await;
        Self { server, sockets, clock }
    }

    async fn connect(&self) -> Client {
        connect(&self.server).await
    }

    fn closes(&self, reason: &str) -> f64 {
        closes_in(&self.server.registry, reason)
    }

    fn messages(&self, direction: &str) -> f64 {
        self.value("websocket_messages_total", &[("direction", direction)])
    }

    fn bytes(&self, direction: &str) -> f64 {
        self.value("websocket_message_bytes_total", &[("direction", direction)])
    }

    /// Of the route's series with these labels, 0 before there is one.
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = [labels, &[("route", "/ws/{feed}")]].concat();
        self.server.registry.snapshot().value(name, &labels).unwrap_or_default()
    }

    /// Waits until one socket has ended for `reason`, and checks that none is open.
    async fn ends(&self, reason: &str) {
        eventually(|| self.server.registry.snapshot().sum("websocket_closes_total", &[]) == Some(1.0)).await;
        assert_eq!(self.closes(reason), 1.0, "{}", self.server.registry.render());
        assert_eq!((self.sockets.active(), active_in(&self.server.registry)), (0, 0.0));
        eventually(|| self.server.instruments.active() == 0).await;
    }
}

fn closes_in(registry: &Registry, reason: &str) -> f64 {
    let labels = [("reason", reason), ("route", "/ws/{feed}")];
    registry.snapshot().value("websocket_closes_total", &labels).unwrap()
}

fn active_in(registry: &Registry) -> f64 {
    registry.snapshot().value("websocket_active_connections", &[("route", "/ws/{feed}")]).unwrap()
}

async fn connect(server: &Running) -> Client {
    let stream = TcpStream::connect(server.address).await.unwrap();
    within(client_async("ws://localhost/ws/prices", stream)).await.unwrap().0
}

/// The code of the close frame that comes next.
async fn close_code<S: AsyncRead + AsyncWrite + Unpin>(client: &mut WebSocketStream<S>) -> Option<CloseCode> {
    loop {
        match within(client.next()).await {
            Some(Ok(tungstenite::Message::Close(frame))) => return frame.map(|frame| frame.code),
            Some(Ok(_)) => {}
            end => panic!("no close frame before {end:?}"),
        }
    }
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if let Message::Text(_) = message {
            socket.send(message).await.unwrap();
        }
    }
}
