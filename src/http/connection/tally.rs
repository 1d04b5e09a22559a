//! How many of something are open, derived from how many were opened and closed.

use std::sync::atomic::{AtomicU64, Ordering};

/// Two counts whose difference is never negative, in whatever order they are written and read.
#[derive(Debug, Default)]
pub(in crate::http) struct Tally {
    opened: AtomicU64,
    closed: AtomicU64,
}

impl Tally {
    pub(in crate::http) fn open(&self) {
        // Ordering: whoever closes what was opened has seen this already, and its release publishes both.
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::http) fn close(&self) {
        // Ordering: pairs with the acquire in `active`, so that a reader of this close sees its open.
        self.closed.fetch_add(1, Ordering::Release);
    }

    pub(in crate::http) fn active(&self) -> u64 {
        // Ordering: closed is read first; each close that is seen brings its open along.
        let closed = self.closed.load(Ordering::Acquire);
        self.opened.load(Ordering::Relaxed).saturating_sub(closed)
    }
}
