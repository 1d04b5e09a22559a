//! How often a destination may be told.

use std::collections::VecDeque;
use std::time::Instant;

use super::super::notifier::Rate;

/// The calls of the latest stretch of time: no stretch of its length, wherever it begins, has more calls than allowed.
#[derive(Debug)]
pub(super) struct RateLimit {
    rate: Rate,
    recent: VecDeque<Instant>,
}

impl RateLimit {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, recent: VecDeque::new() }
    }

    /// When the next call is allowed; `now` if it is.
    pub(super) fn free_at(&self, now: Instant) -> Instant {
        let is_full = self.recent.len() >= self.calls();
        self.recent.front().filter(|_| is_full).map_or(now, |oldest| now.max(*oldest + self.rate.per))
    }

    /// Counts a call.
    pub(super) fn take(&mut self, now: Instant) {
        while self.recent.len() >= self.calls() {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
    }

    /// At least one, or nothing would ever be told.
    fn calls(&self) -> usize {
        // The cast keeps what a number of calls can be.
        self.rate.calls.max(1) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn no_stretch_of_time_has_more_calls_than_allowed() {
        let (held, per) = (ManualClock::new(), Duration::from_secs(60));
        let clock = held.clock();
        let mut limit = RateLimit::new(Rate { calls: 3, per });
        let mut calls = Vec::new();
        for _ in 0..300 {
            let now = clock.now();
            if limit.free_at(now) <= now {
                limit.take(now);
                calls.push(now);
            }
            held.advance(Duration::from_secs(1));
        }
        assert_eq!(calls.len(), 15, "5 minutes of 3 calls each");
        assert!(calls.windows(4).all(|four| four[3] - four[0] >= per));
    }
}
