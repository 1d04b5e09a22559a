//! What keeps threads that record into one series off each other's cache lines.
//!
//! A cell has one place for its numbers until threads collide there often. Then it gets, once, several copies of the
//! place, and each thread adds to the copy that it was dealt; readers add the copies up. A series that one thread uses
//! at a time, as nearly all are, never pays for it.

use std::slice::Chunks;
use std::sync::atomic::Ordering;

use crate::sync::{AtomicU32, AtomicU64, IS_MODEL, OnceLock, number_of_this_thread};

/// Numbers in whole cache lines, which they share with no other cell's.
pub(super) struct Lines(Box<[Line]>);

#[derive(Default)]
#[repr(align(64))]
struct Line([AtomicU64; WORDS_PER_LINE]);

/// Of 64 bytes: a cache line of x86-64 and of most ARM.
const WORDS_PER_LINE: usize = 8;

impl Lines {
    /// Room for so many words, all 0.
    pub(super) fn of(words: usize) -> Self {
        Self((0..words.div_ceil(WORDS_PER_LINE)).map(|_| Line::default()).collect())
    }

    #[inline]
    pub(super) fn words(&self) -> Words<'_> {
        Words(&self.0)
    }

    /// The first word of each line.
    pub(super) fn each_line(&self) -> impl Iterator<Item = &AtomicU64> {
        self.0.iter().map(|line| &line.0[0])
    }
}

/// The words of some lines one after the other.
#[derive(Clone, Copy)]
pub(super) struct Words<'l>(&'l [Line]);

impl<'l> Words<'l> {
    /// How many there are.
    pub(super) fn count(self) -> usize {
        self.0.len() * WORDS_PER_LINE
    }

    #[inline]
    pub(super) fn at(self, at: usize) -> &'l AtomicU64 {
        &self.0[at / WORDS_PER_LINE].0[at % WORDS_PER_LINE]
    }
}

/// The copies of a cell's place, once it has some.
#[derive(Default)]
pub(super) struct Spread {
    /// One after the other.
    copies: OnceLock<Lines>,
    collisions: AtomicU32,
}

/// Chosen: four threads for each copy on a machine of 32 cores, half a KiB for a contended counter.
const COPIES: usize = if IS_MODEL { 2 } else { 8 };

/// Chosen: a series that two threads meet at by chance gets no copies, one that they fight for has them within
/// a few microseconds.
const COLLISIONS: u32 = if IS_MODEL { 0 } else { 32 };

impl Spread {
    /// The copy of this thread, if there are any.
    #[inline]
    pub(super) fn own(&self) -> Option<Words<'_>> {
        self.each_copy()?.nth(number_of_this_thread() % COPIES).map(Words)
    }

    #[inline]
    pub(super) fn has_copies(&self) -> bool {
        self.copies.get().is_some()
    }

    /// Notes that two threads met at a place of so many words. Allocates once in a cell's life.
    #[cold]
    pub(super) fn collided(&self, words: usize) {
        if self.collisions.fetch_add(1, Ordering::Relaxed) == COLLISIONS {
            // Only the thread that counted so far comes here, so nobody waits for it and nothing is there yet.
            let _ = self.copies.set(Lines::of(COPIES * words.next_multiple_of(WORDS_PER_LINE)));
        }
    }

    /// A word of each copy.
    #[inline]
    pub(super) fn words(&self, at: usize) -> impl Iterator<Item = u64> {
        let copies = self.each_copy().into_iter().flatten();
        copies.map(move |copy| Words(copy).at(at).load(Ordering::Relaxed))
    }

    #[inline]
    fn each_copy(&self) -> Option<Chunks<'_, Line>> {
        let Lines(lines) = self.copies.get()?;
        Some(lines.chunks(lines.len() / COPIES))
    }

    /// The sum of a word over the copies.
    #[inline]
    pub(super) fn total(&self, at: usize) -> u64 {
        self.words(at).fold(0, u64::wrapping_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_appear_after_enough_collisions_and_add_up() {
        let spread = Spread::default();
        while spread.collisions.load(Ordering::Relaxed) != COLLISIONS {
            spread.collided(3);
        }
        assert!(spread.own().is_none());
        spread.collided(3);
        std::thread::scope(|scope| {
            for _ in 0..3 * COPIES {
                scope.spawn(|| spread.own().expect("has copies").at(2).fetch_add(1, Ordering::Relaxed));
            }
        });
        assert_eq!(spread.total(2), 3 * COPIES as u64);
        assert_eq!(spread.total(0), 0);
    }

    #[test]
    fn places_are_whole_cache_lines() {
        let lines = Lines::of(9);
        assert_eq!(lines.words().count(), 16);
        assert_eq!(std::ptr::from_ref(lines.words().at(0)).addr() % 64, 0);
    }
}
