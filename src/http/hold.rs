//! What a request holds of its ledger.

use std::ops::Deref;
use std::sync::Arc;

use super::ledger::Ledger;
use crate::sync::PerThread;

/// A ledger for as long as a request lasts.
pub(super) struct LedgerHold(Arc<Held>);

/// In a cache line of its own, where the threads that count references do not meet.
#[repr(align(64))]
struct Held(Arc<Ledger>);

/// A ledger, for each thread to take a hold of it.
pub(super) struct LedgerHolds(PerThread<Arc<Held>>);

impl LedgerHolds {
    pub(super) fn of(ledger: Ledger) -> Self {
        let ledger = Arc::new(ledger);
        Self(PerThread::of(|| Arc::new(Held(Arc::clone(&ledger)))))
    }

    /// Cost: two atomic adds, of which the second is that of the hold's end, on a cache line that is this thread's.
    #[inline]
    pub(super) fn hold(&self) -> LedgerHold {
        LedgerHold(Arc::clone(self.0.own()))
    }
}

impl Deref for LedgerHolds {
    type Target = Ledger;

    #[inline]
    fn deref(&self) -> &Ledger {
        &self.0.own().0
    }
}

impl Deref for LedgerHold {
    type Target = Ledger;

    #[inline]
    fn deref(&self) -> &Ledger {
        &self.0.0
    }
}
