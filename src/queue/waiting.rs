//! Since when the items of a queue wait.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The items that wait, in the order in which they came. A lock is held for as long as it takes to add or remove one.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Line>);

#[derive(Debug, Default)]
struct Line {
    /// The number of the first place.
    first: u64,
    /// Since when; `None` for one that left before those ahead of it. The first is never `None`.
    places: VecDeque<Option<Instant>>,
}

/// Chosen: what a queue keeps room for when it is empty, 16 KiB.
const KEPT_PLACES: usize = 1024;

impl Waiting {
    /// Adds an item at the end; the number of its place.
    pub(super) fn enter(&self, now: Instant) -> u64 {
        let mut line = self.line();
        line.places.push_back(Some(now));
        // The casts here and below are exact: places are in memory. A process does not live to count to 2^64.
        line.first + line.places.len() as u64 - 1
    }

    /// Takes the item away that is at this place.
    pub(super) fn leave(&self, place: u64) {
        let mut line = self.line();
        let index = place.checked_sub(line.first).and_then(|index| usize::try_from(index).ok());
        if let Some(left) = index.and_then(|index| line.places.get_mut(index)) {
            *left = None;
        }
        while let Some(None) = line.places.front() {
            line.places.pop_front();
            line.first += 1;
        }
        // A burst is not paid for until the process ends.
        if line.places.is_empty() && line.places.capacity() > KEPT_PLACES {
            line.places.shrink_to(KEPT_PLACES);
        }
    }

    /// Since when the item waits that came first.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.line().places.front().copied().flatten()
    }

    /// Nothing panics while it is held; if something did, the line is whole all the same.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::clock::ManualClock;

    proptest! {
        #[test]
        fn oldest_is_the_first_that_has_not_left(leaving in prop::collection::vec(any::<prop::sample::Index>(), 0..60)) {
            let (held, waiting) = (ManualClock::new(), Waiting::default());
            let clock = held.clock();
            let mut model: Vec<(u64, Instant)> = Vec::new();
            for index in leaving {
                held.advance(Duration::from_millis(1));
                model.push((waiting.enter(clock.now()), clock.now()));
                // About as many come as leave.
                if index.index(2) == 0 {
                    let (place, _) = model.remove(index.index(model.len()));
                    waiting.leave(place);
                }
                prop_assert_eq!(waiting.oldest(), model.first().map(|(_, since)| *since));
            }
            model.iter().for_each(|(place, _)| waiting.leave(*place));
            prop_assert_eq!(waiting.oldest(), None);
        }
    }

    #[test]
    fn burst_is_given_back() {
        let (clock, waiting) = (ManualClock::new().clock(), Waiting::default());
        let places: Vec<u64> = (0..100 * KEPT_PLACES).map(|_| waiting.enter(clock.now())).collect();
        places.into_iter().for_each(|place| waiting.leave(place));
        assert!(waiting.line().places.capacity() <= 2 * KEPT_PLACES);
    }
}
