//! How many of something are open, derived from how many were opened and closed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::host::HostGauge;
use crate::sync::AtomicU64;

/// A series of a gauge family that shows how many of something are open. Cloning shares it; opening and closing are one
/// atomic add each and allocate nothing.
///
/// What is open is the difference of two counts, closed read first: never negative, and never a guess that drifts.
///
/// ```
/// use aistm7_monitoring::metrics::{Definition, Meter, Registry};
///
/// static SESSIONS: Definition = Definition::gauge("sessions_active", "Sessions that are open.").labels(&["kind"]);
///
/// let registry = Registry::new();
/// let sessions = Meter::new(&registry).gauge(&SESSIONS)?.tally(["trading".into()]);
/// sessions.open();
/// sessions.open();
/// sessions.close();
/// assert!(registry.render().contains("sessions_active{kind=\"trading\"} 1\n"));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a tally counts nothing by itself"]
pub struct Tally(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    opened: AtomicU64,
    closed: AtomicU64,
    /// A gauge that a recorder of the host's keeps: nobody computes it when it is read, so it goes up and down with us.
    told: Option<HostGauge>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self::telling(None)
    }

    pub(super) fn told_to(gauge: HostGauge) -> Self {
        Self::telling(Some(gauge))
    }

    fn telling(told: Option<HostGauge>) -> Self {
        Self(Arc::new(Counts { opened: AtomicU64::new(0), closed: AtomicU64::new(0), told }))
    }

    /// One more is open.
    #[inline]
    pub fn open(&self) {
        // Ordering: whoever closes what was opened has seen this already, and its release publishes both.
        self.0.opened.fetch_add(1, Ordering::Relaxed);
        if let Some(gauge) = &self.0.told {
            gauge.add(1.0);
        }
    }

    /// One of those that were opened is closed.
    #[inline]
    pub fn close(&self) {
        if let Some(gauge) = &self.0.told {
            gauge.add(-1.0);
        }
        // Ordering: pairs with the acquire in `active`, so that a reader of this close sees its open.
        self.0.closed.fetch_add(1, Ordering::Release);
    }

    /// How many are open.
    pub fn active(&self) -> u64 {
        // Ordering: closed is read first; each close that is seen brings its open along.
        let closed = self.0.closed.load(Ordering::Acquire);
        self.0.opened.load(Ordering::Relaxed).saturating_sub(closed)
    }
}
