//! One item that waits.

use std::sync::Arc;
use std::time::Instant;

use super::labels::Rejection;
use super::ledger::{Flow, Ledger};
use crate::work::Timer;

/// An item's place in a queue, to be kept in the queue with the item.
///
/// Dropped before [`dequeued`](Self::dequeued), as with a queue that is thrown away, the item counts as dropped.
///
/// ```
/// # use aistm7_monitoring::{queue::Queues, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let queues = Queues::new(&Meter::new(&registry), Clock::system())?;
/// use std::collections::VecDeque;
///
/// let metrics = queues.named("orders");
/// let mut orders = VecDeque::new();
/// orders.push_back(("buy", metrics.enqueued()));
/// orders.push_back(("sell", metrics.enqueued()));
///
/// let (order, ticket) = orders.pop_front().expect("two are there");
/// let working = ticket.dequeued(); // it has waited until now
/// assert_eq!(order, "buy");
/// working.ok();
/// # let page = registry.render();
/// # assert!(page.contains("queue_depth{queue=\"orders\"} 1\n"));
/// # assert!(page.contains("queue_processed_total{outcome=\"ok\",queue=\"orders\"} 1\n"));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Debug)]
#[must_use = "an item without its ticket counts as dropped"]
pub struct Ticket {
    ledger: Arc<Ledger>,
    place: u64,
    since: Instant,
    fate: Fate,
}

/// What becomes of an item when its ticket is dropped.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Dropped,
    Received {
        at: Instant,
    },
    /// It never was in the queue.
    Rejected(Rejection),
}

impl Ticket {
    /// An item is put into the queue. It counts as enqueued when the queue has it, which whoever puts it there knows.
    pub(super) fn enter(ledger: &Arc<Ledger>) -> Self {
        ledger.depth.open();
        let since = ledger.flow.base.clock.now();
        Self { place: ledger.waiting.enter(since), ledger: Arc::clone(ledger), since, fate: Fate::Dropped }
    }

    /// The queue did not take the item.
    pub(super) fn reject(mut self, reason: Rejection) {
        self.fate = Fate::Rejected(reason);
    }

    /// The item was received, and the work on it begins: it has waited until now. What becomes of it is told to the timer.
    pub fn dequeued(mut self) -> Timer {
        let now = self.ledger.flow.base.clock.now();
        self.fate = Fate::Received { at: now };
        // Before the ticket goes, so that the item is never nowhere.
        Timer::start_at(Arc::<Flow>::clone(&self.ledger.flow), now)
    }
}

/// The one place where an item leaves the queue, so that it leaves once.
impl Drop for Ticket {
    fn drop(&mut self) {
        match self.fate {
            Fate::Dropped => self.ledger.dropped.increment(),
            Fate::Received { at } => self.ledger.flow.wait.record_duration(at.saturating_duration_since(self.since)),
            Fate::Rejected(reason) => self.ledger.flow.reject(reason),
        }
        self.ledger.waiting.leave(self.place);
        self.ledger.depth.close();
    }
}
