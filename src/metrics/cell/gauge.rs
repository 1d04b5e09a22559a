//! The cell of a gauge.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Shape;
use crate::sync::AtomicU64;

pub(in crate::metrics) struct GaugeCell {
    /// Of an `f64`.
    bits: AtomicU64,
    pub(in crate::metrics) labels: Arc<str>,
    shape: Arc<Shape>,
}

/// A bit pattern that arithmetic never produces: a NaN with a payload of ours.
const UNSET: u64 = 0x7ff8_a15f_0000_0007;

impl GaugeCell {
    pub(in crate::metrics) fn new(shape: Arc<Shape>, labels: Arc<str>) -> Self {
        let bits = if shape.absent_until_set { UNSET } else { 0f64.to_bits() };
        Self { bits: AtomicU64::new(bits), labels, shape }
    }

    pub(in crate::metrics) fn set(&self, value: f64) {
        if value.is_nan() {
            return self.shape.reject();
        }
        self.bits.store(value.to_bits(), Ordering::Relaxed);
    }

    pub(in crate::metrics) fn add(&self, by: f64) {
        if !by.is_finite() {
            return self.shape.reject();
        }
        let sum = |bits| if bits == UNSET { by } else { f64::from_bits(bits) + by };
        self.bits.update(Ordering::Relaxed, Ordering::Relaxed, |bits| sum(bits).to_bits());
    }

    /// `None` until first set, for gauges that are absent until then.
    pub(in crate::metrics) fn get(&self) -> Option<f64> {
        let bits = self.bits.load(Ordering::Relaxed);
        (bits != UNSET).then(|| f64::from_bits(bits))
    }
}

impl fmt::Debug for GaugeCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.get())
    }
}
