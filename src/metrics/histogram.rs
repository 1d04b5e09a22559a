//! The handle of a histogram.

use std::sync::Arc;
use std::time::Duration;

use super::cell::HistogramCell;
use super::host::{Destination, HostHistogram};
use crate::trace::{self, SampledSpan, TraceContext};

/// A series of a histogram family. Cloning shares it.
///
/// Recording is a search of the edges and two relaxed atomic adds; it allocates nothing and keeps no sample. NaN,
/// infinite samples, negative durations and those past 584 years are refused and counted as `sample_rejected`.
///
/// With [`RegistryOptions::exemplars`](super::RegistryOptions::exemplars) a sample is also a candidate for an exemplar of
/// the thread's present trace.
#[derive(Clone, Debug)]
#[must_use = "a histogram records nothing by itself"]
pub struct Histogram(pub(super) Destination<Arc<HistogramCell>, HostHistogram>);

impl Histogram {
    /// Records a sample in the family's unit.
    #[inline]
    pub fn record(&self, value: f64) {
        match &self.0 {
            Destination::Own(cell) => cell.record(value, 1, trace::current_sampled_span),
            Destination::Host(histogram) => histogram.record(value),
        }
    }

    /// Records a duration, in seconds. Exact to the nanosecond when the family's unit is seconds.
    #[inline]
    pub fn record_duration(&self, duration: Duration) {
        self.record_duration_of(duration, trace::current_sampled_span);
    }

    /// As [`Histogram::record_duration`], for work whose trace is known: an exemplar names this context, not the thread's
    /// present one; `None` is work outside a trace. For what is measured where its context is not, or not surely, present.
    #[inline]
    pub fn record_duration_in(&self, duration: Duration, context: Option<&TraceContext>) {
        self.record_duration_of(duration, || context?.sampled_span());
    }

    #[inline]
    fn record_duration_of(&self, duration: Duration, span: impl FnOnce() -> Option<SampledSpan>) {
        match &self.0 {
            Destination::Own(cell) => cell.record_duration(duration, span),
            Destination::Host(histogram) => histogram.record_duration(duration),
        }
    }
}
