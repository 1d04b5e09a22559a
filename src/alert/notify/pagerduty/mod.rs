//! PagerDuty: its Events API v2, and its REST API for those who want an incident's urgency set from here.

mod body;
mod events;
mod incidents;

pub use events::{PagerDuty, Region};
pub use incidents::PagerDutyIncidents;
