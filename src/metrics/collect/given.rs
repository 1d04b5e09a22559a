//! What collectors gave a family last: a part for each, replaced as one.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::collection::Rows;
use crate::diagnostics::Problem;
use crate::metrics::cell::{Cell, Shape};
use crate::metrics::family_core::FamilyCore;
use crate::metrics::label::OVERFLOW;

/// The parts of a family whose series collectors give, by the names of the collectors.
#[derive(Default)]
pub(in crate::metrics) struct Given(BTreeMap<Arc<str>, Part>);

/// What one collector gave.
#[derive(Default)]
struct Part {
    /// Its series in the family, sorted.
    labels: Vec<Arc<str>>,
    overflow: Overflow,
}

/// The sum of series that found no place.
#[derive(Default)]
pub(super) struct Overflow(Option<Cell>);

impl Overflow {
    pub(super) fn add(&mut self, cell: &Cell, shape: &Arc<Shape>) {
        self.0.get_or_insert_with(|| Cell::new(shape, OVERFLOW.into())).absorb(cell);
    }
}

impl Given {
    fn overflow(&self, shape: &Arc<Shape>) -> Overflow {
        let mut sum = Overflow::default();
        let cells = self.0.values().filter_map(|part| part.overflow.0.as_ref());
        cells.for_each(|cell| sum.add(cell, shape));
        sum
    }
}

/// What a family could not take, to be told when no lock is held.
#[must_use]
#[derive(Default)]
pub(super) struct Refusals {
    duplicates: usize,
    overflowed: usize,
}

impl Refusals {
    pub(super) fn tell(&self, family: &FamilyCore) {
        (0..self.duplicates).for_each(|_| family.report(Problem::DuplicateSeries));
        (0..self.overflowed).for_each(|_| family.refused());
    }
}

impl FamilyCore {
    /// Replaces what a collector gave; readers see either all of the old or all of the new.
    pub(super) fn replace(&self, of: &Arc<str>, rows: Rows) -> Refusals {
        let mut refusals = Refusals::default();
        let Some(given) = &self.given else {
            return refusals;
        };
        let mut given = given.lock().unwrap_or_else(PoisonError::into_inner);
        let mut series = self.write();
        let before = given.0.remove(of).unwrap_or_default().labels;
        // First, since a place that one series leaves is there for another.
        series.remove(OVERFLOW);
        let gone = before.iter().filter(|labels| !rows.cells.contains(&***labels));
        self.give_back(gone.filter(|labels| series.remove(labels)).count());

        let mut part = Part { labels: Vec::with_capacity(rows.cells.len()), overflow: rows.overflow };
        for row in rows.cells {
            let labels = Arc::clone(row.0.labels());
            let is_own = before.binary_search(&labels).is_ok();
            if !is_own && series.get(&labels).is_some() {
                refusals.duplicates += 1;
            } else if is_own || self.admits(&series) {
                part.labels.push(labels);
                series.put(row.0);
            } else {
                refusals.overflowed += 1;
                part.overflow.add(&row.0, &self.shape);
            }
        }
        given.0.insert(Arc::clone(of), part);
        if let Overflow(Some(overflow)) = given.overflow(&self.shape) {
            series.put(overflow);
        }
        refusals
    }
}
