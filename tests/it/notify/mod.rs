//! Alerts on their way to people, against stand-ins that hold the documented limits.

mod deliveries;
mod drills;
mod killed;
mod lost;
mod notifiers;
mod others;
mod replicas;

use std::time::{Duration, SystemTime};

use aistm7_monitoring::alert::Severity;
use aistm7_monitoring::alert::notify::{Alert, Origin};

/// The moment at which the held clocks stand.
fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_737_541_800)
}

/// An alert of production that pages.
fn critical(rule: &str) -> Alert {
    Alert::firing(Origin::new("risk-analysis", "prod"), rule, Severity::Critical, start())
        .summary("Something is wrong.")
        .runbook("https://runbooks.example.com/x")
}
