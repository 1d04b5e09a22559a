//! The formats in which the metrics leave the process.
//!
//! Both are written by one encoder from the same cells, so that a series has the same identity in both: they differ
//! in their metadata and their end only.

mod encode;
mod number;
pub mod openmetrics;
pub mod text;

pub(super) use encode::{Frame, HISTOGRAM_PARTS, encode};

/// A format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0. A counter whose name does not end in `_total` is `unknown` there, under its own name.
    OpenMetrics,
}

impl Format {
    /// The value of the `content-type` header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => text::CONTENT_TYPE,
            Self::OpenMetrics => openmetrics::CONTENT_TYPE,
        }
    }
}
