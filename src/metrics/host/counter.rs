//! A counter of a recorder of the host's, which counts whole units.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::metrics::definition::Unit;
use crate::sync::AtomicU64;

/// Shared by every handle of a series, so that a fraction of a unit that one of them adds is completed by another.
#[derive(Clone)]
pub(in crate::metrics) struct HostCounter(Arc<State>);

struct State {
    /// Whole things, or nanoseconds when the unit is seconds.
    counted: AtomicU64,
    per_unit: u64,
    host: ::metrics::Counter,
    labels: Arc<str>,
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

impl HostCounter {
    pub(super) fn new(host: ::metrics::Counter, unit: Unit, labels: Arc<str>) -> Self {
        let per_unit = if unit == Unit::Seconds { NANOS_PER_SECOND } else { 1 };
        Self(Arc::new(State { counted: AtomicU64::new(0), per_unit, host, labels }))
    }

    /// Adds, and hands over the units that this completes.
    pub(in crate::metrics) fn add(&self, by: u64) {
        let State { counted, per_unit, host, .. } = &*self.0;
        // Ordering: the additions of one number have one order, and each hands over the units between the count that it
        // found and the one that it left: together all of them, and none twice.
        let found = counted.fetch_add(by, Ordering::Relaxed);
        // A count that runs past the last number begins anew; what it had handed over stays.
        let units = (found.wrapping_add(by) / per_unit).saturating_sub(found / per_unit);
        if units > 0 {
            host.increment(units);
        }
    }

    /// What the handles of this series have counted.
    pub(in crate::metrics) fn get(&self) -> u64 {
        self.0.counted.load(Ordering::Relaxed)
    }

    pub(super) fn labels(&self) -> &Arc<str> {
        &self.0.labels
    }
}

impl fmt::Debug for HostCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}
