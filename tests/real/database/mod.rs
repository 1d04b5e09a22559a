//! Queries, pools and what a server tells of itself, against real servers.

#![allow(clippy::unwrap_used, reason = "bodies of tests, which are functions of their own to be generic")]

mod facts;
mod maintenance;
mod pools;

use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::database::{Database, DatabaseOptions};
use aistm7_monitoring::metrics::{Meter, Registry};

/// The metrics of one service.
struct Service {
    registry: Registry,
    database: Database,
}

impl Service {
    fn new() -> Self {
        let registry = Registry::new();
        let database = Database::register(&Meter::new(&registry), Clock::system(), DatabaseOptions::new()).unwrap();
        Self { registry, database }
    }
}
