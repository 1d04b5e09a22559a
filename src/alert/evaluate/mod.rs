//! Alerts without a Prometheus: the rules evaluated in the process that they are about.
//!
//! ```text
//! thread, every 15 s: registry -> Snapshot -> history (the series that rules look at) -> conditions -> states of alerts
//!                                                                      GET /alerts, alert_active, on_change <-'
//! ```
//!
//! Conditions mean what their PromQL means to Prometheus 2.42, which a test compares evaluation by evaluation: samples within
//! windows, extrapolated rates, counters that begin anew, quantiles of buckets, series that vanish, `for`, `keep_firing_for`
//! and thresholds for clearing. What differs:
//!
//! - Samples are taken when rules are evaluated, so nothing lies between a sample and its evaluation.
//! - An alert that fired and of whose group nothing is known any more is [`AlertState::NoData`], where Prometheus says that it
//!   is resolved. Both end it at once, unless the rule says otherwise ([`Missing`](crate::alert::Missing)).
//! - A restart forgets all samples and alerts.
//! - What one process cannot know is refused when rules are set up: see [`Refusal`].
//!
//! Of several replicas, each evaluates what it sees of its own share: a ratio, a quantile or a mean is that of its requests, a
//! count that is high enough by itself is so for all. A threshold that is a count, such as a least number of errors, so
//! takes a replica's own; the rule is then as much less sensitive. What only all of them can know, such as when something
//! last succeeded anywhere, is refused.
//!
//! A process that is gone evaluates nothing: let something outside watch for it.

mod alert;
mod evaluating;
mod evaluator;
mod history;
mod instruments;
mod look;
mod need;
mod options;
mod quantile;
mod refusal;
mod report;
mod share;
mod state;
#[cfg(feature = "notify")]
mod telling;
#[cfg(test)]
mod tests;
mod vector;

pub use alert::{ActiveAlert, AlertChange};
pub use evaluating::{EvaluateError, Evaluating};
pub use evaluator::Evaluator;
pub use options::{DEFAULT_GRACE, DEFAULT_LONGEST_WINDOW, DEFAULT_MEMORY, Evaluation, SHORTEST_INTERVAL};
#[cfg(feature = "notify")]
pub(super) use refusal::INSTANCE;
pub use refusal::{Refusal, Refused};
pub use report::{AlertReport, RuleStatus};
pub use state::AlertState;
