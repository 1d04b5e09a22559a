//! The weekly look at a PostgreSQL database: what a person should do, with the SQL for it, and nothing done unasked.
//!
//! ```text
//! Maintenance::report -- one connection, one query --> MaintenanceReport (as SQL: `to_string`)
//! Maintenance::analyze(what of it) ------------------> ANALYZE, table by table
//! ```

mod client;
mod query;
mod relation;
mod report;

pub use client::{Analyzed, DEFAULT_STALE_AFTER, Maintenance, MaintenanceError};
pub use relation::Relation;
pub use report::{BloatCandidate, IndexUse, InvalidIndex, MaintenanceReport, StaleStatistics, UnusedIndex};
