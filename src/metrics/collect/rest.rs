//! How long another process is not asked while it fails.

use std::time::{Duration, Instant};

/// A rest after each failure: a given time after the first, and twice as long after each that follows, up to a limit.
#[derive(Debug)]
pub(crate) struct Rest {
    first: Duration,
    longest: Duration,
    failures: u32,
    until: Option<Instant>,
}

/// Why another process is not asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was not asked, since there was no answer {failures} times")]
pub(crate) struct Resting {
    failures: u32,
}

/// Far more than is needed for any limit: the factor fits.
const MOST_DOUBLINGS: u32 = 16;

impl Rest {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0, until: None }
    }

    /// # Errors
    /// While it is not to be asked.
    pub(crate) fn is_over(&self, now: Instant) -> Result<(), Resting> {
        match self.until {
            Some(until) if now < until => Err(Resting { failures: self.failures }),
            _ => Ok(()),
        }
    }

    /// There was no answer.
    pub(crate) fn begin(&mut self, now: Instant) {
        let rest = self.first.saturating_mul(1 << self.failures.min(MOST_DOUBLINGS)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        // Less half of the first, so that the run which is due then does not come a moment too early.
        self.until = now.checked_add(rest.saturating_sub(self.first / 2));
    }

    /// There was one.
    pub(crate) fn end(&mut self) {
        *self = Self::new(self.first, self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn failures_are_asked_about_after_one_two_four_and_more_intervals_up_to_the_limit() {
        let held = ManualClock::new();
        let clock = held.clock();
        let mut rest = Rest::new(MINUTE, 10 * MINUTE);
        for (failures, intervals) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (6, 10)] {
            rest.begin(clock.now());
            for _ in 1..intervals {
                held.advance(MINUTE);
                assert_eq!(rest.is_over(clock.now()), Err(Resting { failures }));
            }
            held.advance(MINUTE);
            assert_eq!(rest.is_over(clock.now()), Ok(()), "after {failures}");
        }
        rest.end();
        rest.begin(clock.now());
        held.advance(MINUTE);
        assert_eq!(rest.is_over(clock.now()), Ok(()), "from the beginning");
    }
}
