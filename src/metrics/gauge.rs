//! The handle of a gauge.

use std::sync::Arc;

use super::cell::GaugeCell;
use super::host::{Destination, HostGauge};

/// A series of a gauge family. Cloning shares it; setting is one relaxed atomic store and allocates nothing.
///
/// NaN is refused and counted as `sample_rejected`.
#[derive(Clone, Debug)]
#[must_use = "a gauge shows nothing by itself"]
pub struct Gauge(pub(super) Destination<Arc<GaugeCell>, HostGauge>);

impl Gauge {
    /// Sets the value.
    #[inline]
    pub fn set(&self, value: f64) {
        match &self.0 {
            Destination::Own(cell) => cell.set(value),
            Destination::Host(gauge) => gauge.set(value),
        }
    }

    /// Adds to the value; negative amounts subtract.
    #[inline]
    pub fn add(&self, by: f64) {
        match &self.0 {
            Destination::Own(cell) => cell.add(by),
            Destination::Host(gauge) => gauge.add(by),
        }
    }

    /// The present value; `None` while a gauge that is absent until set has not been set.
    #[inline]
    pub fn get(&self) -> Option<f64> {
        match &self.0 {
            Destination::Own(cell) => cell.get(),
            Destination::Host(gauge) => gauge.get(),
        }
    }
}
