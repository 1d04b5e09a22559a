//! Real servers and a raw HTTP client for integration tests.
//!
//! Each server runs on a private directory and a free port, under an unprivileged user when the tests run as root, and
//! ends with the value that stands for it. The default ports of an installed server are neither used nor disturbed.
//!
//! From the bottom: [`poll`] waits, [`port`], [`home`] and [`tool`] find a place and a program, [`daemon`] is one
//! child process with its descendants, [`server`] is a daemon that can be started again. A file per server is on top.
//!
//! [`protobuf`] reads the format of `/metrics` that no eye reads.
//!
//! A helper panics where a test could only unwrap: the panic says what was expected and shows the server's log.

#![allow(dead_code, reason = "each test binary uses the part that it needs")]

pub(crate) mod alertmanager;
pub(crate) mod cloudwatch;
pub(crate) mod daemon;
pub(crate) mod example;
pub(crate) mod guard;
pub(crate) mod home;
pub(crate) mod http;
#[cfg(feature = "full")]
pub(crate) mod ibkr;
pub(crate) mod node_exporter;
pub(crate) mod osmem;
pub(crate) mod pgbouncer;
pub(crate) mod poll;
pub(crate) mod port;
pub(crate) mod postgres;
pub(crate) mod prometheus;
pub(crate) mod promtool;
pub(crate) mod protobuf;
pub(crate) mod pushgateway;
pub(crate) mod redis;
pub(crate) mod server;
pub(crate) mod statistics;
pub(crate) mod tool;
pub(crate) mod tree;
