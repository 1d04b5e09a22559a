//! Pushes under way, so that the process can wait for them before it ends.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many runs are still being pushed. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    count: Mutex<u64>,
    changed: Condvar,
}

/// One run that is being pushed, until this is dropped.
#[derive(Debug)]
pub(super) struct PendingGuard(Pending);

impl Pending {
    pub(super) fn begin(&self) -> PendingGuard {
        *self.count() += 1;
        PendingGuard(self.clone())
    }

    pub(super) fn is_empty(&self) -> bool {
        *self.count() == 0
    }

    /// Waits until there is none, at most for `limit`, and says how many there are then.
    pub(super) fn wait(&self, limit: Duration) -> u64 {
        let waited = self.0.changed.wait_timeout_while(self.count(), limit, |count| *count > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn count(&self) -> MutexGuard<'_, u64> {
        self.0.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PendingGuard {
    fn drop(&mut self) {
        *self.0.count() -= 1;
        self.0.0.changed.notify_all();
    }
}
