//! The families of a registry by name, those that it tells of itself included.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cell::{Cell, Observed, Shape};
use super::definition::{Definition, Kind};
use super::exposition::HISTOGRAM_PARTS;
use super::family_core::{Budget, FamilyCore, Source};
use super::label::identity;

static SERIES: Definition = Definition::gauge("monitoring_series", "Series kept, by family.").labels(&["family"]);

static OVERFLOW: Definition = Definition::counter(
    "monitoring_series_overflow_total",
    "Label sets that a cap sent to their family's overflow series.",
)
.labels(&["family"]);

pub(super) struct Families {
    /// Sorted, so that output is too.
    sorted: BTreeMap<Arc<str>, Arc<FamilyCore>>,
    /// The same as a list that readers share, until a family is added.
    listed: Option<Arc<[Arc<FamilyCore>]>>,
    series: Arc<FamilyCore>,
    overflow: Arc<FamilyCore>,
}

impl Families {
    /// Those of every registry: what it tells of its families.
    pub(super) fn with_own(budget: &Arc<Budget>) -> Self {
        let own = |definition: &Definition| {
            let shape = Shape::new(definition.kind, definition.unit, &[], false, budget.diagnostics.clone());
            let (name, budget) = (definition.name, Arc::clone(budget));
            Arc::new(FamilyCore::new(name, name, shape, Some(*definition), Source::Handles, budget))
        };
        let (series, overflow) = (own(&SERIES), own(&OVERFLOW));
        let sorted = [&series, &overflow].map(|family| (Arc::clone(&family.name), Arc::clone(family))).into();
        Self { sorted, listed: None, series, overflow }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<FamilyCore>> {
        self.sorted.get(name)
    }

    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Adds a family whose name is free.
    pub(super) fn add(&mut self, family: FamilyCore) -> Arc<FamilyCore> {
        let family = Arc::new(family);
        self.sorted.insert(Arc::clone(&family.name), Arc::clone(&family));
        self.listed = None;
        let labels: Arc<str> = identity([("family", &*family.name)]).into();
        let (kept, overflowed) = (Arc::clone(&family), Arc::clone(&family));
        let kept = Observed::new(&self.series.shape, Arc::clone(&labels), move || Some(kept.len() as f64));
        self.series.insert_uncounted(Cell::ObservedGauge(kept));
        let overflowed = Observed::new(&self.overflow.shape, labels, move || overflowed.overflowed());
        self.overflow.insert_uncounted(Cell::ObservedCounter(overflowed));
        family
    }

    /// The list, if it is there.
    pub(super) fn listed(&self) -> Option<Arc<[Arc<FamilyCore>]>> {
        self.listed.clone()
    }

    /// The list, made if need be.
    pub(super) fn list(&mut self) -> Arc<[Arc<FamilyCore>]> {
        Arc::clone(self.listed.get_or_insert_with(|| self.sorted.values().cloned().collect()))
    }

    /// The family whose shown names would meet those of a new one.
    pub(super) fn shown_under(&self, name: &str, kind: Kind) -> Option<String> {
        let is_histogram = |stem: &str| self.get(stem).is_some_and(|family| family.shape.kind == Kind::Histogram);
        let owner = HISTOGRAM_PARTS.iter().filter_map(|part| name.strip_suffix(part)).find(|stem| is_histogram(stem));
        if let Some(stem) = owner {
            return Some(stem.to_owned());
        }
        let parts = HISTOGRAM_PARTS.iter().filter(|_| kind == Kind::Histogram).map(|part| format!("{name}{part}"));
        parts.into_iter().find(|part| self.sorted.contains_key(part.as_str()))
    }
}
