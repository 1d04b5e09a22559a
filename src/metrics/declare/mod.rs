//! Metrics of a service's own, from one struct: definitions that are checked when the service is compiled, handles that
//! are resolved once, and a list.
//!
//! ```text
//! closed_label! -> enum: ClosedLabel      instruments! -> struct -> register(&Meter) -> PerLabels -> handle
//!                                                          '-> DEFINITIONS (checked by the compiler)
//! ```

mod closed;
mod domain;
mod per_labels;
#[cfg(test)]
mod tests;

pub use closed::ClosedLabel;
#[doc(hidden)]
pub use closed::{check_closed_values, closed_label};
#[doc(hidden)]
pub use domain::instruments;
#[doc(hidden)]
pub use per_labels::{MOST_SERIES, PerLabels, every_value};
