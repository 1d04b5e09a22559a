//! Receiving from a channel of either kind.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use super::{Delivery, Item, Room};

/// The receiving half of a [`channel`](crate::queue::QueueMetrics::channel) or an
/// [`unbounded_channel`](crate::queue::QueueMetrics::unbounded_channel).
///
/// As tokio's [`Receiver`](mpsc::Receiver). What is still in the channel when this is dropped counts as dropped.
pub struct Receiver<T>(Source<T>);

/// Tokio's receiving half.
pub(super) enum Source<T> {
    Bounded { receiver: mpsc::Receiver<Item<T>>, _room: Room },
    Unbounded(mpsc::UnboundedReceiver<Item<T>>),
}

/// The same of either of tokio's.
macro_rules! either {
    ($source:expr, $receiver:ident => $what:expr) => {
        match $source {
            Source::Bounded { receiver: $receiver, .. } => $what,
            Source::Unbounded($receiver) => $what,
        }
    };
}

impl<T> Receiver<T> {
    pub(super) fn new(source: Source<T>) -> Self {
        Self(source)
    }

    /// The next item; `None` once every sender is gone, or the channel was closed, and nothing is left.
    ///
    /// # Cancellation
    /// A future that is dropped has taken nothing.
    pub async fn recv(&mut self) -> Option<Delivery<T>> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// The next item, if one is there.
    ///
    /// # Errors
    /// When none is there, or none will be any more.
    pub fn try_recv(&mut self) -> Result<Delivery<T>, TryRecvError> {
        either!(&mut self.0, receiver => receiver.try_recv()).map(Delivery::new)
    }

    /// As [`recv`](Self::recv), on a thread that may wait.
    ///
    /// # Panics
    /// As tokio's, when called on a thread that drives tasks.
    pub fn blocking_recv(&mut self) -> Option<Delivery<T>> {
        either!(&mut self.0, receiver => receiver.blocking_recv()).map(Delivery::new)
    }

    /// As [`recv`](Self::recv), for who polls by hand.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<Delivery<T>>> {
        either!(&mut self.0, receiver => receiver.poll_recv(context)).map(|item| item.map(Delivery::new))
    }

    /// Takes no more. What is in the channel can still be received.
    pub fn close(&mut self) {
        either!(&mut self.0, receiver => receiver.close());
    }

    /// Whether nothing comes any more beside what is there.
    pub fn is_closed(&self) -> bool {
        either!(&self.0, receiver => receiver.is_closed())
    }

    /// How many items are there.
    pub fn len(&self) -> usize {
        either!(&self.0, receiver => receiver.len())
    }

    /// Whether no item is there.
    pub fn is_empty(&self) -> bool {
        either!(&self.0, receiver => receiver.is_empty())
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("len", &self.len()).finish_non_exhaustive()
    }
}
