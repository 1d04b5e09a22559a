//! Counters found by a key that is known only when an event happens.

use std::sync::{PoisonError, RwLock};

use crate::metrics::Counter;

/// Counters by a key of static parts. Only grows, up to a bound; finding one allocates nothing.
#[derive(Debug)]
pub(super) struct Known<K>(RwLock<Vec<(K, Counter)>>);

impl<K: Copy + PartialEq> Known<K> {
    /// Chosen: more than any vocabulary that people read, and still fast to search from one end to the other.
    pub(super) const CAPACITY: usize = 128;

    pub(super) fn new() -> Self {
        Self(RwLock::default())
    }

    pub(super) fn find(&self, key: K) -> Option<Counter> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(present, _)| *present == key).map(|(_, counter)| counter.clone())
    }

    /// Keeps a counter for next time; without effect when the key is known or there is no room.
    pub(super) fn keep(&self, key: K, counter: &Counter) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < Self::CAPACITY && known.iter().all(|(present, _)| *present != key) {
            known.push((key, counter.clone()));
        }
    }

    /// Whether a new key has a place.
    pub(super) fn has_room(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len() < Self::CAPACITY
    }
}
