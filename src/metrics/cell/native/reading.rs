//! The native buckets of a series at one moment.

use super::index::SCHEMA;

/// Native buckets as they are shown. The count is what they add up to, so that it never disagrees with them.
///
/// If there are more than [`MOST_BUCKETS`], two neighbours become one, which lowers the schema by one: it is the schema
/// that would have been counted in, and no boundary moves.
pub(in crate::metrics) struct NativeReading {
    /// 2^schema buckets to each doubling.
    pub(in crate::metrics) schema: i32,
    /// Samples that are 0, or as near to it as [`ZERO_THRESHOLD`](super::ZERO_THRESHOLD).
    pub(in crate::metrics) zero: u64,
    /// Index and count of each that has samples: first the negative ones, by their samples' sizes, then the others.
    buckets: [(i32, u64); MOST_BUCKETS],
    negative: usize,
    len: usize,
}

/// Chosen: what OpenTelemetry's libraries keep to; room for positive samples that differ by a factor of a million at the
/// finest schema. At a schema of -4, all numbers that there are, of both signs, need fewer.
pub(in crate::metrics) const MOST_BUCKETS: usize = 160;

/// Which side of zero samples are on.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    Negative,
    Positive,
}

impl NativeReading {
    pub(super) fn new(zero: u64) -> Self {
        Self { schema: SCHEMA, zero, buckets: [(0, 0); MOST_BUCKETS], negative: 0, len: 0 }
    }

    /// Counts in the last bucket of a sign, or in one above it. The negative ones come first.
    pub(super) fn add(&mut self, sign: Sign, index: i32, count: u64) {
        loop {
            let first = match sign {
                Sign::Negative => 0,
                Sign::Positive => self.negative,
            };
            let index = (self.schema..SCHEMA).fold(index, |index, _| coarser(index));
            let is_there = self.buckets[first..self.len].last().is_some_and(|(last, _)| *last == index);
            if is_there || self.len < MOST_BUCKETS {
                self.push(first, index, count);
                break;
            }
            self.coarsen();
        }
        if matches!(sign, Sign::Negative) {
            self.negative = self.len;
        }
    }

    /// How many samples there are.
    pub(in crate::metrics) fn count(&self) -> u64 {
        self.buckets[..self.len].iter().fold(self.zero, |sum, (_, count)| sum.wrapping_add(*count))
    }

    /// Index and count of each bucket of negative samples, by their size.
    pub(in crate::metrics) fn negative(&self) -> &[(i32, u64)] {
        &self.buckets[..self.negative]
    }

    /// Index and count of each bucket of positive samples.
    pub(in crate::metrics) fn positive(&self) -> &[(i32, u64)] {
        &self.buckets[self.negative..self.len]
    }

    fn coarsen(&mut self) {
        let (negative, all) = (self.negative, self.len);
        self.len = 0;
        for fine in [0..negative, negative..all] {
            // Those of the first sign begin at 0, and those of the second where the first ended.
            self.negative = self.len;
            for at in fine {
                let (index, count) = self.buckets[at];
                self.push(self.negative, coarser(index), count);
            }
        }
        self.schema -= 1;
    }

    /// Adds to the last bucket of those from `first`, or behind it.
    fn push(&mut self, first: usize, index: i32, count: u64) {
        match self.buckets[first..self.len].last_mut() {
            Some((last, sum)) if *last == index => *sum = sum.wrapping_add(count),
            _ => {
                self.buckets[self.len] = (index, count);
                self.len += 1;
            }
        }
    }
}

/// The index in the next lower schema: of the bucket that ends where this one or the next does.
fn coarser(index: i32) -> i32 {
    (index + 1).div_euclid(2)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::index::HIGHEST_OF_NUMBERS;
    use super::*;

    #[test]
    fn coarser_buckets_end_where_two_finer_ones_did() {
        for (index, expected) in [(-3, -1), (-2, -1), (-1, 0), (0, 0), (1, 1), (2, 1), (3, 2)] {
            assert_eq!(coarser(index), expected, "{index}");
        }
    }

    type Counted = Vec<(i32, u64)>;

    fn reading(zero: u64, negative: &Counted, positive: &Counted) -> NativeReading {
        let mut reading = NativeReading::new(zero);
        negative.iter().for_each(|(index, count)| reading.add(Sign::Negative, *index, *count));
        positive.iter().for_each(|(index, count)| reading.add(Sign::Positive, *index, *count));
        reading
    }

    #[test]
    fn widest_ranges_fit() {
        let all: Counted = (-1_023..=HIGHEST_OF_NUMBERS).map(|index| (index, 1)).collect();
        let count = all.len() as u64;
        let one_sign = reading(3, &vec![(5, 1)], &all);
        assert_eq!((one_sign.schema, one_sign.count()), (-3, 3 + 1 + count));
        assert_eq!((one_sign.negative(), one_sign.positive().len()), (&[(1, 1)][..], 144), "both have one schema");
        let both_signs = reading(0, &all, &all);
        assert_eq!((both_signs.schema, both_signs.count()), (-4, 2 * count));
        assert_eq!(both_signs.negative(), both_signs.positive());
    }

    /// What the buckets of one sign are at a lower schema.
    fn expected(counted: &Counted, schema: i32) -> Counted {
        let mut buckets = BTreeMap::new();
        for (index, count) in counted {
            // The least of the coarser boundaries that the finer one does not pass.
            let width = 1 << (SCHEMA - schema);
            let coarse = (-400..700).find(|coarse| coarse * width >= *index).unwrap();
            *buckets.entry(coarse).or_insert(0) += count;
        }
        buckets.into_iter().collect()
    }

    proptest! {
        #[test]
        fn coarsening_keeps_every_count_in_the_bucket_that_holds_it(
            negative in prop::collection::btree_map(-300..600i32, 1..9u64, 0..200),
            positive in prop::collection::btree_map(-300..600i32, 1..9u64, 0..400),
        ) {
            let (negative, positive): (Counted, Counted) = (negative.into_iter().collect(), positive.into_iter().collect());
            let reading = reading(7, &negative, &positive);
            prop_assert_eq!(reading.negative().to_vec(), expected(&negative, reading.schema));
            prop_assert_eq!(reading.positive().to_vec(), expected(&positive, reading.schema));
            prop_assert_eq!(reading.count(), 7 + negative.iter().chain(&positive).map(|(_, count)| count).sum::<u64>());
            if reading.schema < SCHEMA {
                let finer = |counted: &Counted| expected(counted, reading.schema + 1).len();
                prop_assert!(finer(&negative) + finer(&positive) > MOST_BUCKETS, "as fine as fits");
            }
        }
    }
}
