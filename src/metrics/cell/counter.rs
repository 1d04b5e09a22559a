//! The cell of a counter.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Recorded;
use super::spread::Spread;
use crate::sync::AtomicU64;

/// Counts whole things, or nanoseconds when the family's unit is seconds.
pub(in crate::metrics) struct CounterCell {
    count: AtomicU64,
    pub(super) labels: Arc<str>,
    /// What threads counted that met another one at `count`.
    pub(super) spread: Spread,
}

impl CounterCell {
    pub(in crate::metrics) fn new(labels: Arc<str>) -> Self {
        Self { count: AtomicU64::new(0), labels, spread: Spread::default() }
    }

    #[inline]
    pub(in crate::metrics) fn add(&self, by: u64) {
        if let Some(own) = self.spread.own() {
            own.at(0).fetch_add(by, Ordering::Relaxed);
            return;
        }
        let seen = self.count.load(Ordering::Relaxed);
        let sum = seen.wrapping_add(by);
        if self.count.compare_exchange(seen, sum, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            self.count.fetch_add(by, Ordering::Relaxed);
            self.spread.collided(1);
        }
    }

    /// Raises the counter to `value`; a counter never goes back.
    pub(in crate::metrics) fn raise(&self, value: u64) {
        // What others add meanwhile counts as added afterwards.
        self.count.fetch_max(value.saturating_sub(self.spread.total(0)), Ordering::Relaxed);
    }

    pub(super) fn recorded(&self) -> Recorded {
        Recorded(self.get())
    }

    #[inline]
    pub(in crate::metrics) fn get(&self) -> u64 {
        self.count.load(Ordering::Relaxed).wrapping_add(self.spread.total(0))
    }
}

impl fmt::Debug for CounterCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_raised_to_a_value_counts_what_threads_have_elsewhere() {
        let cell = CounterCell::new("".into());
        cell.add(5);
        (0..1_000).for_each(|_| cell.spread.collided(1));
        cell.add(10);
        assert_eq!(cell.get(), 15);
        cell.raise(40);
        assert_eq!(cell.get(), 40);
        cell.raise(20);
        assert_eq!(cell.get(), 40, "never back");
        cell.add(1);
        assert_eq!(cell.get(), 41);
    }
}
