//! Runs checks: one thread keeps the schedule, each run has a thread of its own.
//!
//! ```text
//! Schedule (thread) -- due --> Run (thread): runtime.block_on(check) or abort -- RunEnd --> Shared inbox, Alarm
//!     ^ '-- due --> Bid (thread) for the lease of a shared check -- Standing -------------------->|
//!     |                                                                                        |
//!     '---- Tracked: thresholds, deadlines, gate, metrics, transitions <-----------------------'
//!                 '-> HealthReport, published for readers
//! ```
//!
//! Threads, because a check may block: on a task of the host's runtime it would hold up requests, and on a runtime with
//! one thread everything. The schedule holds no handle of the user's; when the last one is dropped it ends and aborts
//! what runs.

mod gate;
mod refresh;
mod run;
mod schedule;
mod share;
mod shared;
mod tenure;
mod tracked;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub(super) use schedule::Schedule;
pub(super) use share::Share;
pub(super) use shared::Shared;
pub(super) use tracked::Tracked;

/// How long `/health/startup` waits for the first results. Chosen: longer than any standard check's first run, and
/// shorter than what orchestrators usually allow a start.
pub const STARTUP_LIMIT: Duration = Duration::from_secs(30);

/// How long a [`Gates::Ready`](super::Gates::Ready) check holds `/health/ready` back before it is let go: a dependency
/// that all replicas share must not keep all of them away for ever. Chosen: longer than a failover, shorter than an
/// incident.
pub const GATE_LIMIT: Duration = Duration::from_secs(300);

/// How long after its timeout an aborted run may still take to end before it is stuck. Chosen: far more than a thread
/// that is not blocked needs, also on a machine without idle cores.
pub const STUCK_AFTER: Duration = Duration::from_secs(1);
