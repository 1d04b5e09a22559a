//! What a `Monitoring` gives for queues.

use super::Monitoring;
use crate::queue::Queues;

impl Monitoring {
    /// The handles of queues, by name: depth, age, waits, work, and channels that measure themselves.
    pub fn queue(&self) -> Queues {
        self.0.queues.clone()
    }
}
