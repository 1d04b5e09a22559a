//! The handle of a counter.

use std::sync::Arc;
use std::time::Duration;

use super::cell::CounterCell;
use super::host::{Destination, HostCounter};

/// A series of a counter family. Cloning shares it; recording is one relaxed atomic add and allocates nothing.
#[derive(Clone, Debug)]
#[must_use = "a counter counts nothing by itself"]
pub struct Counter(pub(super) Destination<Arc<CounterCell>, HostCounter>);

impl Counter {
    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `by` in the unit of the cell: things, or nanoseconds for a counter of seconds (see
    /// [`Counter::add_duration`]).
    #[inline]
    pub fn add(&self, by: u64) {
        match &self.0 {
            Destination::Own(cell) => cell.add(by),
            Destination::Host(counter) => counter.add(by),
        }
    }

    /// Adds a time to a counter whose unit is seconds. Kept exactly, in nanoseconds.
    #[inline]
    pub fn add_duration(&self, by: Duration) {
        self.add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX));
    }

    /// The present count, in the unit of the cell.
    #[inline]
    pub fn get(&self) -> u64 {
        match &self.0 {
            Destination::Own(cell) => cell.get(),
            Destination::Host(counter) => counter.get(),
        }
    }
}
