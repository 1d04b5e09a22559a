//! A metric with its series: found or born by label values, up to a cap.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::cell::{Cell, Observed};
use super::counter::Counter;
use super::definition::{Definition, Kind};
use super::family_core::FamilyCore;
use super::gauge::Gauge;
use super::histogram::Histogram;
use super::host::{Destination, HostCell, HostGauge};
use super::label::{LabelValue, identity};
use super::tally::Tally;
use crate::diagnostics::Problem;

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
        self.series_with(values, &[])
    }

    /// As [`Family::series`], with labels beside those of the definition. Their names are declared at build, differ
    /// from the definition's, and are the same for all series.
    pub(crate) fn series_with(&self, values: [LabelValue; N], further: &[(&'static str, LabelValue)]) -> H {
        let own = self.labels.iter().copied().zip(values.iter());
        let all = own.chain(further.iter().map(|(name, value)| (*name, value)));
        let identity = identity(all.map(|(name, value)| (name, value.as_str())));
        H::from_cell(self.core.cell(identity).cell(), &self.core)
    }

    fn insert_observed(&self, cell: Cell) {
        match &self.core.shape.host {
            None => self.core.insert(cell),
            Some(_) => self.core.report(Problem::ObservationUnread),
        }
    }

    fn identity(&self, values: &[LabelValue; N]) -> String {
        identity(self.labels.iter().copied().zip(values.iter().map(LabelValue::as_str)))
    }
}

impl<const N: usize> Family<Gauge, N> {
    /// A series whose value is computed whenever it is read; `None` is absent. `read` must not wait. If it
    /// panics, its series is left out of that reading and the panic counted as `observation_panicked`.
    ///
    /// A recorder of the host's never reads: reported to one, the series is missing there, which is counted as
    /// `observation_unread`. Set a gauge, or use [`Family::tally`], instead.
    pub fn observe(&self, values: [LabelValue; N], read: impl Fn() -> Option<f64> + Send + Sync + 'static) {
        self.insert_observed(Cell::ObservedGauge(Observed::new(&self.core.shape, self.identity(&values).into(), read)));
    }

    /// As [`Family::observe`], for what other series tell too: a recorder of the host's does without it, and nothing is
    /// counted as lost.
    #[cfg_attr(not(feature = "business"), allow(dead_code, reason = "of the slices only business has such series"))]
    pub(crate) fn observe_where_read(
        &self,
        values: [LabelValue; N],
        read: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) {
        if self.core.shape.host.is_none() {
            self.observe(values, read);
        }
    }

    /// A series that shows how many of something are open.
    ///
    /// Reported to a recorder of the host's, it is a gauge that is told of each opening and closing: right at rest.
    pub fn tally(&self, values: [LabelValue; N]) -> Tally {
        if let Some(gauge) = self.host_gauge(&values) {
            return Tally::new(Some(gauge));
        }
        let tally = Tally::new(None);
        let shown = tally.clone();
        // The cast is exact below 2^53 things.
        self.observe(values, move || Some(shown.active() as f64));
        tally
    }

    /// The gauge that nobody reads here, so that it has to be told.
    fn host_gauge(&self, values: &[LabelValue; N]) -> Option<HostGauge> {
        self.core.shape.host.as_ref()?;
        match self.core.cell(self.identity(values)).cell() {
            Cell::Host(HostCell::Gauge(gauge)) => Some(gauge),
            _ => None,
        }
    }
}

impl<const N: usize> Family<Counter, N> {
    /// A series whose count is read from elsewhere whenever it is shown. `read` must neither wait nor
    /// go back. If it panics, its series is left out of that reading and the panic counted as `observation_panicked`.
    ///
    /// A recorder of the host's never reads: reported to one, the series is missing there, which is counted as
    /// `observation_unread`. Count with a handle instead.
    pub fn observe(&self, values: [LabelValue; N], read: impl Fn() -> u64 + Send + Sync + 'static) {
        self.insert_observed(Cell::ObservedCounter(Observed::new(
            &self.core.shape,
            self.identity(&values).into(),
            read,
        )));
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
                    Cell::$handle(cell) => Self(Destination::Own(cell)),
                    Cell::Host(HostCell::$handle(cell)) => Self(Destination::Host(cell)),
                    // The series is observed: what is recorded here besides has nowhere to go.
                    observed => match Cell::new(&family.shape, Arc::clone(observed.labels())) {
                        Cell::$handle(detached) => Self(Destination::Own(detached)),
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
