//! Ways out for metrics that nobody comes for: jobs that end before a scrape.
//!
//! ```text
//! ShortLived::run -> Run (RAII: one start, one outcome) -> gauges of the job in the registry
//!                     '-> Pusher (a thread for the run): Page at the start, Page at the end -> Destination
//!                                                                       Pushgateway | Textfile
//! ```
//!
//! A job is never failed and never kept from starting by a push. What a push fails with is counted
//! (`monitoring_problems_total{problem="push_failed"}`), told to the diagnostics' hook and returned beside the job's own
//! result.
//!
//! # What is pushed
//!
//! At the start: when the job started, and how often it is expected to succeed. At the end: every metric of the registry,
//! collected as for a scrape, but `process_*`, which both destinations have of their own under the same names. A success
//! replaces whatever the destination held of the job. After anything else, families that this run does not show stay, so
//! `job_last_success_timestamp_seconds` goes on telling of the run that succeeded.
//!
//! What alerts compare with the present time outlasts a success too, and each series by itself: a batch that this run left
//! out, or that had nothing to do, keeps its last success and its deadline, and a source its last update and the expected
//! interval. These are the metrics whose names end in `_last_success_timestamp_seconds`, `_deadline_timestamp_seconds`,
//! `_last_update_timestamp_seconds` or `_update_expected_interval_seconds`, a service's own too. The gateway replaces groups
//! and families only, so there each batch or source has a group of its own below that of the job, and such a metric needs a
//! label. A batch that is no more is forgotten by hand: by deleting its group at the gateway, or its lines in the file.
//!
//! # Who it is
//!
//! A scrape adds the identity of its target to every series; nobody does for what is pushed. So a push carries the job,
//! the service and the environment: as the group for the gateway, as labels of each series in a file. The instance is
//! left out, because a gateway never forgets a group: each run on another machine would leave one behind, and the alert on
//! its last success with it. A series' own label of such a name gets the prefix `exported_`, as in a scrape, unless it
//! says the same.

mod destination;
mod error;
mod instruments;
mod jobs;
mod lasting;
mod outcome;
mod page;
mod pending;
mod pusher;
#[cfg(feature = "pushgateway")]
mod pushgateway;
mod report;
mod run;
mod short_lived;
#[cfg(test)]
mod tests;
mod textfile;

#[cfg(feature = "pushgateway")]
pub use crate::transport::EndpointError;
pub use destination::Destination;
pub use error::{JobError, PushError};
pub(crate) use jobs::Jobs;
#[cfg(feature = "pushgateway")]
pub use pushgateway::Pushgateway;
pub use report::JobReport;
pub use short_lived::{DEFAULT_PUSH_DEADLINE, ShortLived};
pub use textfile::Textfile;
