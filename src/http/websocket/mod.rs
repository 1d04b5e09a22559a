//! WebSockets: how many are open, how long they live and how they end.
//!
//! [`WebSocketUpgrade`] and [`WebSocket`] stand in for axum's of the same names, and this module for
//! [`axum::extract::ws`], so a handler changes its import and nothing else:
//!
//! ```
//! use aistm7_monitoring::http::websocket::{Message, WebSocket, WebSocketUpgrade}; // was axum::extract::ws
//! use axum::{Router, response::Response, routing::any};
//!
//! async fn echo(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.on_upgrade(|mut socket: WebSocket| async move {
//!         while let Some(Ok(message)) = socket.recv().await {
//!             if let Message::Text(_) = message
//!                 && socket.send(message).await.is_err()
//!             {
//!                 break;
//!             }
//!         }
//!     })
//! }
//! let app: Router = Router::new().route("/ws/echo", any(echo));
//! ```
//!
//! | metric | changes |
//! |---|---|
//! | `websocket_active_connections{route}` | derived at each read: opened and not yet closed |
//! | `websocket_connections_total{route}` | when the connection has been upgraded |
//! | `websocket_closes_total{route,reason}` | when the connection is gone |
//! | `websocket_connection_duration_seconds{route}` | when the connection is gone |
//! | `websocket_messages_total{route,direction}` | with each text or binary message `received` or `sent` |
//! | `websocket_message_bytes_total{route,direction}` | with each of those, by the size of its payload |
//! | `websocket_ping_seconds{route}` | when a pong to a ping of ours is read, see [`WebSocketUpgrade::ping_every`] |
//! | `websocket_reconnects_total{route}` | when a socket opens whose handler said so, see [`WebSocketUpgrade::session`] |
//!
//! Reasons, of which the first that was seen counts: `normal`, `going_away`, `protocol_error`, `internal_error` and
//! `other` are those of close frames from either side; `abnormal` is a connection that broke without one, `dropped` a
//! handler that let go without one, `panicked` a handler that panicked; `server_shutdown` is our 1001, `aborted` a
//! connection that was cut without it.
//!
//! ```text
//! request -> WebSocketUpgrade (finds WebSockets, put there by the HTTP layer) -> 101
//!              '-> handler(WebSocket) --+
//!           watch: pings, Closing, cut -+-> Line: axum's socket and its Record, finished once, whoever is last
//! ```
//!
//! At [`Phase::Closing`](crate::drain::Phase::Closing) the client gets a close frame 1001 (going away) even if the
//! handler is busy elsewhere, `recv` and the stream end, and sending fails; so a handler that only reads, or only
//! sends, ends by itself.

mod instruments;
mod line;
mod ping;
mod reason;
mod record;
mod socket;
mod sockets;
#[cfg(test)]
mod tests;
mod upgrade;

pub use axum::extract::ws::{
    CloseCode, CloseFrame, DefaultOnFailedUpgrade, Message, OnFailedUpgrade, Utf8Bytes, close_code, rejection,
};
pub use socket::WebSocket;
pub use sockets::WebSockets;
pub use upgrade::{Session, WebSocketUpgrade};
