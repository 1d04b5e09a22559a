//! Counters of which few are ever used, kept where one was.

use std::sync::atomic::Ordering;

use crate::sync::{AtomicU64, OnceLock};

/// A counter for each place from 0, in blocks that are born when something in them is first counted.
pub(super) struct Sparse(Box<[OnceLock<Box<Group>>]>);

#[derive(Default)]
struct Group([OnceLock<Box<Block>>; BLOCKS]);

/// Chosen: samples of one kind rarely differ by more than a factor of 2^32, which is what a group has buckets for.
const BLOCKS: usize = 32;

/// The buckets of a doubling, on a cache line of their own.
#[derive(Default)]
#[repr(align(64))]
struct Block([AtomicU64; PLACES]);

const PLACES: usize = 8;

impl Sparse {
    /// So many counters, all 0.
    pub(super) fn of(places: usize) -> Self {
        Self((0..places.div_ceil(PLACES * BLOCKS)).map(|_| OnceLock::default()).collect())
    }

    /// Counts at a place. Whoever comes first to a block stores a pointer to it, for which another one who does so at the
    /// same moment waits; else nobody waits for anybody.
    ///
    /// # Panics
    /// When there is no such place.
    #[inline]
    pub(super) fn add(&self, place: usize, by: u64) {
        let block = place / PLACES;
        let group = &self.0[block / BLOCKS];
        let group = group.get().unwrap_or_else(|| group.get_or_init(Box::default));
        let block = &group.0[block % BLOCKS];
        let block = block.get().unwrap_or_else(|| block.get_or_init(Box::default));
        block.0[place % PLACES].fetch_add(by, Ordering::Relaxed);
    }

    /// Calls for each place at which anything was counted, in order, with its count.
    pub(super) fn each_counted(&self, mut call: impl FnMut(usize, u64)) {
        let born = self.0.iter().enumerate().filter_map(|(at, group)| Some((at * BLOCKS, group.get()?)));
        for (first, group) in born {
            let born = group.0.iter().enumerate().filter_map(|(at, block)| Some(((first + at) * PLACES, block.get()?)));
            for (first, block) in born {
                for (at, counter) in block.0.iter().enumerate() {
                    let count = counter.load(Ordering::Relaxed);
                    if count > 0 {
                        call(first + at, count);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_where_they_are() {
        const COUNTERS: usize = 1_000;
        let sparse = Sparse::of(COUNTERS);
        sparse.each_counted(|place, _| panic!("{place} is counted before anything was"));
        let places = [0, 7, 8, 255, 256, COUNTERS - 1];
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| places.iter().for_each(|place| sparse.add(*place, 1 + *place as u64)));
            }
        });
        let mut counted = Vec::new();
        sparse.each_counted(|place, count| counted.push((place, count)));
        assert_eq!(counted, places.map(|place| (place, 4 * (1 + place as u64))));
    }
}
