//! A family without its types: its series, kept sorted, up to a cap.

use std::borrow::Borrow;
use std::cmp::Ordering as Order;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::cell::{Cell, Recorded, Shape};
use super::collect::Given;
use super::definition::Definition;
use super::exposition::Frame;
use super::label::OVERFLOW;
use crate::diagnostics::{Diagnostics, Problem};
use crate::sync::{AtomicU64, AtomicUsize, Mutex, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(super) struct FamilyCore {
    pub(super) name: Arc<str>,
    /// The name as the facade has it, before it was made valid.
    pub(super) raw_name: Box<str>,
    pub(super) help: OnceLock<Arc<str>>,
    pub(super) shape: Arc<Shape>,
    /// `None` for a family of the facade, whose label sets are free.
    pub(super) definition: Option<Definition>,
    pub(super) frame: Frame,
    source: Source,
    /// What collectors gave; `None` if only handles record the series.
    pub(super) given: Option<Mutex<Given>>,
    series: RwLock<Series>,
    overflowed: AtomicU64,
    budget: Arc<Budget>,
}

/// Where the series of a family come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Born by label values, kept, recorded into.
    Handles,
    /// Given, all at a time.
    Collectors,
    /// Each series either way.
    #[cfg_attr(not(feature = "business"), allow(dead_code, reason = "what is set or sampled comes with that slice"))]
    Either,
}

impl Source {
    pub(super) fn has_handles(self) -> bool {
        self != Self::Collectors
    }

    pub(super) fn has_collectors(self) -> bool {
        self != Self::Handles
    }
}

#[derive(Default)]
pub(super) struct Series {
    /// Sorted, so that output is too.
    sorted: BTreeSet<ByLabels>,
    /// The same as a list that readers share, until a series is born or goes.
    listed: Option<Arc<[Cell]>>,
    /// Changes when `sorted` does.
    generation: u64,
}

impl Series {
    pub(super) fn get(&self, labels: &str) -> Option<Cell> {
        self.sorted.get(labels).map(|present| present.0.clone())
    }

    pub(super) fn put(&mut self, cell: Cell) {
        self.sorted.replace(ByLabels(cell));
        self.changed();
    }

    /// Whether there was such a series.
    pub(super) fn remove(&mut self, labels: &str) -> bool {
        self.changed();
        self.sorted.remove(labels)
    }

    fn changed(&mut self) {
        self.listed = None;
        self.generation += 1;
    }
}

/// A cell, found and ordered by its labels.
pub(super) struct ByLabels(pub(super) Cell);

impl Borrow<str> for ByLabels {
    fn borrow(&self) -> &str {
        self.0.labels()
    }
}

impl Ord for ByLabels {
    fn cmp(&self, other: &Self) -> Order {
        self.0.labels().cmp(other.0.labels())
    }
}

impl PartialOrd for ByLabels {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByLabels {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByLabels {}

/// The caps of a registry and what has been used of them.
pub(super) struct Budget {
    pub(super) per_family: usize,
    pub(super) in_all: usize,
    pub(super) used: AtomicUsize,
    pub(super) diagnostics: Diagnostics,
}

impl Budget {
    /// Takes the place of one more series, if there is one.
    fn take(&self) -> bool {
        // Ordering: the count guards no other memory; families race for the last places and one of them loses.
        let take = |used: usize| (used < self.in_all).then_some(used + 1);
        self.used.try_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn give_back(&self, places: usize) {
        self.used.fetch_sub(places, Ordering::Relaxed);
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= self.in_all
    }
}

/// The cell that a label set records into.
pub(super) enum Found {
    Own(Cell),
    /// A cap refused the label set; this is the family's overflow series.
    Overflow(Cell),
}

impl Found {
    pub(super) fn cell(self) -> Cell {
        match self {
            Self::Own(cell) | Self::Overflow(cell) => cell,
        }
    }
}

/// The help of a metric that nobody described.
const UNDESCRIBED: &str = "Reported through the metrics facade, without a description.";

impl FamilyCore {
    pub(super) fn new(
        name: &str,
        raw_name: &str,
        shape: Shape,
        definition: Option<Definition>,
        source: Source,
        budget: Arc<Budget>,
    ) -> Self {
        let help = definition.map_or_else(OnceLock::new, |definition| OnceLock::from(Arc::from(definition.help)));
        Self {
            name: name.into(),
            raw_name: raw_name.into(),
            help,
            frame: Frame::new(name, &shape.edges),
            shape: Arc::new(shape),
            definition,
            source,
            given: source.has_collectors().then(|| Mutex::new(Given::default())),
            series: RwLock::default(),
            overflowed: AtomicU64::new(0),
            budget,
        }
    }

