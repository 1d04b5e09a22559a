//! The handle of a histogram.

use std::sync::Arc;
use std::time::Duration;

use super::cell::HistogramCell;
use super::host::{Destination, HostHistogram};

/// A series of a histogram family. Cloning shares it.
///
/// Recording is a search of the edges and two relaxed atomic adds; it allocates nothing and keeps no sample. NaN,
/// infinite samples, negative durations and those past 584 years are refused and counted as `sample_rejected`.
#[derive(Clone, Debug)]
#[must_use = "a histogram records nothing by itself"]
pub struct Histogram(pub(super) Destination<Arc<HistogramCell>, HostHistogram>);

impl Histogram {
    /// Records a sample in the family's unit.
    #[inline]
    pub fn record(&self, value: f64) {
        match &self.0 {
            Destination::Own(cell) => cell.record(value, 1),
            Destination::Host(histogram) => histogram.record(value),
        }
    }

    /// Records a duration, in seconds. Exact to the nanosecond when the family's unit is seconds.
    #[inline]
    pub fn record_duration(&self, duration: Duration) {
        match &self.0 {
            Destination::Own(cell) => cell.record_duration(duration),
            Destination::Host(histogram) => histogram.record_duration(duration),
        }
    }
}
