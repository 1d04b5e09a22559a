//! When a person is told: rules over the catalog of metrics, and who is told.

#[cfg(feature = "notify")]
pub mod notify;

pub use crate::severity::Severity;
