//! Tokio's channels as queues: who sends and receives finds what tokio's do.

mod bounded;
mod delivery;
mod receiver;
mod unbounded;

use std::sync::Arc;

use tokio::sync::mpsc;

pub use bounded::{Permit, Sender};
pub use delivery::Delivery;
pub use receiver::Receiver;
pub use unbounded::UnboundedSender;

use super::{QueueMetrics, Ticket};
use receiver::Source;

/// What is in a channel.
struct Item<T> {
    value: T,
    ticket: Ticket,
}

impl QueueMetrics {
    /// A channel with room for so many items, of [`tokio::sync::mpsc::channel`]: senders wait while it is full.
    ///
    /// # Panics
    /// As tokio's, when it would have no room at all.
    ///
    /// ```
    /// # use aistm7_monitoring::{queue::Queues, clock::Clock, metrics::{Meter, Registry}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let registry = Registry::new();
    /// # let queues = Queues::new(&Meter::new(&registry), Clock::system())?;
    /// let (orders, mut received) = queues.named("orders").channel(100);
    /// tokio::spawn(async move { orders.send("12").await });
    /// while let Some(order) = received.recv().await {
    ///     let amount = order.execute_async(async |order| order.parse::<u32>()).await?; // timed, and counted by outcome
    ///     assert_eq!(amount, 12);
    /// }
    /// assert!(registry.render().contains("queue_processed_total{outcome=\"ok\",queue=\"orders\"} 1\n"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn channel<T>(&self, capacity: usize) -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = mpsc::channel(capacity);
        let room = Room::new(self, capacity);
        (Sender::new(sender, Arc::clone(&self.ledger)), Receiver::new(Source::Bounded { receiver, _room: room }))
    }

    /// A channel that takes whatever is sent, of [`tokio::sync::mpsc::unbounded_channel`]. Its depth is all that tells of
    /// one that fills the memory.
    pub fn unbounded_channel<T>(&self) -> (UnboundedSender<T>, Receiver<T>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (UnboundedSender::new(sender, Arc::clone(&self.ledger)), Receiver::new(Source::Unbounded(receiver)))
    }
}

/// The room that a channel adds to its queue, for as long as somebody may receive.
struct Room {
    queue: QueueMetrics,
    items: f64,
}

impl Room {
    fn new(queue: &QueueMetrics, items: usize) -> Self {
        // The cast is exact up to 2^53; tokio allows less.
        let items = items as f64;
        queue.capacity.add(items);
        Self { queue: queue.clone(), items }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.queue.capacity.add(-self.items);
    }
}
