//! When a person is told: rules over the catalog of metrics.

pub use crate::severity::Severity;