    /// The cell of a label set: found, born, or the overflow's.
    pub(super) fn cell(&self, identity: String) -> Found {
        if let Some(cell) = self.read().get(&identity) {
            return Found::Own(cell);
        }
        let mut series = self.write();
        if let Some(cell) = series.get(&identity) {
            return Found::Own(cell);
        }
        if identity == OVERFLOW || self.admits(&series) {
            let cell = Cell::new(&self.shape, identity.into());
            series.put(cell.clone());
            return Found::Own(cell);
        }
        let overflow = series.get(OVERFLOW).unwrap_or_else(|| {
            let cell = Cell::new(&self.shape, OVERFLOW.into());
            series.put(cell.clone());
            cell
        });
        drop(series);
        self.refused();
        Found::Overflow(overflow)
    }

    /// Adds an observed series, or replaces the series with its labels.
    pub(super) fn insert(&self, cell: Cell) {
        let mut series = self.write();
        if series.get(cell.labels()).is_some() || self.admits(&series) {
            series.put(cell);
        } else {
            drop(series);
            self.refused();
        }
    }

    /// As [`Self::insert`], beside the caps: for what the registry tells of itself.
    pub(super) fn insert_uncounted(&self, cell: Cell) {
        self.write().put(cell);
    }

    /// Lets go of those of the series that nobody holds and that have recorded no more than this; how many.
    pub(super) fn expire(&self, idle: &[(Arc<str>, Recorded)]) -> usize {
        if idle.is_empty() {
            return 0;
        }
        let mut expired = 0;
        let mut series = self.write();
        // The list is somebody who holds every cell.
        series.changed();
        for (labels, recorded) in idle {
            let Some(ByLabels(cell)) = series.sorted.take(&**labels) else {
                continue;
            };
            match cell.expire(*recorded) {
                Some(cell) => series.put(cell),
                None => expired += 1,
            }
        }
        self.budget.give_back(expired);
        expired
    }

    /// Gives back the places of series that are gone.
    pub(super) fn give_back(&self, places: usize) {
        self.budget.give_back(places);
    }

    /// Whether one more series fits; takes its place if so.
    pub(super) fn admits(&self, series: &Series) -> bool {
        series.sorted.len() < self.budget.per_family && self.budget.take()
    }

    /// Counts a label set that a cap refused.
    pub(super) fn refused(&self) {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        self.report(Problem::SeriesOverflow);
    }

    /// Counts a problem of this family and tells of it once.
    pub(super) fn report(&self, problem: Problem) {
        self.budget.diagnostics.report(problem, &self.name);
    }

    /// How many series it may have.
    pub(super) fn places(&self) -> usize {
        self.budget.per_family
    }

    /// Whether it is in the registry that has this budget.
    pub(super) fn is_of(&self, budget: &Arc<Budget>) -> bool {
        Arc::ptr_eq(&self.budget, budget)
    }

    pub(super) fn source(&self) -> Source {
        self.source
    }

    /// The series in order. Costs a reference count, or, after a series was born, a clone of each under a lock that
    /// other readers share.
    pub(super) fn cells(&self) -> Arc<[Cell]> {
        let series = self.read();
        if let Some(listed) = &series.listed {
            return Arc::clone(listed);
        }
        let (cells, generation): (Arc<[Cell]>, _) =
            (series.sorted.iter().map(|present| present.0.clone()).collect(), series.generation);
        drop(series);
        let mut series = self.write();
        if series.generation == generation {
            series.listed = Some(Arc::clone(&cells));
        }
        cells
    }

    /// The text of its help.
    pub(super) fn help(&self) -> &str {
        self.help.get().map_or(UNDESCRIBED, |help| help)
    }

    /// How many series are kept.
    pub(super) fn len(&self) -> usize {
        self.read().sorted.len()
    }

    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    fn read(&self) -> RwLockReadGuard<'_, Series> {
        self.series.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Series> {
        self.series.write().unwrap_or_else(PoisonError::into_inner)
    }
}
