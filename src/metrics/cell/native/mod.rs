//! Native buckets: as many and as narrow as the samples need, without edges that somebody has to choose.
//!
//! ```text
//! sample -> index (exact) -> block of its doubling, born when first used -> one atomic add
//! scrape -> reading (at most 160 buckets, else coarser ones) -> spans and deltas
//! ```
//!
//! A sample is counted in the schema 3 of Prometheus: so that a quantile is at most 9 % off.

mod index;
mod reading;
mod sparse;

use std::num::NonZeroU64;
use std::sync::atomic::Ordering;

use self::index::{HIGHEST_OF_NANOS, HIGHEST_OF_NUMBERS, LOWEST_OF_NANOS};
pub(in crate::metrics) use self::reading::NativeReading;
use self::reading::Sign;
use self::sparse::Sparse;
use crate::metrics::definition::Unit;
use crate::sync::{AtomicU64, OnceLock};

/// Samples up to this size, of either sign, are counted as 0: 2^-128, as Prometheus's own libraries have it, so that
/// their histograms and these add up as they are. Of seconds only 0 itself, which is less than half a nanosecond.
pub(in crate::metrics) const ZERO_THRESHOLD: f64 = 1.0 / (1u128 << 127) as f64 / 2.0;

/// The index of the lowest bucket above [`ZERO_THRESHOLD`].
const LOWEST_OF_NUMBERS: i32 = -1023;

/// The native buckets of one series.
///
/// Memory: a cache line for each doubling in which there are samples, and half a KiB for each 32 of those. Seconds reach
/// over 65 doublings at most, other numbers over 1,152 of each sign.
pub(in crate::metrics) struct NativeBuckets {
    lowest: i32,
    zero: AtomicU64,
    positive: Sparse,
    /// By the sample's size.
    negative: OnceLock<Box<Sparse>>,
}

impl NativeBuckets {
    pub(super) fn new(unit: Unit) -> Self {
        let lowest = match unit {
            Unit::Seconds => LOWEST_OF_NANOS,
            _ => LOWEST_OF_NUMBERS,
        };
        let positive = match unit {
            Unit::Seconds => Sparse::of(places(LOWEST_OF_NANOS, HIGHEST_OF_NANOS)),
            _ => numbers(),
        };
        Self { lowest, zero: AtomicU64::new(0), positive, negative: OnceLock::new() }
    }

    /// Counts a finite sample of a family that is not in seconds.
    pub(super) fn count(&self, value: f64, times: u64) {
        let size = value.abs();
        if size <= ZERO_THRESHOLD {
            self.zero.fetch_add(times, Ordering::Relaxed);
        } else if value > 0.0 {
            self.positive.add(self.place(index::of_number(size)), times);
        } else {
            let negative = self.negative.get_or_init(|| Box::new(numbers()));
            negative.add(self.place(index::of_number(size)), times);
        }
    }

    /// Counts a sample of a family in seconds.
    #[inline]
    pub(super) fn count_nanos(&self, nanos: u64, times: u64) {
        match NonZeroU64::new(nanos) {
            Some(nanos) => self.positive.add(self.place(index::of_nanos(nanos)), times),
            None => {
                self.zero.fetch_add(times, Ordering::Relaxed);
            }
        }
    }

    /// Reads each bucket once.
    pub(in crate::metrics) fn read(&self) -> NativeReading {
        let mut reading = NativeReading::new(self.zero.load(Ordering::Relaxed));
        // The cast is of fewer than 10,000 places.
        let index = |place: usize| self.lowest + place as i32;
        if let Some(negative) = self.negative.get() {
            negative.each_counted(|place, count| reading.add(Sign::Negative, index(place), count));
        }
        self.positive.each_counted(|place, count| reading.add(Sign::Positive, index(place), count));
        reading
    }

    fn place(&self, index: i32) -> usize {
        // The cast is of no negative number: no index is below the lowest.
        (index - self.lowest) as usize
    }
}

fn numbers() -> Sparse {
    Sparse::of(places(LOWEST_OF_NUMBERS, HIGHEST_OF_NUMBERS))
}

const fn places(lowest: i32, highest: i32) -> usize {
    // The cast is of a positive number.
    (highest - lowest + 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_number_is_counted_where_it_belongs() {
        let buckets = NativeBuckets::new(Unit::Bytes);
        assert_eq!(ZERO_THRESHOLD, 2f64.powi(-128));
        for zero in [0.0, -0.0, f64::MIN_POSITIVE, -5e-324, ZERO_THRESHOLD, -ZERO_THRESHOLD] {
            buckets.count(zero, 1);
        }
        for number in [ZERO_THRESHOLD.next_up(), 1.0, 1.1, 2.0, f64::MAX] {
            buckets.count(number, 1);
            buckets.count(-number, 2);
        }
        let reading = buckets.read();
        assert_eq!((reading.schema, reading.zero, reading.count()), (3, 6, 21));
        let positive = [(-1023, 1), (0, 1), (2, 1), (8, 1), (8192, 1)];
        assert_eq!(reading.positive(), positive);
        assert_eq!(reading.negative(), positive.map(|(index, count)| (index, 2 * count)));
    }

    #[test]
    fn every_duration_is_counted_where_it_belongs() {
        let buckets = NativeBuckets::new(Unit::Seconds);
        for nanos in [0, 1, 1_000_000_000, 1_000_000_001, u64::MAX] {
            buckets.count_nanos(nanos, 3);
        }
        let reading = buckets.read();
        assert_eq!((reading.zero, reading.count()), (3, 15));
        assert_eq!(reading.positive(), [(-239, 3), (0, 3), (1, 3), (273, 3)]);
    }
}
