//! The registry as a whole: against a model, under threads, and before Prometheus's own judge.

mod exemplars;
mod model;
#[cfg(feature = "protobuf")]
mod protobuf;
mod scrape;
mod threads;

#[path = "../support/mod.rs"]
mod support;
