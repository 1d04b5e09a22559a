//! What is counted of one queue.

use std::sync::Arc;

use super::instruments::Instruments;
use super::labels::Rejection;
use super::ledger::{Flow, Ledger};
use super::ticket::Ticket;
use crate::metrics::{Gauge, LabelValue};

/// The metrics of one queue in this process. Cloning shares it; recording allocates nothing once the queue has been as
/// long before.
///
/// [`channel`](Self::channel) and [`unbounded_channel`](Self::unbounded_channel) are queues that measure themselves. For
/// one of another make, [`enqueued`](Self::enqueued) gives a [`Ticket`] that goes with the item.
#[derive(Clone, Debug)]
#[must_use = "a handle counts nothing by itself"]
pub struct QueueMetrics {
    pub(super) ledger: Arc<Ledger>,
    /// Absent until there is one.
    pub(super) capacity: Gauge,
}

impl QueueMetrics {
    pub(super) fn new(instruments: &Instruments, queue: &LabelValue, flow: Arc<Flow>) -> Self {
        let capacity = instruments.capacity.series([queue.clone()]);
        Self { ledger: Arc::new(Ledger::new(instruments, queue, flow)), capacity }
    }

    /// Counts an item that got into the queue. Keep the ticket with it.
    pub fn enqueued(&self) -> Ticket {
        self.ledger.flow.enqueued.increment();
        Ticket::enter(&self.ledger)
    }

    /// Counts an item that did not get into the queue.
    pub fn rejected(&self, reason: Rejection) {
        self.ledger.flow.reject(reason);
    }
}
