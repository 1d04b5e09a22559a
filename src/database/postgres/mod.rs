//! What a PostgreSQL server tells of itself.
//!
//! ```text
//! scrape -> collector, on the lease's holder -- one connection, simple protocol --> sections (JSON rows) -> series
//!             |- fast: server, activity, database, locks, replication, writes
//!             '- slow: size, log files, tables and indexes (chosen once a day), statements by fingerprint
//! ```
//!
//! A section is there or missing as a whole, and `db_facts_partial` says which. Counts are the server's own, as they
//! stand: after a reset (`db_statistics_reset_timestamp_seconds`, a crash) they begin anew, which `rate()` understands.

mod chosen;
mod collector;
mod connection;
mod definitions;
mod facts;
mod fingerprint;
mod metrics;
mod queries;
mod sections;
mod server;
mod statements;

pub use facts::PostgresFacts;
pub(super) use queries::INDEX_USE;
pub(super) use sections::rows;
pub(super) use server::message;
