//! Entries that are taken once, by their keys, in bounded memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

/// What became of an entry of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it says whether the entry was counted"]
pub enum Entry {
    /// It was counted.
    New,
    /// It was counted before: a replay, which changes nothing.
    Known,
    /// It is of a time that is settled, by the seed or because what was remembered of it had to go: it cannot be told
    /// from a replay, and changes nothing.
    Settled,
}

/// The keys of entries that were taken, with the time that each is of.
///
/// At most so many are remembered. Those of the earliest times are let go of first, and what is not later than these is
/// settled from then on: so a replay never counts again, however old it is.
#[derive(Debug)]
pub(crate) struct Taken<K> {
    by_key: BTreeMap<K, SystemTime>,
    by_time: BTreeSet<(SystemTime, K)>,
    settled_until: Option<SystemTime>,
    most: usize,
}

impl<K: Clone + Ord> Taken<K> {
    pub(crate) fn new(most: usize) -> Self {
        Self { by_key: BTreeMap::new(), by_time: BTreeSet::new(), settled_until: None, most }
    }

    /// Says that everything of this time and before is taken.
    pub(crate) fn settle(&mut self, until: SystemTime) {
        self.settled_until = self.settled_until.max(Some(until));
    }

    /// What an entry would be; takes nothing.
    pub(crate) fn look_up(&self, key: &K, at: SystemTime) -> Entry {
        if self.by_key.contains_key(key) {
            Entry::Known
        } else if self.settled_until.is_some_and(|until| at <= until) {
            Entry::Settled
        } else {
            Entry::New
        }
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.by_key.contains_key(key)
    }

    /// Remembers an entry.
    pub(crate) fn take(&mut self, key: K, at: SystemTime) {
        if self.by_key.insert(key.clone(), at).is_none() {
            self.by_time.insert((at, key));
        }
        while self.by_key.len() > self.most
            && let Some((earliest, key)) = self.by_time.pop_first()
        {
            self.by_key.remove(&key);
            self.settle(earliest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_let_go_of_is_settled() {
        let mut taken = Taken::new(2);
        for (key, seconds) in [("a", 10), ("b", 20), ("c", 30)] {
            assert_eq!(taken.look_up(&key, at(seconds)), Entry::New);
            taken.take(key, at(seconds));
        }
        assert_eq!(taken.look_up(&"a", at(10)), Entry::Settled);
        assert_eq!(taken.look_up(&"late", at(10)), Entry::Settled, "nobody knows whether it was there");
        assert_eq!(taken.look_up(&"b", at(20)), Entry::Known);
        assert_eq!(taken.look_up(&"d", at(11)), Entry::New);
    }

    #[test]
    fn seed_settles_its_time_and_never_goes_back() {
        let mut taken = Taken::new(2);
        taken.settle(at(10));
        taken.settle(at(5));
        assert_eq!(taken.look_up(&"a", at(10)), Entry::Settled);
        assert_eq!(taken.look_up(&"a", at(11)), Entry::New);
    }

    proptest! {
        #[test]
        fn nothing_is_taken_twice_and_memory_is_bounded(
            entries in prop::collection::vec((0_u8..20, 0_u64..20), 0..200),
            most in 1_usize..5,
        ) {
            // The time that an entry is of is its own: a replay brings the same.
            let time_of = |key: u8, seconds: u64| at(u64::from(key) * 100 + seconds % 3);
            let mut taken = Taken::new(most);
            let mut counted = BTreeSet::new();
            for (key, seconds) in entries {
                let entry = (key, time_of(key, seconds % 3));
                if taken.look_up(&entry, entry.1) == Entry::New {
                    prop_assert!(counted.insert(entry));
                    taken.take(entry, entry.1);
                }
                prop_assert!(taken.by_key.len() <= most);
                prop_assert_eq!(taken.by_key.len(), taken.by_time.len());
            }
        }
    }
}
