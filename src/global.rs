//! Process-wide places, of which a process has one each: a subscriber, a recorder, a logger, a panic hook.

use std::sync::atomic::{AtomicBool, Ordering};

/// What became of a process-wide place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a place that is taken stays with whoever has it"]
pub enum Installed {
    /// It is ours from now on.
    Installed,
    /// We had it before.
    AlreadyOurs,
    /// Somebody else has it, and keeps it; everything else works without.
    Taken,
}

/// Whether one place is ours.
#[derive(Debug, Default)]
pub(crate) struct Place(AtomicBool);

impl Place {
    #[cfg(feature = "log")]
    pub(crate) fn is_ours(&self) -> bool {
        // Ordering: as in `claim`.
        self.0.load(Ordering::Relaxed)
    }

    /// Takes the place by `install`, which says whether it succeeded, unless it is ours already.
    pub(crate) fn claim(&self, install: impl FnOnce() -> bool) -> Installed {
        // Ordering: the flag only reports; what is installed synchronises itself.
        if self.0.load(Ordering::Relaxed) {
            Installed::AlreadyOurs
        } else if install() {
            self.0.store(true, Ordering::Relaxed);
            Installed::Installed
        } else {
            Installed::Taken
        }
    }
}
