//! The other replicas of the service, as far as checks have to know of them.

use std::sync::Arc;

use crate::store::lease::Lease;

/// What a replica knows of its fleet.
pub(crate) struct Fleet {
    /// How many replicas the service is declared to have.
    pub(crate) replicas: u32,
    /// How they agree on who runs a shared check.
    pub(crate) lease: Option<Lease>,
    /// Under which name this process bids: no other has it, also not the same one after a restart.
    pub(crate) holder: Arc<str>,
}

impl Fleet {
    /// With so many replicas.
    pub(crate) fn new(replicas: u32, lease: Option<Lease>) -> Self {
        let holder = format!("{}-{:032x}", std::process::id(), fastrand::u128(..)).into();
        Self { replicas, lease, holder }
    }
}

impl Default for Fleet {
    /// Alone.
    fn default() -> Self {
        Self::new(1, None)
    }
}
