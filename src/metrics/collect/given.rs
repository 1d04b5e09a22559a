//! What collectors gave a family last: a part for each, replaced as one.

use std::sync::{Arc, PoisonError};

use super::collection::Rows;
use crate::diagnostics::Problem;
use crate::metrics::cell::{Cell, Shape};
use crate::metrics::family_core::FamilyCore;
use crate::metrics::label::OVERFLOW;

/// The parts of a family whose series collectors give.
#[derive(Default)]
pub(in crate::metrics) struct Given(Vec<Part>);

/// What one collector gave.
struct Part {
    /// The collector's name, which no other of the registry has.
    of: Arc<str>,
    /// Its series in the family, sorted.
    labels: Vec<Arc<str>>,
    /// The sum of those that found no place.
    overflow: Option<Cell>,
}

impl Given {
    /// The labels that a collector has in the family, and no longer.
    fn take(&mut self, of: &str) -> Vec<Arc<str>> {
        let at = self.0.iter().position(|part| *part.of == *of);
        at.map_or_else(Vec::new, |at| self.0.swap_remove(at).labels)
    }

    /// The sum of what found no place.
    fn overflow(&self, shape: &Arc<Shape>) -> Option<Cell> {
        let mut parts = self.0.iter().filter_map(|part| part.overflow.as_ref()).peekable();
        parts.peek()?;
        let sum = Cell::new(shape, OVERFLOW.into());
        parts.for_each(|part| sum.absorb(part));
        Some(sum)
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
        let before = given.take(of);
        // First, since a place that one series leaves is there for another.
        series.remove(OVERFLOW);
        let gone = before.iter().filter(|labels| !rows.cells.contains(&***labels));
        self.give_back(gone.filter(|labels| series.remove(labels)).count());

        let mut part =
            Part { of: Arc::clone(of), labels: Vec::with_capacity(rows.cells.len()), overflow: rows.overflow };
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
                part.overflow.get_or_insert_with(|| Cell::new(&self.shape, OVERFLOW.into())).absorb(&row.0);
            }
        }
        if !part.labels.is_empty() || part.overflow.is_some() {
            given.0.push(part);
        }
        if let Some(overflow) = given.overflow(&self.shape) {
            series.put(overflow);
        }
        refusals
    }
}
