//! WebSockets: how many are open, how long they live and how they end.
//!
//! [`WebSocketUpgrade`] and [`WebSocket`] stand in for axum's of the same names, so a handler changes its import and
//! nothing else:
//!
//! ```
//! use axum::{Router, extract::ws::Message, response::Response, routing::any};
//! use aistm7_monitoring::http::{WebSocket, WebSocketUpgrade}; // was axum::extract::ws::{..}
//!
//! async fn prices(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.on_upgrade(|mut socket: WebSocket| async move {
//!         while let Some(Ok(message)) = socket.recv().await {
//!             if let Message::Text(text) = message
//!                 && socket.send(Message::Text(text)).await.is_err()
//!             {
//!                 break;
//!             }
//!         }
//!     })
//! }
//! let app: Router = Router::new().route("/ws/prices", any(prices));
//! ```
//!
//! ```text
//! request -> WebSocketUpgrade (finds WebSockets, put there by the HTTP layer) -> 101
//!              '-> handler(WebSocket) --+
//!                  watch: Closing, cut -+-> Line: axum's socket and its Record, finished once, whoever is last
//! ```
//!
//! At [`Phase::Closing`](crate::drain::Phase::Closing) the client gets a close frame 1001 (going away) even if the
//! handler is busy elsewhere, `recv` and the stream end, and sending fails; so a handler that only reads, or only
//! sends, ends by itself.

mod instruments;
mod line;
mod reason;
mod record;
mod socket;
mod sockets;
#[cfg(test)]
mod tests;
mod upgrade;

pub use socket::WebSocket;
pub use sockets::WebSockets;
pub use upgrade::WebSocketUpgrade;
