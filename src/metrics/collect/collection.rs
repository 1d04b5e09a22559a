//! What one run of a collector gives.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::given::Overflow;
use super::published::Unshared;
use super::reading::{Collected, Reading};
use crate::diagnostics::Problem;
use crate::metrics::cell::Cell;
use crate::metrics::family_core::{Budget, ByLabels, FamilyCore};
use crate::metrics::label::{LabelValue, OVERFLOW};

/// The series that one run of a [`Collector`](super::Collector) gives, empty when the run begins.
///
/// It is bounded like the registry: a metric's series past the cap are added up in its overflow series
/// (`otel_metric_overflow="true"`) and counted. Series that were shown before keep their places, and of new ones those
/// that are given first have them.
pub struct Collection {
    /// That of the registry, which a metric must share to be in it.
    budget: Arc<Budget>,
    pub(super) families: Vec<(Arc<FamilyCore>, Rows)>,
    /// A metric that is not in the registry.
    pub(super) stray: Option<Arc<str>>,
    pub(super) standing: Standing,
    /// Why no other replica shows it, if one should.
    pub(super) unshared: Option<Unshared>,
}

/// What a collection is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was measured so long before the run began.
    Measured { ago: Duration },
    /// Nothing was measured; what is shown stays.
    Kept,
}

/// The series that one run gives to one family.
#[derive(Default)]
pub(in crate::metrics) struct Rows {
    pub(super) cells: BTreeSet<ByLabels>,
    pub(super) overflow: Overflow,
    /// The family's series before the run.
    known: Arc<[Cell]>,
    /// How many new series may still be given.
    room: usize,
}

impl Collection {
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        Self {
            budget: Arc::clone(budget),
            families: Vec::new(),
            stray: None,
            standing: Standing::Measured { ago: Duration::ZERO },
            unshared: None,
        }
    }

    /// Gives a series its value, with the label values in the definition's order of labels.
    ///
    /// A label set that was given before in this run keeps its first value, and the second is counted as
    /// `duplicate_series`. A gauge that is not a number is left out and counted as `sample_rejected`. Cost: an
    /// allocation or two, and a look-up among the series of the metric.
    pub fn set<V: Reading, const N: usize>(&mut self, metric: &Collected<V, N>, labels: [LabelValue; N], value: V) {
        if !metric.core.is_of(&self.budget) {
            self.stray.get_or_insert_with(|| Arc::clone(&metric.core.name));
            return;
        }
        self.give(&metric.core, metric.identity(&labels), |cell| value.put_into(cell));
    }

    /// Says that there is nothing new.
    pub(super) fn keep(&mut self) {
        self.standing = Standing::Kept;
    }

    /// Gives a series of a family of the registry its value.
    pub(super) fn give(&mut self, core: &Arc<FamilyCore>, identity: String, fill: impl FnOnce(&Cell)) {
        let (family, rows) = self.rows(core);
        if rows.cells.contains(identity.as_str()) {
            return family.report(Problem::DuplicateSeries);
        }
        let known = rows.find_known(&identity);
        let has_place = identity != OVERFLOW && (known.is_some() || rows.take_room());
        let cell = Cell::new(&family.shape, known.unwrap_or_else(|| identity.into()));
        fill(&cell);
        if has_place {
            rows.cells.insert(ByLabels(cell));
        } else {
            rows.overflow.add(&cell, &family.shape);
            family.refused();
        }
    }

    fn rows(&mut self, core: &Arc<FamilyCore>) -> (&FamilyCore, &mut Rows) {
        let at = self.families.iter().position(|(family, _)| Arc::ptr_eq(family, core)).unwrap_or_else(|| {
            self.families.push((Arc::clone(core), Rows::of(core)));
            self.families.len() - 1
        });
        let (family, rows) = &mut self.families[at];
        (family, rows)
    }
}

impl Rows {
    fn of(family: &FamilyCore) -> Self {
        let known = family.cells();
        let overflowed = known.iter().filter(|cell| **cell.labels() == *OVERFLOW).count();
        let room = family.places().saturating_sub(known.len() - overflowed);
        Self { known, room, ..Self::default() }
    }

    fn find_known(&self, identity: &str) -> Option<Arc<str>> {
        let at = self.known.binary_search_by(|cell| (**cell.labels()).cmp(identity)).ok()?;
        Some(Arc::clone(self.known[at].labels()))
    }

    fn take_room(&mut self) -> bool {
        let has_room = self.room > 0;
        self.room = self.room.saturating_sub(1);
        has_room
    }
}

impl fmt::Debug for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let series = |(family, rows): &(Arc<FamilyCore>, Rows)| (Arc::clone(&family.name), rows.cells.len());
        f.debug_map().entries(self.families.iter().map(series)).finish()
    }
}
