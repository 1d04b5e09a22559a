//! The crate as a service uses it: its public API, real sockets on loopback, and no other server.
#![cfg(all(feature = "business", feature = "log", feature = "websocket"))]

#[allow(dead_code, reason = "the tests against real servers use the rest")]
#[path = "../support/http.rs"]
mod http;
#[allow(dead_code, reason = "the tests against real servers use the rest")]
#[path = "../support/poll.rs"]
mod poll;

mod client;
mod json;
mod service;

mod ledger;
mod trace;
mod wire;
