//! Numbers that go to a recorder of the `metrics` facade that the host runs, instead of being kept here.
//!
//! ```text
//! Family -> FamilyCore (checks, caps, one cell a label set) -> Cell::Host -> the recorder's Counter | Gauge | Histogram
//! ```
//!
//! The registry stays the directory of families and series, with its checks and caps; only the numbers are elsewhere.
//! Without the feature these types have no values, so the compiler leaves out what handles them: a handle is one
//! pointer, and recording has no branch for this.

#[cfg(not(feature = "metrics-exporter-prometheus"))]
mod absent;
#[cfg(feature = "metrics-exporter-prometheus")]
mod buckets;
#[cfg(feature = "metrics-exporter-prometheus")]
mod counter;
#[cfg(feature = "metrics-exporter-prometheus")]
mod gauge;
#[cfg(feature = "metrics-exporter-prometheus")]
mod histogram;
#[cfg(feature = "metrics-exporter-prometheus")]
mod recorder;
#[cfg(all(test, feature = "metrics-exporter-prometheus"))]
mod tests;

use std::sync::Arc;

#[cfg(not(feature = "metrics-exporter-prometheus"))]
pub(super) use self::absent::{HostCounter, HostFamily, HostGauge, HostHistogram, HostRecorder};
#[cfg(feature = "metrics-exporter-prometheus")]
pub use self::recorder::HostRecorder;
#[cfg(feature = "metrics-exporter-prometheus")]
pub(super) use self::{counter::HostCounter, gauge::HostGauge, histogram::HostHistogram, recorder::HostFamily};

/// Where the numbers of a handle go.
#[derive(Clone, Debug)]
pub(super) enum Destination<Own, Host> {
    /// Into a cell of our registry.
    Own(Own),
    /// To a recorder of the host's.
    Host(Host),
}

/// A series whose numbers a recorder of the host's keeps.
#[derive(Clone)]
#[cfg_attr(not(feature = "metrics-exporter-prometheus"), allow(dead_code, reason = "nobody can make one then"))]
pub(super) enum HostCell {
    Counter(HostCounter),
    Gauge(HostGauge),
    Histogram(HostHistogram),
}

impl HostCell {
    pub(super) fn labels(&self) -> &Arc<str> {
        match self {
            Self::Counter(counter) => counter.labels(),
            Self::Gauge(gauge) => gauge.labels(),
            Self::Histogram(histogram) => histogram.labels(),
        }
    }
}
