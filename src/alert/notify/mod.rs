//! Who is told of alerts, and how it is made sure that they are.
//!
//! ```text
//! Alert (newest state) -> Notice (alerts that are told together) -> Notifier -> PagerDuty | Slack | ...
//! ```

mod alert;
mod alertmanager;
mod change;
mod delivery;
mod drill;
mod error;
mod fingerprint;
mod heartbeat;
mod notifier;
mod of_rule;
mod pagerduty;
mod slack;
mod spool;
mod text;
mod webhook;

pub use alert::{Alert, AlertStatus, Origin};
pub use alertmanager::Alertmanager;
pub use change::Change;
pub use delivery::{
    DEFAULT_CAPACITY, DEFAULT_SPOOL_BYTES, Delivery, DeliveryBuilder, DeliveryError, Replicas, Route, Silence,
};
pub use drill::{Drill, DrillError};
pub use error::NotifyError;
pub use fingerprint::Fingerprint;
pub use heartbeat::Heartbeat;
pub use notifier::{Belief, Grouping, Merging, Notice, Notifier, Profile, Rate, Receipt, Told};
pub use pagerduty::{PagerDuty, PagerDutyIncidents, Region};
pub use slack::{SlackBot, SlackWebhook};
pub use webhook::Webhook;

pub use crate::transport::EndpointError;
