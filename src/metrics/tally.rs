//! How many of something are open, derived from how many were opened and closed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::cell::CounterCell;
use super::host::HostGauge;
use crate::sync::fence;

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
    opened: CounterCell,
    closed: CounterCell,
    /// A gauge that a recorder of the host's keeps: nobody computes it when it is read, so it goes up and down with us.
    told: Option<HostGauge>,
}

impl Tally {
    pub(super) fn new(told: Option<HostGauge>) -> Self {
        // Cells of no series: threads that open and close at once keep off each other's cache lines as in a counter.
        let [opened, closed] = ["", ""].map(|labels| CounterCell::new(labels.into()));
        Self(Arc::new(Counts { opened, closed, told }))
    }

    /// One more is open.
    #[inline]
    pub fn open(&self) {
        // Whoever closes what was opened has seen this already, and its fence publishes both.
        self.0.opened.add(1);
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
        // Ordering: pairs with the fence in `active`, so that a reader of this close sees its open.
        fence(Ordering::Release);
        self.0.closed.add(1);
    }

    /// How many are open.
    pub fn active(&self) -> u64 {
        let closed = self.0.closed.get();
        // Ordering: closed is read first; each close that is seen brings its open along.
        fence(Ordering::Acquire);
        self.0.opened.get().saturating_sub(closed)
    }
}
