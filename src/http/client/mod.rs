//! Calls to other services: the trace goes along, and each call is timed once.
//!
//! A [`Peer`] is a service that this one calls, under a name that is written in code and never taken from a URL. It is
//! a tower layer for any client of `http` requests (hyper-util's, a tonic channel, a stack of your own):
//!
//! ```
//! # use aistm7_monitoring::{clock::Clock, http::client::ClientInstruments, metrics::{Meter, Registry}};
//! # let instruments = ClientInstruments::register(&Meter::new(&Registry::new()), Clock::system())?;
//! # struct Client;
//! use tower_layer::Layer;
//!
//! let prices = instruments.peer("prices"); // or `monitoring.client("prices")`
//! let client = prices.layer(Client);
//! # let _ = client;
//! # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
//! ```
//!
//! With the feature `reqwest-0_13` or `reqwest-0_12` it sends reqwest's requests, which is one changed line a call:
//! `client.get(url).send()` becomes `prices.send(client.get(url))`. Any other client is measured by a [`Call`] that its
//! caller begins and ends, and [`Peer::headers`] are what it carries.
//!
//! | metric | changes |
//! |---|---|
//! | `client_request_duration_seconds{peer,method,status_class,outcome}` | when the response head is there, or will not come |
//! | `client_requests_started_total{peer,method}` | when a call begins |
//! | `client_in_flight_requests{peer,method}` | derived at each read: begun, and neither head nor end yet |
//!
//! Outcomes are the server's: `ok`, `client_error` (4xx) and `server_error` (5xx) by the head, `failed` for an error
//! instead of one (connection refused, the client's own timeout), `cancelled` when the caller let go, such as a timeout
//! outside, `panicked`, and `upgraded`. The body belongs to the caller and is not watched.
//!
//! Only what goes through the layer counts, once each: outside of a retry or redirect layer it is one sample with the
//! last answer, inside it is one an attempt. The redirects of reqwest are inside, so they are part of their call. Two
//! layers of one peer count twice. Waiting for the client to be ready (`poll_ready`) is not part of a call.
//!
//! ```text
//! request -> PeerClient: Call begun, headers added -> client -> head -> Call ended, exactly once
//!              '-> trace context: of the request's extensions, else the ambient one; without one, no header is sent
//! ```

mod account;
mod call;
mod instruments;
mod peer;
#[cfg(any(feature = "reqwest-0_12", feature = "reqwest-0_13"))]
#[macro_use]
mod reqwest;
#[cfg(feature = "reqwest-0_12")]
mod reqwest_0_12;
#[cfg(feature = "reqwest-0_13")]
mod reqwest_0_13;
mod service;
#[cfg(test)]
mod tests;

pub use call::Call;
pub use instruments::ClientInstruments;
pub use peer::{Peer, Propagation};
#[cfg(any(feature = "reqwest-0_12", feature = "reqwest-0_13"))]
pub use reqwest::Sendable;
pub use service::{CallFuture, PeerClient};
