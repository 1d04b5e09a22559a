//! The cell of a histogram.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::exemplar::{Exemplar, Exemplars};
#[cfg(feature = "protobuf")]
use super::native::NativeBuckets;
use super::spread::{Lines, Spread};
use super::{Recorded, Shape};
use crate::metrics::definition::Unit;
use crate::metrics::exposition::seconds;
use crate::trace::SampledSpan;

/// Fixed buckets, none of them cumulative; the last one is `+Inf`'s own.
pub(in crate::metrics) struct HistogramCell {
    shape: Arc<Shape>,
    pub(super) labels: Arc<str>,
    /// The sum, then the buckets: what small samples touch is one cache line.
    lines: Lines,
    /// What threads recorded that met another one at `lines`; each copy is of the same layout.
    pub(super) spread: Spread,
    /// Only if the family was set up so.
    #[cfg(feature = "protobuf")]
    native: Option<Box<NativeBuckets>>,
    /// Only if the registry was built so.
    exemplars: Option<Box<Exemplars>>,
}

/// Where the sum is: integer nanoseconds when the unit is seconds, else the bits of an `f64`.
const SUM: usize = 0;
const FIRST_BUCKET: usize = 1;

impl HistogramCell {
    pub(super) fn new(shape: Arc<Shape>, labels: Arc<str>) -> Self {
        // A bucket for each edge and one for +Inf.
        let lines = Lines::of(FIRST_BUCKET + shape.edges.len() + 1);
        #[cfg(feature = "protobuf")]
        let native = shape.has_native_buckets.then(|| Box::new(NativeBuckets::new(shape.unit)));
        let exemplars = shape.exemplars.clone().map(|clock| Box::new(Exemplars::new(clock)));
        Self {
            shape,
            labels,
            lines,
            spread: Spread::default(),
            #[cfg(feature = "protobuf")]
            native,
            exemplars,
        }
    }

    /// Records a sample in the family's unit. Not a number, infinite and (for seconds) negative samples and those past
    /// 584 years are refused and counted. `span` is asked if the sample may become an exemplar.
    pub(in crate::metrics) fn record(&self, value: f64, times: u64, span: impl FnOnce() -> Option<SampledSpan>) {
        if self.shape.unit == Unit::Seconds {
            return self.record_nanos(nanos_of(value).unwrap_or(TOO_LONG), times, span);
        }
        if !value.is_finite() {
            return self.shape.reject();
        }
        let bucket = self.shape.edges.partition_point(|edge| *edge < value);
        // The cast is exact up to 2^53 repetitions of one sample.
        let total = value * times as f64;
        self.add(bucket, times, |bits| (f64::from_bits(bits) + total).to_bits());
        #[cfg(feature = "protobuf")]
        if let Some(native) = &self.native {
            native.count(value, times);
        }
        self.exemplify(bucket, || value, span);
    }

    #[inline]
    pub(in crate::metrics) fn record_duration(&self, duration: Duration, span: impl FnOnce() -> Option<SampledSpan>) {
        if self.shape.unit == Unit::Seconds {
            self.record_nanos(u64::try_from(duration.as_nanos()).unwrap_or(TOO_LONG), 1, span);
        } else {
            self.record(duration.as_secs_f64(), 1, span);
        }
    }

    #[inline]
    fn record_nanos(&self, nanos: u64, times: u64, span: impl FnOnce() -> Option<SampledSpan>) {
        if nanos == TOO_LONG {
            return self.shape.reject();
        }
        let bucket = self.shape.nanos_above.partition_point(|above| *above <= nanos);
        let total = nanos.saturating_mul(times);
        self.add(bucket, times, |sum| sum.wrapping_add(total));
        #[cfg(feature = "protobuf")]
        if let Some(native) = &self.native {
            native.count_nanos(nanos, times);
        }
        self.exemplify(bucket, || seconds(nanos), span);
    }

