//! The formats in which the metrics leave the process.
//!
//! The texts are written by one encoder from the same cells, so that a series has the same identity in both: they
//! differ in their metadata and their end only. The protobuf format has the same series with the same values.

mod encode;
mod number;
pub mod openmetrics;
#[cfg(feature = "protobuf")]
pub mod protobuf;
pub mod text;

pub(super) use encode::{Frame, HISTOGRAM_PARTS, encode};
pub(super) use number::seconds;

/// A format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0. A counter whose name does not end in `_total` is `unknown` there, under its own name.
    OpenMetrics,
    /// The delimited protobuf format of Prometheus, which alone has native histograms.
    #[cfg(feature = "protobuf")]
    Protobuf,
}

impl Format {
    /// The value of the `content-type` header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => text::CONTENT_TYPE,
            Self::OpenMetrics => openmetrics::CONTENT_TYPE,
            #[cfg(feature = "protobuf")]
            Self::Protobuf => protobuf::CONTENT_TYPE,
        }
    }
}
