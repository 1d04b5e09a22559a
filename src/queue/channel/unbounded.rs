//! Sending to a channel without a limit.

use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendError;

use super::Item;
use crate::queue::ledger::Ledger;
use crate::queue::{Rejection, Ticket};

/// The sending half of an [`unbounded_channel`](crate::queue::QueueMetrics::unbounded_channel). Cloning shares it.
///
/// As tokio's [`UnboundedSender`](mpsc::UnboundedSender).
pub struct UnboundedSender<T> {
    sender: mpsc::UnboundedSender<Item<T>>,
    ledger: Arc<Ledger>,
}

impl<T> UnboundedSender<T> {
    pub(super) fn new(sender: mpsc::UnboundedSender<Item<T>>, ledger: Arc<Ledger>) -> Self {
        Self { sender, ledger }
    }

    /// Sends a value.
    ///
    /// # Errors
    /// When nobody receives any more, which counts as rejected; the value comes back.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.sender.send(Item { value, ticket: Ticket::enter(&self.ledger) }) {
            Ok(()) => {
                // Only now is it known; whoever has received it meanwhile does not need this count.
                self.ledger.flow.enqueued.increment();
                Ok(())
            }
            Err(SendError(Item { value, ticket })) => {
                ticket.reject(Rejection::Closed);
                Err(SendError(value))
            }
        }
    }

    /// Waits until nobody receives any more.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Whether nobody receives any more.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), ledger: Arc::clone(&self.ledger) }
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender").finish_non_exhaustive()
    }
}
