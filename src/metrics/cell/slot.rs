//! A place for a few words that belong together, written and read without a lock: a sequence lock of atomics.
//!
//! Nobody ever waits. A writer that meets another one gives up, and so does a reader that meets a writer.

use std::array;
use std::sync::atomic::Ordering;

use crate::sync::{AtomicU64, fence};

/// So many words, all 0 at first.
pub(super) struct Slot<const WORDS: usize> {
    /// Even while the words belong together, odd while somebody writes them; it only rises. At a million writes
    /// a second it comes round after 290,000 years.
    version: AtomicU64,
    words: [AtomicU64; WORDS],
}

/// Which words a slot held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version(u64);

impl<const WORDS: usize> Slot<WORDS> {
    pub(super) fn new() -> Self {
        Self { version: AtomicU64::new(0), words: array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// The words and their version; `None` if somebody writes them.
    #[inline]
    pub(super) fn read(&self) -> Option<(Version, [u64; WORDS])> {
        // Ordering: acquire pairs with the release that ends `replace`, so that the words of this version are visible.
        let version = self.version.load(Ordering::Acquire);
        let words = array::from_fn(|at| self.words[at].load(Ordering::Relaxed));
        // Ordering: if a word is of a later write, this fence pairs with that write's, and the load below sees at
        // least its odd version. It also keeps the loads above from sinking below that load.
        fence(Ordering::Acquire);
        let is_whole = version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version;
        is_whole.then_some((Version(version), words))
    }

    /// The present version, which may be one that somebody writes.
    #[inline]
    pub(super) fn version(&self) -> Version {
        // Ordering: only compared; the exchange in `replace` is what orders.
        Version(self.version.load(Ordering::Relaxed))
    }

    /// Puts other words in the place of those of this version; `false` if they are no longer there, or somebody
    /// writes.
    #[inline]
    pub(super) fn replace(&self, Version(seen): Version, words: [u64; WORDS]) -> bool {
        // Ordering: acquire pairs with the release of the writer before, so that its words cannot land on top of these.
        // A failure touches nothing.
        if seen % 2 == 1 || self.version.compare_exchange(seen, seen + 1, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            return false;
        }
        // Ordering: pairs with the fence in `read`: whoever sees one of the words below sees the odd version too.
        fence(Ordering::Release);
        for (place, word) in self.words.iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
        // Ordering: release, so that whoever sees this version sees its words.
        self.version.store(seen + 2, Ordering::Release);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_replace_those_of_the_version_they_were_chosen_over() {
        let slot = Slot::new();
        let (empty, words) = slot.read().unwrap();
        assert_eq!(words, [0, 0]);
        assert!(slot.replace(empty, [1, 2]));
        assert!(!slot.replace(empty, [3, 4]), "somebody else was faster");
        let (first, words) = slot.read().unwrap();
        assert_eq!((words, slot.version()), ([1, 2], first));
        assert!(slot.replace(first, [5, 6]));
        assert_eq!(slot.read().unwrap().1, [5, 6]);
    }

    #[test]
    fn slot_that_somebody_writes_is_neither_read_nor_written() {
        let slot = Slot::new();
        assert!(slot.replace(slot.version(), [1, 2]));
        slot.version.fetch_add(1, Ordering::Relaxed);
        assert_eq!(slot.read(), None);
        assert!(!slot.replace(slot.version(), [3, 4]));
        slot.version.fetch_add(1, Ordering::Relaxed);
        assert_eq!(slot.read().unwrap().1, [1, 2]);
    }

    #[test]
    fn words_of_two_writers_are_never_mixed() {
        const WRITES: u64 = 100_000;
        let slot = Slot::<6>::new();
        // Each word tells all others.
        let of = |number: u64| array::from_fn(|at| number.wrapping_mul(2 * at as u64 + 1));
        let written = std::thread::scope(|scope| {
            let write = |writer: u64| {
                let numbers = (0..WRITES).map(move |at| at * 2 + writer);
                numbers.filter(|number| slot.replace(slot.version(), of(*number))).count()
            };
            let writers = [0, 1].map(|writer| scope.spawn(move || write(writer)));
            let mut before = slot.version();
            while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                if let Some((version, words)) = slot.read() {
                    assert_eq!(words, of(words[0]));
                    assert!(version.0 >= before.0);
                    before = version;
                }
            }
            writers.map(|writer| writer.join().unwrap()).into_iter().sum::<usize>()
        });
        assert_eq!(slot.version().0, 2 * written as u64);
    }
}
