//! How far a process is on its way out, and how its parts learn of it.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// Where a process stands between its start and its end. It only moves forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// Requests are welcome.
    #[default]
    Serving,
    /// Readiness says no, requests are still served: load balancers need this time to look away.
    Draining,
    /// No new connection; open streams and WebSockets are asked to end.
    Closing,
    /// What is still open is cut off.
    Closed,
}

/// The shared knowledge of the present [`Phase`].
///
/// ```
/// use aistm7_monitoring::drain::{Drain, Phase};
///
/// let drain = Drain::new();
/// drain.enter(Phase::Closing);
/// drain.enter(Phase::Draining); // there is no way back
/// assert_eq!(drain.phase(), Phase::Closing);
/// ```
#[derive(Clone)]
pub struct Drain(Arc<watch::Sender<Phase>>);

impl Drain {
    /// Starts in [`Phase::Serving`].
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Serving)))
    }

    /// The present phase.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Moves on to `phase`; does nothing if that lies behind.
    pub fn enter(&self, phase: Phase) {
        self.0.send_if_modified(|present| {
            let forward = phase > *present;
            if forward {
                *present = phase;
            }
            forward
        });
    }

    /// Resolves once `phase` has been reached, at once if it lies behind.
    ///
    /// # Cancellation
    /// Safe: dropping the future changes nothing.
    pub fn reached(&self, phase: Phase) -> impl Future<Output = ()> + Send + Sync + use<> {
        let mut receiver = self.0.subscribe();
        // The future keeps the sender, so waiting cannot fail.
        let keep = self.clone();
        async move {
            let _ = receiver.wait_for(|present| *present >= phase).await;
            drop(keep);
        }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Drain").field(&self.phase()).finish()
    }
}
