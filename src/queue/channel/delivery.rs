//! An item that was received.

use std::ops::{Deref, DerefMut};

use super::Item;
use crate::work::{Outcome, Timer};

/// An item that was received and is being worked on, until somebody says how that ended.
///
/// Dropped without a word, it counts as `abandoned`, or as `panicked` while the thread unwinds. It derefs to what was
/// sent.
#[derive(Debug)]
#[must_use = "an item that is dropped at once counts as abandoned"]
pub struct Delivery<T> {
    value: T,
    timer: Timer,
}

impl<T> Delivery<T> {
    pub(super) fn new(Item { value, ticket }: Item<T>) -> Self {
        Self { value, timer: ticket.dequeued() }
    }

    /// Does the work and returns its result unchanged. A panic in it goes on, counted as `panicked`.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn execute<R, E>(self, work: impl FnOnce(T) -> Result<R, E>) -> Result<R, E> {
        let Self { value, timer } = self;
        let result = work(value);
        timer.finish(Outcome::of(&result));
        result
    }

    /// Drives the work and returns its result unchanged.
    ///
    /// # Errors
    /// Those of `work`.
    ///
    /// # Cancellation
    /// Dropping the future drops the work, and the item with it, which counts as `cancelled`.
    pub fn execute_async<R, E, F>(self, work: impl FnOnce(T) -> F) -> impl Future<Output = Result<R, E>>
    where
        F: Future<Output = Result<R, E>>,
    {
        let Self { value, timer } = self;
        let timer = timer.in_future();
        async move {
            let result = work(value).await;
            timer.finish(Outcome::of(&result));
            result
        }
    }

    /// The work succeeded.
    pub fn ok(self) {
        self.finish(Outcome::Ok);
    }

    /// The work failed.
    pub fn failed(self) {
        self.finish(Outcome::Failed);
    }

    /// The work ended in this way.
    pub fn finish(self, outcome: Outcome) {
        self.timer.finish(outcome);
    }

    /// What was sent, and the timer that is to be told how the work on it ended.
    pub fn into_parts(self) -> (T, Timer) {
        (self.value, self.timer)
    }
}

impl<T> Deref for Delivery<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Delivery<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
