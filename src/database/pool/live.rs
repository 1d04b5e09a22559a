//! What is read of a pool at a scrape.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::stats::{PoolCounts, PoolStats};
use crate::database::instruments::Families;
use crate::metrics::LabelValue;

/// What is known of one pool. It holds no family, since families hold it to read it.
#[derive(Default)]
pub(super) struct Live {
    /// The pool that was observed last.
    pool: RwLock<Option<Arc<dyn PoolStats>>>,
    /// How many measured acquisitions wait, once there was one.
    waiting: OnceLock<AtomicU32>,
    /// Those that a hook of the pool told of.
    openings: Openings,
    /// The most connections that were ever found closed, so that the count never goes back.
    closed: AtomicU64,
    shown: Shown,
}

/// Counts the connections that a pool opened, for its hook. It keeps nothing alive, neither the pool nor the metrics, so the
/// pool may keep it.
#[derive(Clone, Debug, Default)]
#[must_use = "it counts what it is told of"]
pub struct Openings(Arc<AtomicU64>);

impl Openings {
    /// The pool opened a connection.
    pub fn increment(&self) {
        // Ordering: a lone counter.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn total(&self) -> u64 {
        // Ordering: as above.
        self.0.load(Ordering::Relaxed)
    }
}

/// Which series are there.
#[derive(Default)]
struct Shown {
    counts: OnceLock<()>,
    waiting: OnceLock<()>,
    churn: OnceLock<()>,
}

/// One number of a pool's counts, if it has it.
type Reading = fn(&PoolCounts) -> Option<f64>;

impl Live {
    pub(super) fn observe(self: &Arc<Self>, pool: Arc<dyn PoolStats>, families: &Families, name: &LabelValue) {
        let tells_churn = pool.counts().opened.is_some();
        *self.pool.write().unwrap_or_else(PoisonError::into_inner) = Some(pool);
        self.shown.counts.get_or_init(|| self.show_counts(families, name));
        self.show_waiting(families, name);
        if tells_churn {
            self.show_churn(families, name);
        }
    }

    pub(super) fn openings(self: &Arc<Self>, families: &Families, name: &LabelValue) -> Openings {
        self.show_churn(families, name);
        self.openings.clone()
    }

    pub(super) fn begin_waiting(self: &Arc<Self>, families: &Families, name: &LabelValue) {
        let waiting = self.waiting.get_or_init(|| {
            self.show_waiting(families, name);
            AtomicU32::new(0)
        });
        // Ordering: a lone counter; each end follows its beginning in one task.
        waiting.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end_waiting(&self) {
        if let Some(waiting) = self.waiting.get() {
            // Ordering: as above.
            waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> Option<PoolCounts> {
        // Asked without the lock: it is the service's code.
        let pool = self.pool.read().unwrap_or_else(PoisonError::into_inner).clone();
        pool.map(|pool| pool.counts())
    }

    fn waiting(&self) -> Option<f64> {
        let told = self.counts().and_then(|counts| counts.waiting);
        told.or_else(|| self.waiting.get().map(|waiting| waiting.load(Ordering::Relaxed))).map(f64::from)
    }

    fn opened(&self) -> u64 {
        let told = self.counts().and_then(|counts| counts.opened);
        told.unwrap_or_else(|| self.openings.total())
    }

    fn closed(&self) -> u64 {
        // Before the pool is looked at: what it opens in between is then not taken for closed.
        let told_of = self.openings.total();
        // As long as there is no pool to look at, nothing is known to be closed.
        let closed = self.counts().map_or(0, |counts| {
            counts.closed.unwrap_or_else(|| counts.opened.unwrap_or(told_of).saturating_sub(counts.size()))
        });
        // Ordering: a lone counter.
        self.closed.fetch_max(closed, Ordering::Relaxed).max(closed)
    }

    fn show_counts(self: &Arc<Self>, families: &Families, name: &LabelValue) {
        let read = |of: Reading| {
            let live = Arc::clone(self);
            move || live.counts().as_ref().and_then(of)
        };
        let state = |state: &'static str, of| families.connections.observe([name.clone(), state.into()], read(of));
        state("in_use", |counts| Some(counts.in_use.into()));
        state("idle", |counts| Some(counts.idle.into()));
        families.max.observe([name.clone()], read(|counts| Some(counts.max.into())));
        families.utilization.observe([name.clone()], read(PoolCounts::utilization));
    }

    fn show_waiting(self: &Arc<Self>, families: &Families, name: &LabelValue) {
        let live = Arc::clone(self);
        self.shown.waiting.get_or_init(|| families.waiting.observe([name.clone()], move || live.waiting()));
    }

    fn show_churn(self: &Arc<Self>, families: &Families, name: &LabelValue) {
        let (opened, closed) = (Arc::clone(self), Arc::clone(self));
        self.shown.churn.get_or_init(|| {
            families.opened.observe([name.clone()], move || opened.opened());
            families.closed.observe([name.clone()], move || closed.closed());
        });
    }
}
