//! Where the numbers are: one cell a series, made of atomics.
//!
//! Every ordering here is `Relaxed`: a cell is a lone number whose readers (scrapes) need no other memory to be
//! visible with it. Where two cells must be read in an order, the reader of both says so.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::definition::{Kind, Unit};
use crate::diagnostics::{Diagnostics, Problem};

/// What is shared by the cells of one family.
pub(super) struct Shape {
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    pub(super) edges: Box<[f64]>,
    /// The edges in nanoseconds, when the unit is seconds.
    edges_nanos: Box<[u64]>,
    absent_until_set: bool,
    diagnostics: Diagnostics,
}

impl Shape {
    pub(super) fn new(kind: Kind, unit: Unit, edges: &[f64], absent_until_set: bool, diagnostics: Diagnostics) -> Self {
        let edges_nanos = match unit {
            Unit::Seconds => edges.iter().filter_map(|edge| nanos_of(*edge)).collect(),
            _ => Box::default(),
        };
        Self { kind, unit, edges: edges.into(), edges_nanos, absent_until_set, diagnostics }
    }

    fn reject(&self) {
        self.diagnostics.count(Problem::SampleRejected);
    }
}

/// The storage of one series.
#[derive(Clone)]
pub(super) enum Cell {
    Counter(Arc<CounterCell>),
    Gauge(Arc<GaugeCell>),
    Histogram(Arc<HistogramCell>),
    /// Computed whenever somebody reads it.
    ObservedCounter(Arc<dyn Fn() -> u64 + Send + Sync>),
    /// Computed whenever somebody reads it; `None` is absent.
    ObservedGauge(Arc<dyn Fn() -> Option<f64> + Send + Sync>),
}

impl Cell {
    pub(super) fn new(shape: &Arc<Shape>) -> Self {
        match shape.kind {
            Kind::Counter => Self::Counter(Arc::new(CounterCell::default())),
            Kind::Gauge => Self::Gauge(Arc::new(GaugeCell::new(Arc::clone(shape)))),
            Kind::Histogram => Self::Histogram(Arc::new(HistogramCell::new(Arc::clone(shape)))),
        }
    }
}

/// Counts whole things, or nanoseconds when the family's unit is seconds.
#[derive(Default)]
pub(super) struct CounterCell(AtomicU64);

impl CounterCell {
    #[inline]
    pub(super) fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// Raises the counter to `value`; a counter never goes back.
    pub(super) fn raise(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) struct GaugeCell {
    bits: AtomicU64,
    shape: Arc<Shape>,
}

/// A bit pattern that arithmetic never produces: a NaN with a payload of ours.
const UNSET: u64 = 0x7ff8_a15f_0000_0007;

impl GaugeCell {
    fn new(shape: Arc<Shape>) -> Self {
        let bits = if shape.absent_until_set { UNSET } else { 0f64.to_bits() };
        Self { bits: AtomicU64::new(bits), shape }
    }

    pub(super) fn set(&self, value: f64) {
        if value.is_nan() {
            return self.shape.reject();
        }
        self.bits.store(value.to_bits(), Ordering::Relaxed);
    }

    pub(super) fn add(&self, by: f64) {
        if !by.is_finite() {
            return self.shape.reject();
        }
        let sum = |bits| if bits == UNSET { by } else { f64::from_bits(bits) + by };
        self.bits.update(Ordering::Relaxed, Ordering::Relaxed, |bits| sum(bits).to_bits());
    }

    /// `None` until first set, for gauges that are absent until then.
    pub(super) fn get(&self) -> Option<f64> {
        let bits = self.bits.load(Ordering::Relaxed);
        (bits != UNSET).then(|| f64::from_bits(bits))
    }
}

pub(super) struct HistogramCell {
    shape: Arc<Shape>,
    /// Not cumulative; the last one is `+Inf`'s own.
    buckets: Box<[AtomicU64]>,
    /// Integer nanoseconds when the unit is seconds, else the bits of an `f64`.
    sum: AtomicU64,
}

impl HistogramCell {
    fn new(shape: Arc<Shape>) -> Self {
        let buckets = (0..=shape.edges.len()).map(|_| AtomicU64::new(0)).collect();
        Self { shape, buckets, sum: AtomicU64::new(0) }
    }

    /// Records a sample in the family's unit. Not a number, infinite and (for seconds) negative samples are refused
    /// and counted.
    pub(super) fn record(&self, value: f64, times: u64) {
        if self.shape.unit == Unit::Seconds {
            return match nanos_of(value) {
                Some(nanos) => self.record_nanos(nanos, times),
                None => self.shape.reject(),
            };
        }
        if !value.is_finite() {
            return self.shape.reject();
        }
        self.count(self.shape.edges.partition_point(|edge| *edge < value), times);
        // The cast is exact up to 2^53 repetitions of one sample.
        let total = value * times as f64;
        self.sum.update(Ordering::Relaxed, Ordering::Relaxed, |bits| (f64::from_bits(bits) + total).to_bits());
    }

    #[inline]
    pub(super) fn record_duration(&self, duration: Duration) {
        if self.shape.unit == Unit::Seconds {
            self.record_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), 1);
        } else {
            self.record(duration.as_secs_f64(), 1);
        }
    }

    #[inline]
    fn record_nanos(&self, nanos: u64, times: u64) {
        self.count(self.shape.edges_nanos.partition_point(|edge| *edge < nanos), times);
        self.sum.fetch_add(nanos.saturating_mul(times), Ordering::Relaxed);
    }

    #[inline]
    fn count(&self, bucket: usize, times: u64) {
        self.buckets[bucket].fetch_add(times, Ordering::Relaxed);
    }

    pub(super) fn buckets(&self) -> Vec<u64> {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect()
    }

    pub(super) fn sum(&self) -> f64 {
        let raw = self.sum.load(Ordering::Relaxed);
        match self.shape.unit {
            Unit::Seconds => Duration::from_nanos(raw).as_secs_f64(),
            _ => f64::from_bits(raw),
        }
    }
}

/// Seconds as whole nanoseconds; `None` for what is no duration. Durations past 584 years are held at that.
pub(super) fn nanos_of(seconds: f64) -> Option<u64> {
    // The cast saturates and its operand is not negative.
    (seconds.is_finite() && seconds >= 0.0).then(|| (seconds * 1e9).round() as u64)
}

impl fmt::Debug for CounterCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

impl fmt::Debug for GaugeCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.get())
    }
}

impl fmt::Debug for HistogramCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.buckets())
    }
}
