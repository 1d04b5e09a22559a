//! Outgoing HTTP for checks, pushes and notifiers: private, bounded, and wary of whom it trusts.
//!
//! No redirect is followed, no proxy is used, no more than [`BODY_LIMIT`] of an answer is read, and no connection is
//! kept: each request proves anew that the peer can be reached, and none fails because an idle connection went stale.
//! Nothing here limits time; callers do, by dropping the future.

mod client;
mod endpoint;
mod error;
#[cfg(feature = "tls-check")]
mod handshake;
mod presented;
mod trust;
#[cfg(feature = "solana")]
mod websocket;

pub(crate) use client::{HttpAnswer, HttpClient};
pub(crate) use endpoint::Endpoint;
pub use endpoint::EndpointError;
pub(crate) use error::TransportError;
#[cfg(feature = "tls-check")]
pub(crate) use handshake::{HandshakeError, Handshakes};
pub(crate) use presented::Presented;
#[cfg(feature = "tls-check")]
pub(crate) use presented::{Chain, Issuer};
pub(crate) use trust::{Trust, TrustError, is_loopback};
#[cfg(feature = "solana")]
pub(crate) use websocket::WebSocketAnswer;

/// Chosen: far more than any answer that a check or notifier expects, far less than memory.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;
