//! When a person is told: rules as data over the catalog of metrics, this crate's and the service's own; and who is told.
//!
//! ```text
//! Catalog + Alerts (packs, own rules, switches) -> RuleSet -> ops: Prometheus, Alertmanager
//!                                                     |-> evaluate, in the process -> notify: people
//!                                                     '-> worst time from a fault to a page
//! ```
//!
//! A rule that names a metric or label that is not there, compares what cannot be compared, or tells its alerts apart by too
//! little does not build; see [`RuleFault`]. What each rule of this crate means is in its [`runbook`], and all of them are in
//! [the document](crate::alerts_reference).

mod contacts;
pub mod evaluate;
mod held_back;
mod inhibition;
mod maintenance;
#[cfg(feature = "notify")]
pub mod notify;
mod packs;
mod rule;
pub mod runbook;
mod set;
mod timing;

pub use contacts::{Contact, Contacts, ContactsError};
pub use held_back::HeldBack;
#[cfg(feature = "notify")]
pub(crate) use inhibition::DRILL;
pub use inhibition::muting;
pub(crate) use inhibition::{INHIBITIONS, Inhibition, Labelled};
pub use maintenance::MaintenanceInterval;
pub(crate) use rule::UNBORN_FOR;
pub use rule::{
    Across, BoundRule, Condition, GuideLine, IDENTITY, Match, Matcher, Measure, Missing, Order, Pack, Quantity, Role,
    Rule, RuleError, RuleFault, Runbook, SHORTEST_WINDOW, Selector, Source, Switch, Template, Value, metric, probe,
    role, up,
};
pub use set::{Alerts, DEFAULT_OBJECTIVE, LeftOut, MOST_PAGES, Profile, RuleSet};
pub use timing::{Pace, TARGET};

pub use crate::severity::Severity;
pub use crate::weekday::Weekday;
