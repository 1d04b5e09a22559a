//! What waits to be exported: bounded in bytes, and nobody waits to get in.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::instruments::Lost;

/// How many items go out at once. As the specification has it for spans.
pub(super) const BATCH: usize = 512;

/// How long an item waits for others to go with. Chosen: what a process that is killed loses.
const GATHER: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Queue<T> {
    budget: usize,
    state: Mutex<State<T>>,
    /// There may be a batch, or an end.
    ripe: Notify,
    /// How many of the items that were taken in have an end by now.
    settled: watch::Sender<u64>,
    /// Changed with the state locked.
    phase: watch::Sender<Phase>,
}

#[derive(Debug)]
struct State<T> {
    items: Vec<(usize, T)>,
    bytes: usize,
    /// How many were ever taken in.
    taken_in: u64,
    pace: Pace,
}

/// What a batch waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// For its number, or some time.
    Gathering,
    /// For nothing.
    Hurried,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Closed,
}

impl<T> Queue<T> {
    pub(super) fn new(budget: usize) -> Self {
        let state = State { items: Vec::new(), bytes: 0, taken_in: 0, pace: Pace::Gathering };
        Self {
            budget,
            state: Mutex::new(state),
            ripe: Notify::new(),
            settled: watch::Sender::new(0),
            phase: watch::Sender::new(Phase::Open),
        }
    }

    /// Takes an item of so many bytes in.
    ///
    /// # Errors
    /// When there is no room, or no end would come of it.
    pub(super) fn push(&self, bytes: usize, item: T) -> Result<(), Lost> {
        let is_ripe = {
            let mut state = self.state();
            if self.is_closed() {
                return Err(Lost::Stopped);
            }
            if state.bytes + bytes > self.budget {
                return Err(Lost::QueueFull);
            }
            state.bytes += bytes;
            state.items.push((bytes, item));
            state.taken_in += 1;
            // Only the one that fills a batch wakes.
            state.items.len() == BATCH
        };
        if is_ripe {
            self.ripe.notify_one();
        }
        Ok(())
    }

    /// The next batch, first in, first out; `None` once it is closed and empty.
    pub(super) async fn next(&self) -> Option<Vec<T>> {
        loop {
            {
                let mut state = self.state();
                let is_ripe = state.items.len() >= BATCH || state.pace == Pace::Hurried || self.is_closed();
                if is_ripe && !state.items.is_empty() {
                    return Some(state.take());
                }
                if self.is_closed() {
                    return None;
                }
                state.pace = Pace::Gathering;
            }
            if tokio::time::timeout(GATHER, self.ripe.notified()).await.is_err() {
                self.state().pace = Pace::Hurried;
            }
        }
    }

    /// Throws away what is left, if nothing is taken in any more; how many items that were.
    pub(super) fn give_up_if_closed(&self) -> u64 {
        if !self.is_closed() {
            return 0;
        }
        let left = std::mem::take(&mut self.state().items).len();
        self.settle(left);
        left as u64
    }

    /// So many items of a batch have come to an end, whatever it was.
    pub(super) fn settle(&self, items: usize) {
        self.settled.send_modify(|settled| *settled += items as u64);
    }

    /// Waits until everything taken in so far has come to an end, at most for `limit`.
    pub(super) async fn flush(&self, limit: Duration) {
        let taken_in = {
            let mut state = self.state();
            state.pace = Pace::Hurried;
            state.taken_in
        };
        self.ripe.notify_one();
        let mut settled = self.settled.subscribe();
        // The sender lives in `self`, so only time can end this.
        let _ = tokio::time::timeout(limit, settled.wait_for(|settled| *settled >= taken_in)).await;
    }

    /// Takes nothing in any more; what is there goes out.
    pub(super) fn close(&self) {
        {
            let _state = self.state();
            self.phase.send_replace(Phase::Closed);
        }
        self.ripe.notify_one();
    }

    /// Resolves once it is closed.
    pub(super) async fn closed(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.phase.subscribe().wait_for(|phase| *phase == Phase::Closed).await;
    }

    fn is_closed(&self) -> bool {
        *self.phase.borrow() == Phase::Closed
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn take(&mut self) -> Vec<T> {
        let first = self.items.len().min(BATCH);
        let batch: Vec<(usize, T)> = self.items.drain(..first).collect();
        self.bytes -= batch.iter().map(|(bytes, _)| bytes).sum::<usize>();
        batch.into_iter().map(|(_, item)| item).collect()
    }
}
