//! A metric with its series: found or born by label values, up to a cap.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::cell::{Cell, Shape};
use super::counter::Counter;
use super::definition::{Definition, Kind};
use super::gauge::Gauge;
use super::histogram::Histogram;
use super::label::{LabelValue, OVERFLOW, identity};
use crate::diagnostics::{Diagnostics, Problem};

/// A registered metric with `N` labels, from which handles are resolved. Cloning shares it.
pub struct Family<H, const N: usize> {
    core: Arc<FamilyCore>,
    labels: &'static [&'static str],
    handle: PhantomData<fn() -> H>,
}

impl<H: Handle, const N: usize> Family<H, N> {
    pub(super) fn new(core: Arc<FamilyCore>, definition: &Definition) -> Self {
        Self { core, labels: definition.labels, handle: PhantomData }
    }

    /// The handle of the series with these label values, in the definition's order of labels.
    ///
    /// The first call for a set creates the series (at 0, so that `rate()` sees its first increment). Past a cap the
    /// handle is that of the family's overflow series, and the refusal is counted. Cost: a lock, a map look-up and an
    /// allocation, so resolve once and keep the handle.
    pub fn series(&self, values: [LabelValue; N]) -> H {
        H::from_cell(self.core.cell(self.identity(&values)), &self.core)
    }

    fn identity(&self, values: &[LabelValue; N]) -> String {
        identity(self.labels.iter().copied().zip(values.iter().map(LabelValue::as_str)))
    }
}

impl<const N: usize> Family<Gauge, N> {
    /// A series whose value is computed whenever it is read; `None` is absent. `read` must neither wait nor panic.
    pub fn observe(&self, values: [LabelValue; N], read: impl Fn() -> Option<f64> + Send + Sync + 'static) {
        self.core.insert(self.identity(&values), Cell::ObservedGauge(Arc::new(read)));
    }
}

impl<const N: usize> Family<Counter, N> {
    /// A series whose count is read from elsewhere whenever it is shown. `read` must neither wait, panic nor go back.
    pub fn observe(&self, values: [LabelValue; N], read: impl Fn() -> u64 + Send + Sync + 'static) {
        self.core.insert(self.identity(&values), Cell::ObservedCounter(Arc::new(read)));
    }
}

impl<H, const N: usize> Clone for Family<H, N> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core), labels: self.labels, handle: PhantomData }
    }
}

impl<H, const N: usize> fmt::Debug for Family<H, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family").field("name", &self.core.name).field("labels", &self.labels).finish_non_exhaustive()
    }
}

/// The handles that a [`Family`] gives: [`Counter`], [`Gauge`], [`Histogram`].
pub trait Handle: sealed::FromCell {}

impl Handle for Counter {}
impl Handle for Gauge {}
impl Handle for Histogram {}

pub(super) mod sealed {
    use super::{Cell, FamilyCore, Kind};

    #[allow(private_interfaces, unnameable_types, reason = "sealed: nobody outside implements or calls it")]
    pub trait FromCell: Sized {
        const KIND: Kind;
        fn from_cell(cell: Cell, family: &FamilyCore) -> Self;
    }
}

macro_rules! handle_of {
    ($handle:ident) => {
        #[allow(private_interfaces, reason = "sealed: nobody outside implements or calls it")]
        impl sealed::FromCell for $handle {
            const KIND: Kind = Kind::$handle;

            fn from_cell(cell: Cell, family: &FamilyCore) -> Self {
                match cell {
                    Cell::$handle(cell) => Self(cell),
                    // The series is observed: what is recorded here besides has nowhere to go.
                    _ => match Cell::new(&family.shape) {
                        Cell::$handle(detached) => Self(detached),
                        _ => unreachable!("a family's shape has the kind it was registered with"),
                    },
                }
            }
        }
    };
}

handle_of!(Counter);
handle_of!(Gauge);
handle_of!(Histogram);

/// A family without its types.
pub(super) struct FamilyCore {
    pub(super) name: Arc<str>,
    pub(super) help: OnceLock<Arc<str>>,
    pub(super) shape: Arc<Shape>,
    /// `None` for a family of the facade, whose label sets are free.
    pub(super) definition: Option<Definition>,
    /// Sorted, so that output is too.
    series: RwLock<BTreeMap<Arc<str>, Cell>>,
    overflowed: AtomicU64,
    budget: Arc<Budget>,
}

/// The caps of a registry and what has been used of them.
pub(super) struct Budget {
    pub(super) per_family: usize,
    pub(super) in_all: usize,
    pub(super) used: AtomicUsize,
    pub(super) diagnostics: Diagnostics,
}

impl FamilyCore {
    pub(super) fn new(name: &str, shape: Shape, definition: Option<Definition>, budget: Arc<Budget>) -> Self {
        let help = definition.map_or_else(OnceLock::new, |definition| OnceLock::from(Arc::from(definition.help)));
        Self {
            name: name.into(),
            help,
            shape: Arc::new(shape),
            definition,
            series: RwLock::default(),
            overflowed: AtomicU64::new(0),
            budget,
        }
    }

    /// The cell of a label set: found, born, or the overflow's.
    pub(super) fn cell(&self, identity: String) -> Cell {
        if let Some(cell) = self.series.read().unwrap_or_else(PoisonError::into_inner).get(identity.as_str()) {
            return cell.clone();
        }
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = series.get(identity.as_str()) {
            return cell.clone();
        }
        if identity != OVERFLOW && !self.admit(series.len()) {
            let overflow = series.entry(OVERFLOW.into()).or_insert_with(|| Cell::new(&self.shape)).clone();
            drop(series);
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            self.budget.diagnostics.report(Problem::SeriesOverflow, &self.name);
            return overflow;
        }
        let cell = Cell::new(&self.shape);
        series.insert(identity.into(), cell.clone());
        cell
    }

    fn insert(&self, identity: String, cell: Cell) {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        if series.contains_key(identity.as_str()) || self.admit(series.len()) {
            series.insert(identity.into(), cell);
        } else {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            self.budget.diagnostics.count(Problem::SeriesOverflow);
        }
    }

    /// Whether one more series fits; takes its place if so. Called under the family's write lock.
    fn admit(&self, present: usize) -> bool {
        let budget = &self.budget;
        if present >= budget.per_family {
            return false;
        }
        // Ordering: the count guards no other memory; families race for the last places and one of them loses.
        let take = |used: usize| (used < budget.in_all).then_some(used + 1);
        budget.used.try_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// The series in order, as they are now. The lock is held for one clone of each entry.
    pub(super) fn cells(&self) -> Vec<(Arc<str>, Cell)> {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        series.iter().map(|(identity, cell)| (Arc::clone(identity), cell.clone())).collect()
    }

    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }
}
