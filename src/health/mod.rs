//! Whether the service and what it depends on work: checks on their own schedule, answers from memory.
//!
//! ```text
//! HealthCheck -> runner (schedule, timeout, panic fence) -> thresholds -> HealthReport -> Health::summary, ready, …
//!                                                            '-> metrics, one event and one Transition a change
//! ```
//!
//! No request ever runs a check, and no check can hold up a request or another check: each run has a thread of its own,
//! and an answer that got old says so.
//!
//! A check is a type with an `async fn`, or a closure:
//!
//! ```
//! use aistm7_monitoring::clock::Clock;
//! use aistm7_monitoring::drain::Drain;
//! use aistm7_monitoring::health::{CheckFailure, CheckOptions, CheckReport, Health, HealthCheck, Registered, check_fn};
//! use aistm7_monitoring::metrics::{Meter, Registry};
//!
//! struct Ledger;
//!
//! impl HealthCheck for Ledger {
//!     async fn check(&self) -> Result<CheckReport, CheckFailure> {
//!         let open_books = 2_u64; // ask the dependency here
//!         if open_books == 0 {
//!             return Err(CheckFailure::new("no_open_book", "every book is closed"));
//!         }
//!         Ok(CheckReport::healthy().with_data("open_books", open_books))
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let checks = vec![
//!     Registered::new("ledger", Ledger),
//!     Registered::new("disk", check_fn(|| async { Ok(CheckReport::healthy()) })),
//! ];
//! let runtime = tokio::runtime::Handle::current();
//! let health = Health::start(checks, Clock::system(), Drain::new(), &Meter::new(&Registry::new()), runtime)?;
//! while !health.report().is_started() {
//!     tokio::task::yield_now().await;
//! }
//! assert_eq!(
//!     health.summary().body,
//!     r#"{"status":"healthy","checks":{"ledger":{"status":"healthy"},"disk":{"status":"healthy"}}}"#,
//! );
//! # Ok(())
//! # }
//! ```
//!
//! # What the answers mean
//! | question | answer |
//! |---|---|
//! | [`Health::summary`], [`Health::details`] | `healthy` when every check is; `unhealthy` (503) when a check with [`Impact::Unhealthy`] is; else `degraded` (200). `unknown` counts as degraded |
//! | [`Health::live`] | 200: the process answers. Dependencies never matter; a stalled runtime does if [`Liveness`] says so |
//! | [`Health::startup`] | 200 once every check has a first result, whatever it says, or after [`STARTUP_LIMIT`] |
//! | [`Health::ready`] | 200 when started, not draining and not held by a [`Gates::Ready`] check, which holds for [`GATE_LIMIT`] at most |
//!
//! # How a check's status comes about
//! A report counts at once, except that leaving `unhealthy` takes as many reports in a row as the recovery threshold
//! says; the very first success never waits. A failed run changes the status only when it completes a row of as many
//! failures as the failure threshold says; until then the next run comes after a third of the interval. `timeout`,
//! `panicked`, `stuck` and `stale` are failed runs. A run whose thread is still blocked [`STUCK_AFTER`] its timeout is
//! `stuck`: no other run of that check starts before it returns, and each one that would have been due counts as failed.
//!
//! With the feature `maintenance` a check can have windows in which its dependency may be down: an outage that begins
//! inside one is degraded, with the reason `maintenance`, until the window and its grace are over.
//!
//! # Metrics
//! `health_check_status`, `health_check_info`, `health_check_maintenance`, `health_check_duration_seconds`,
//! `health_check_last_success_timestamp_seconds`, `health_check_transitions_total`,
//! `health_gate_failed_open_total`, `tls_certificate_not_after_timestamp_seconds`; each is explained by its `# HELP` line.

mod answer;
mod check;
mod checks;
mod error;
mod fleet;
mod handle;
mod ietf;
mod instruments;
mod json;
#[cfg(feature = "maintenance")]
mod maintenance;
mod options;
mod outcome;
mod report;
mod runner;
mod settings;
mod state;
mod status;
mod transition;
mod watchdog;
mod words;

pub use crate::metrics::Scope;
pub use crate::severity::Severity;
pub use answer::{Answer, View};
pub use check::{HealthCheck, Registered, check_fn};
pub use checks::*;
pub use error::HealthError;
pub(crate) use fleet::Fleet;
pub(crate) use handle::Surroundings;
pub use handle::{Health, Liveness};
#[cfg(feature = "metrics-exporter-prometheus")]
pub(crate) use instruments::declare;
#[cfg(feature = "ibkr-tws")]
pub use maintenance::IbkrMaintenance;
#[cfg(feature = "maintenance")]
pub use maintenance::{LONGEST_GRACE, Maintenance, MaintenanceWindow, Weekday};
pub use options::CheckOptions;
pub use outcome::{CheckFailure, CheckReport, Datum};
pub use report::{CheckState, HealthReport, LastFailure};
pub use runner::{GATE_LIMIT, STARTUP_LIMIT, STUCK_AFTER};
pub use status::{ComponentKind, Gates, Impact, Status};
pub use transition::{Transition, Transitions};
