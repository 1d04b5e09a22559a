//! From the facade's keys to cells, without keeping a key.
//!
//! An entry is found by the hash that every key carries and proved by comparing the key with the family's name and the
//! cell's labels. A key whose hash is taken by another stays out and takes the long way each time.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ::metrics::Key;

use super::names::{are_labels_of, is_metric_name_of};
use crate::metrics::cell::Cell;
use crate::metrics::family_core::FamilyCore;

pub(in crate::metrics) struct Index {
    shards: [RwLock<Shard>; SHARDS],
    /// Entries that may still be added: several keys can stand for one series, so its cap alone is no bound.
    room: AtomicUsize,
}

type Shard = HashMap<u64, Entry, BuildHasherDefault<KeyHash>>;

struct Entry {
    family: Arc<FamilyCore>,
    cell: Cell,
}

/// Chosen: threads that use different metrics seldom meet at a lock.
const SHARDS: usize = 16;

impl Index {
    pub(in crate::metrics) fn new(room: usize) -> Self {
        Self { shards: Default::default(), room: AtomicUsize::new(room) }
    }

    /// What `take` makes of the cell of a key, if it is known.
    #[inline]
    pub(super) fn get<T>(&self, key: &Key, take: impl FnOnce(&Cell) -> Option<T>) -> Option<T> {
        let shard = self.shard(key).read().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.get(&key.get_hash())?;
        if entry.is_of(key) { take(&entry.cell) } else { None }
    }

    /// Remembers the cell of a key, if there is room.
    pub(super) fn add(&self, key: &Key, family: Arc<FamilyCore>, cell: Cell) {
        let mut shard = self.shard(key).write().unwrap_or_else(PoisonError::into_inner);
        if shard.contains_key(&key.get_hash()) {
            return;
        }
        // Ordering: the count guards no other memory.
        if self.room.try_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(1)).is_ok() {
            shard.insert(key.get_hash(), Entry { family, cell });
        }
    }

    fn shard(&self, key: &Key) -> &RwLock<Shard> {
        // Other bits than those that the map takes first. OK because the remainder fits every usize.
        &self.shards[(key.get_hash() >> 32) as usize % SHARDS]
    }
}

impl Entry {
    fn is_of(&self, key: &Key) -> bool {
        is_metric_name_of(&self.family.name, key.name()) && are_labels_of(self.cell.labels(), key.labels())
    }
}

/// Takes a key's own hash as it is.
#[derive(Default)]
struct KeyHash(u64);

impl Hasher for KeyHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
