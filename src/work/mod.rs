//! What slices measure work with: how it ended, how long it took, and label values that are types.
//!
//! ```text
//! slice -> Timer (RAII, ends once) -> Record -> PerValue<Outcome, handle> -> GET /metrics
//! ```
//!
//! Private: each slice shows the types that its users meet.

mod base;
mod by_outcome;
mod label;
mod outcome;
mod per_name;
mod timed;
mod timer;

pub(crate) use base::{Base, set_count, set_duration};
pub(crate) use by_outcome::{counters_by_outcome, durations_by_outcome, timed};
pub use label::NameLabel;
pub(crate) use label::sealed::FromDeclared;
pub(crate) use label::{PerValue, closed_label, name_label};
pub use outcome::Outcome;
pub(crate) use per_name::PerName;
pub use timed::Timed;
pub use timer::Timer;
pub(crate) use timer::{Record, execute, execute_async};
