//! From the facade's keys to cells, without a lock and without keeping a key.
//!
//! An entry is found by the hash that every key carries and proved by comparing the key with the family's name and the
//! cell's labels. Entries stay where they are put, in tables of doubling size, so that readers need no lock. What finds
//! no place takes the long way each time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::metrics::Key;

use super::names::{are_labels_of, is_metric_name_of};
use crate::metrics::cell::{Cell, WeakCell};
use crate::metrics::family_core::FamilyCore;
use crate::sync::{AtomicUsize, IS_MODEL, OnceLock};

pub(in crate::metrics) struct Index {
    tables: [OnceLock<Box<[Slot]>>; TABLES],
    /// Entries that may still be added. Several keys can stand for one series and those of series that expired stay, so
    /// the caps of series are no bound.
    room: AtomicUsize,
}

type Slot = OnceLock<Entry>;

struct Entry {
    hash: u64,
    family: Arc<FamilyCore>,
    /// The index does not count as somebody who holds the series.
    cell: WeakCell,
}

/// Chosen: what a few libraries bring fits the first table, and all that the default caps let in fits the others.
const FIRST_TABLE: usize = if IS_MODEL { 2 } else { 128 };
const TABLES: usize = 12;

/// Slots that are tried in a table, from the one that the hash says.
const TRIED: usize = if IS_MODEL { 2 } else { 8 };

impl Index {
    pub(in crate::metrics) fn new(room: usize) -> Self {
        Self { tables: Default::default(), room: AtomicUsize::new(room) }
    }

    /// The cell of a key, if it is known. Allocates nothing.
    #[inline]
    pub(in crate::metrics) fn get(&self, key: &Key) -> Option<Cell> {
        for table in &self.tables {
            for slot in tried(table.get()?, key.get_hash()) {
                // A key goes to a later table only if all these are taken.
                let entry = slot.get()?;
                if entry.hash == key.get_hash()
                    && let Some(cell) = entry.of(key)
                {
                    return Some(cell);
                }
            }
        }
        None
    }

    /// Remembers the cell of a key, if there is room.
    pub(super) fn add(&self, key: &Key, family: &Arc<FamilyCore>, cell: &Cell) {
        let Some(weak) = cell.downgrade() else {
            return;
        };
        // Ordering: the count guards no other memory.
        if self.room.try_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(1)).is_err() {
            return;
        }
        let mut entry = Entry { hash: key.get_hash(), family: Arc::clone(family), cell: weak };
        for (table, size) in self.tables.iter().zip((0..).map(|doubled| FIRST_TABLE << doubled)) {
            let table = table.get_or_init(|| (0..size).map(|_| Slot::new()).collect());
            for slot in tried(table, key.get_hash()) {
                match slot.set(entry) {
                    Ok(()) => return,
                    Err(taken) => entry = taken,
                }
            }
        }
    }
}

/// The slots of a table that a key can be in.
#[inline]
fn tried(table: &[Slot], hash: u64) -> impl Iterator<Item = &Slot> {
    // The cast cuts: only the low bits are used, and tables have a power of two of slots.
    let first = hash as usize;
    (0..TRIED).map(move |at| &table[first.wrapping_add(at) & (table.len() - 1)])
}

impl Entry {
    /// The cell, if it is that of the key and is kept yet.
    #[inline]
    fn of(&self, key: &Key) -> Option<Cell> {
        let cell = self.cell.upgrade()?;
        let is_it = is_metric_name_of(&self.family.name, key.name()) && are_labels_of(cell.labels(), key.labels());
        is_it.then_some(cell)
    }
}

#[cfg(test)]
mod tests {
    use ::metrics::Label;

    use super::*;
    use crate::diagnostics::Diagnostics;
    use crate::metrics::cell::Shape;
    use crate::metrics::family_core::{Budget, Source};
    use crate::metrics::{Kind, Unit};

    fn family() -> Arc<FamilyCore> {
        let diagnostics = Diagnostics::new();
        let shape = Shape::new(Kind::Counter, Unit::Count, &[], false, diagnostics.clone());
        let budget = Budget { per_family: 10_000, in_all: 10_000, used: AtomicUsize::new(0), diagnostics };
        Arc::new(FamilyCore::new("jobs", "jobs", shape, None, Source::Handles, Arc::new(budget)))
    }

    fn key(at: usize) -> Key {
        Key::from_parts("jobs", vec![Label::new("at", at.to_string())])
    }

    #[test]
    fn every_key_is_found_through_many_tables_and_only_while_its_series_is_kept() {
        let (index, family) = (Index::new(5_000), family());
        let cells: Vec<_> = (0..5_001).map(|at| family.cell(format!("at=\"{at}\"")).cell()).collect();
        for (at, cell) in cells.iter().enumerate() {
            index.add(&key(at), &family, cell);
        }
        for (at, cell) in cells.iter().enumerate().take(5_000) {
            assert_eq!(index.get(&key(at)).expect("is known").labels(), cell.labels());
        }
        assert!(index.get(&key(5_000)).is_none(), "there was no more room");
        drop((cells, family));
    }

    #[test]
    fn other_keys_are_not_taken_for_a_known_one() {
        let (index, family) = (Index::new(10), family());
        index.add(&key(1), &family, &family.cell("at=\"2\"".into()).cell());
        assert!(index.get(&key(1)).is_none(), "the hash alone proves nothing");
    }
}