    #[inline]
    fn add(&self, bucket: usize, times: u64, sum: impl Fn(u64) -> u64) {
        let words = self.spread.own().unwrap_or(self.lines.words());
        words.at(FIRST_BUCKET + bucket).fetch_add(times, Ordering::Relaxed);
        let (place, mut seen) = (words.at(SUM), words.at(SUM).load(Ordering::Relaxed));
        while let Err(other) = place.compare_exchange(seen, sum(seen), Ordering::Relaxed, Ordering::Relaxed) {
            seen = other;
            self.spread.collided(self.lines.words().count());
        }
    }

    /// The native buckets, if there are any.
    #[cfg(feature = "protobuf")]
    pub(in crate::metrics) fn native(&self) -> Option<&NativeBuckets> {
        self.native.as_deref()
    }

    /// Offers a sample as an exemplar once it is counted, so that whoever sees the exemplar sees the count.
    #[inline]
    fn exemplify(&self, bucket: usize, value: impl FnOnce() -> f64, span: impl FnOnce() -> Option<SampledSpan>) {
        if let Some(exemplars) = &self.exemplars
            && let Some(span) = span()
        {
            exemplars.offer(span, bucket, value());
        }
    }

    /// What shows where samples came from, if the series keeps that: at most one a bucket. To be read before the buckets.
    pub(in crate::metrics) fn exemplars(&self) -> Option<[Option<Exemplar>; 2]> {
        self.exemplars.as_ref().map(|exemplars| exemplars.read())
    }

    pub(super) fn recorded(&self) -> Recorded {
        Recorded(self.buckets().fold(0, u64::wrapping_add))
    }

    /// Reads one word of each cache line.
    #[inline]
    pub(super) fn touch(&self) -> u64 {
        self.lines.each_line().map(|word| word.load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }

    /// The samples in each bucket, from the lowest; the last one is `+Inf`'s own.
    pub(in crate::metrics) fn buckets(&self) -> impl Iterator<Item = u64> {
        let buckets = FIRST_BUCKET..FIRST_BUCKET + self.shape.edges.len() + 1;
        let spread = self.spread.has_copies().then_some(&self.spread);
        buckets.map(move |at| {
            let elsewhere = spread.map_or(0, |spread| spread.total(at));
            self.lines.words().at(at).load(Ordering::Relaxed).wrapping_add(elsewhere)
        })
    }

    pub(in crate::metrics) fn sum(&self) -> Sum {
        let word = self.lines.words().at(SUM).load(Ordering::Relaxed);
        match self.shape.unit {
            Unit::Seconds => Sum::Nanos(word.wrapping_add(self.spread.total(SUM))),
            _ => Sum::Number(self.spread.words(SUM).map(f64::from_bits).fold(f64::from_bits(word), |a, b| a + b)),
        }
    }
}

/// The sum of a histogram's samples.
#[derive(Clone, Copy)]
pub(in crate::metrics) enum Sum {
    /// Of seconds.
    Nanos(u64),
    Number(f64),
}

impl Sum {
    pub(in crate::metrics) fn as_f64(self) -> f64 {
        match self {
            Self::Nanos(nanos) => seconds(nanos),
            Self::Number(number) => number,
        }
    }
}

/// What stands for every duration that the nanoseconds of a `u64` do not reach. One in a sum would make it go back.
const TOO_LONG: u64 = u64::MAX;

/// Seconds as whole nanoseconds, at most [`TOO_LONG`]; `None` for what is no duration.
pub(in crate::metrics) fn nanos_of(seconds: f64) -> Option<u64> {
    // The cast saturates, and cuts what half a nanosecond has rounded up. Cheaper than `round`, which is a call.
    (seconds.is_finite() && seconds >= 0.0).then_some((seconds * 1e9 + 0.5) as u64)
}

impl fmt::Debug for HistogramCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.buckets()).finish()
    }
}
