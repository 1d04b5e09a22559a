//! What a collector reads, and the metrics that it gives it to.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::metrics::cell::Cell;
use crate::metrics::definition::{Definition, DefinitionError, Kind, Unit};
use crate::metrics::family_core::FamilyCore;
use crate::metrics::label::{LabelValue, identity};

/// A registered metric with `N` labels whose series collectors give. Cloning shares it.
///
/// The type of its values says what it is: `f64` a gauge, `u64` a counter, [`Duration`] a counter of seconds.
pub struct Collected<V, const N: usize> {
    pub(super) core: Arc<FamilyCore>,
    labels: &'static [&'static str],
    value: PhantomData<fn(V)>,
}

impl<V: Reading, const N: usize> Collected<V, N> {
    pub(in crate::metrics) fn new(core: Arc<FamilyCore>, definition: &Definition) -> Self {
        Self { core, labels: definition.labels, value: PhantomData }
    }

    pub(super) fn identity(&self, values: &[LabelValue; N]) -> String {
        identity(self.labels.iter().copied().zip(values.iter().map(LabelValue::as_str)))
    }
}

impl<V, const N: usize> Clone for Collected<V, N> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core), labels: self.labels, value: PhantomData }
    }
}

impl<V, const N: usize> fmt::Debug for Collected<V, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collected").field("name", &self.core.name).field("labels", &self.labels).finish_non_exhaustive()
    }
}

/// The values that collectors read: `f64` of gauges, `u64` of counters, [`Duration`] of counters of seconds.
///
/// Counters are given as they stand, not by how much they have grown; one that restarts at 0 is taken for what it is
/// by `rate()`.
pub trait Reading: sealed::Reading {}

impl Reading for f64 {}
impl Reading for u64 {}
impl Reading for Duration {}

/// Checks that values of type `V` are what a definition's metric has.
pub(in crate::metrics) fn check<V: Reading>(definition: &Definition) -> Result<(), DefinitionError> {
    let metric = || definition.name.to_owned();
    if definition.kind != V::KIND {
        return Err(DefinitionError::WrongKind { metric: metric(), defined: definition.kind, asked: V::KIND });
    }
    if V::KIND == Kind::Counter && (definition.unit == Unit::Seconds) != V::IS_TIME {
        let rule = "a collected counter of seconds takes `Duration`, and any other counter `u64`";
        return Err(DefinitionError::Invalid { metric: metric(), rule });
    }
    Ok(())
}

pub(super) mod sealed {
    use super::{Cell, Kind};

    #[allow(private_interfaces, unnameable_types, reason = "sealed: nobody outside implements or calls it")]
    pub trait Reading: Copy {
        const KIND: Kind;
        const IS_TIME: bool;

        /// Makes it the value of a cell that has none yet.
        fn put_into(self, cell: &Cell);
    }
}

#[allow(private_interfaces, reason = "sealed: nobody outside implements or calls it")]
impl sealed::Reading for f64 {
    const KIND: Kind = Kind::Gauge;
    const IS_TIME: bool = false;

    fn put_into(self, cell: &Cell) {
        if let Cell::Gauge(cell) = cell {
            cell.set(self);
        }
    }
}

#[allow(private_interfaces, reason = "sealed: nobody outside implements or calls it")]
impl sealed::Reading for u64 {
    const KIND: Kind = Kind::Counter;
    const IS_TIME: bool = false;

    fn put_into(self, cell: &Cell) {
        if let Cell::Counter(cell) = cell {
            cell.add(self);
        }
    }
}

#[allow(private_interfaces, reason = "sealed: nobody outside implements or calls it")]
impl sealed::Reading for Duration {
    const KIND: Kind = Kind::Counter;
    const IS_TIME: bool = true;

    fn put_into(self, cell: &Cell) {
        // What is longer than 584 years shows as that.
        u64::try_from(self.as_nanos()).unwrap_or(u64::MAX).put_into(cell);
    }
}
