//! The handle of a gauge.

use std::sync::Arc;

use super::cell::GaugeCell;

/// A series of a gauge family. Cloning shares it; setting is one relaxed atomic store and allocates nothing.
///
/// NaN is refused and counted as `sample_rejected`.
#[derive(Clone, Debug)]
#[must_use = "a gauge shows nothing by itself"]
pub struct Gauge(pub(super) Arc<GaugeCell>);

impl Gauge {
    /// Sets the value.
    #[inline]
    pub fn set(&self, value: f64) {
        self.0.set(value);
    }

    /// Adds to the value; negative amounts subtract.
    #[inline]
    pub fn add(&self, by: f64) {
        self.0.add(by);
    }

    /// The present value; `None` while a gauge that is absent until set has not been set.
    #[inline]
    pub fn get(&self) -> Option<f64> {
        self.0.get()
    }
}
