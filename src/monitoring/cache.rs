//! What a `Monitoring` gives for caches.

use super::Monitoring;
use crate::cache::Caches;

impl Monitoring {
    /// The handles of caches, by name: hits, loads, evictions, sizes.
    pub fn cache(&self) -> Caches {
        self.0.caches.clone()
    }
}
