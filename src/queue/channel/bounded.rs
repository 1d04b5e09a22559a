//! Sending to a channel with a limit.

use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::{SendError, TrySendError};

use super::Item;
use crate::queue::ledger::Ledger;
use crate::queue::{Rejection, Ticket};

/// The sending half of a [`channel`](crate::queue::QueueMetrics::channel). Cloning shares it.
///
/// As tokio's [`Sender`](mpsc::Sender), whose order and limits it has. An item counts, and waits, from when it has its
/// room, not from when its sender began to wait for that. A thread outside of a runtime sends with `try_send`, or with
/// `Handle::block_on`.
pub struct Sender<T> {
    sender: mpsc::Sender<Item<T>>,
    ledger: Arc<Ledger>,
}

impl<T> Sender<T> {
    pub(super) fn new(sender: mpsc::Sender<Item<T>>, ledger: Arc<Ledger>) -> Self {
        Self { sender, ledger }
    }

    /// Sends a value once there is room.
    ///
    /// # Errors
    /// When nobody receives any more, which counts as rejected; the value comes back.
    ///
    /// # Cancellation
    /// A future that is dropped has sent nothing and counts nothing; the value is dropped with it.
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.reserve().await {
            Ok(permit) => {
                permit.send(value);
                Ok(())
            }
            Err(SendError(())) => {
                self.ledger.flow.reject(Rejection::Closed);
                Err(SendError(value))
            }
        }
    }

    /// Sends a value if there is room now.
    ///
    /// # Errors
    /// When there is none, or nobody receives any more; either counts as rejected, and the value comes back.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.sender.try_reserve() {
            Ok(permit) => {
                self.permit(permit).send(value);
                Ok(())
            }
            Err(TrySendError::Full(())) => {
                self.ledger.flow.reject(Rejection::Full);
                Err(TrySendError::Full(value))
            }
            Err(TrySendError::Closed(())) => {
                self.ledger.flow.reject(Rejection::Closed);
                Err(TrySendError::Closed(value))
            }
        }
    }

    /// Waits for room for one value, and keeps it until the permit is used or dropped. Nothing counts before it is used.
    ///
    /// # Errors
    /// When nobody receives any more.
    ///
    /// # Cancellation
    /// A future that is dropped loses its place among those who wait.
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        Ok(self.permit(self.sender.reserve().await?))
    }

    /// Waits until nobody receives any more.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Whether nobody receives any more.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// How many values have room now.
    pub fn capacity(&self) -> usize {
        self.sender.capacity()
    }

    /// How many values have room when the channel is empty.
    pub fn max_capacity(&self) -> usize {
        self.sender.max_capacity()
    }

    fn permit<'a>(&'a self, permit: mpsc::Permit<'a, Item<T>>) -> Permit<'a, T> {
        Permit { permit, ledger: &self.ledger }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), ledger: Arc::clone(&self.ledger) }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

/// Room for one value, see [`Sender::reserve`].
#[must_use = "room that nobody uses keeps others waiting"]
pub struct Permit<'a, T> {
    permit: mpsc::Permit<'a, Item<T>>,
    ledger: &'a Arc<Ledger>,
}

impl<T> Permit<'_, T> {
    /// Sends a value.
    pub fn send(self, value: T) {
        // Before it is sent, so that nobody counts it out before it is counted in.
        self.ledger.flow.enqueued.increment();
        self.permit.send(Item { value, ticket: Ticket::enter(self.ledger) });
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
