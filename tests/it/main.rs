//! The crate as a service uses it: its public API, real sockets on loopback, and no other server.
#![cfg(all(feature = "business", feature = "log", feature = "push", feature = "queue", feature = "websocket"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

#[allow(dead_code, reason = "the tests against real servers use the rest")]
#[path = "../support/http.rs"]
mod http;
#[allow(dead_code, reason = "the tests against real servers use the rest")]
#[path = "../support/poll.rs"]
mod poll;

#[cfg(feature = "full")]
#[path = "../support/everything.rs"]
mod everything;
#[path = "../support/nights.rs"]
mod nights;

#[cfg(feature = "ibkr")]
#[allow(dead_code, reason = "the tests against real clients use the rest")]
#[path = "../support/ibkr/mod.rs"]
mod ibkr_peers;

#[cfg(any(feature = "notify", feature = "otlp"))]
#[path = "../support/child.rs"]
mod child;
#[cfg(feature = "notify")]
#[path = "../support/paging/mod.rs"]
mod paging;

#[cfg(feature = "protobuf")]
#[allow(dead_code, reason = "the tests of the registry use the rest")]
#[path = "../support/protobuf.rs"]
mod protobuf;

mod client;
#[cfg(feature = "metrics-exporter-prometheus")]
mod exporter;
mod json;
mod service;

mod access_log;
#[cfg(feature = "full")]
mod alerts;
mod business;
mod business_day;
#[cfg(feature = "full")]
mod cloudwatch;
mod collect;
mod control;
mod exemplars;
#[cfg(feature = "grpc-health")]
mod grpc;
mod health;
mod host;
mod hostile;
#[cfg(feature = "ibkr")]
mod ibkr;
mod jobs;
mod ledger;
mod monitoring;
#[cfg(feature = "notify")]
mod notify;
mod options;
#[cfg(feature = "otlp")]
mod otlp;
mod outgoing;
mod propagation;
mod queue;
#[cfg(feature = "schedule")]
mod risk_day;
mod scrape;
mod secrets;
mod stop;
mod trace;
mod wire;
