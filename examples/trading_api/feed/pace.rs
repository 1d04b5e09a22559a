//! How often an upstream is asked: steadily while it answers, less and less often while it does not.

use std::time::Duration;

/// Longest wait while an upstream fails.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// Wait after "too many requests": well below any quota, and soon enough to notice the end of the penalty.
const RATE_LIMITED: Duration = Duration::from_secs(60);

/// The pace of one feed.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    failures: u32,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    Succeeded,
    Failed,
    RateLimited,
}

/// What the log should say of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It went as the one before.
    None,
    /// The first failure after a success.
    Lost,
    /// The first success after a failure.
    Restored,
}

impl Pace {
    /// Once in `interval` while all goes well.
    pub(super) const fn every(interval: Duration) -> Self {
        Self { interval, failures: 0 }
    }

    /// How long to wait after an attempt, and whether it was a turn.
    pub(super) fn after(&mut self, attempt: Attempt) -> (Duration, Turn) {
        let failures_before = self.failures;
        self.failures = match attempt {
            Attempt::Succeeded => 0,
            Attempt::Failed | Attempt::RateLimited => failures_before.saturating_add(1),
        };
        let turn = match (failures_before, self.failures) {
            (0, 1) => Turn::Lost,
            (1.., 0) => Turn::Restored,
            _ => Turn::None,
        };
        let wait = match attempt {
            Attempt::Succeeded => self.interval,
            Attempt::Failed => {
                let doubled = 2_u32.saturating_pow(self.failures);
                self.interval.saturating_mul(doubled).min(MAX_BACKOFF.max(self.interval))
            }
            Attempt::RateLimited => RATE_LIMITED.max(self.interval),
        };
        (wait, turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn failures_slow_the_feed_down_and_a_success_restores_it() {
        let mut pace = Pace::every(SECOND);
        assert_eq!(pace.after(Attempt::Succeeded), (SECOND, Turn::None));
        let waits: Vec<u64> = (0..6).map(|_| pace.after(Attempt::Failed).0.as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 30, 30]);
        assert_eq!(pace.after(Attempt::RateLimited), (RATE_LIMITED, Turn::None));
        assert_eq!(pace.after(Attempt::Succeeded), (SECOND, Turn::Restored));
        assert_eq!(pace.after(Attempt::Failed).1, Turn::Lost);
    }

    #[test]
    fn a_failure_never_makes_a_slow_feed_faster() {
        let mut pace = Pace::every(SECOND * 300);
        assert_eq!(pace.after(Attempt::Failed).0, SECOND * 300);
        assert_eq!(pace.after(Attempt::RateLimited).0, SECOND * 300);
    }

    #[test]
    fn failures_without_end_do_not_overflow() {
        let mut pace = Pace::every(SECOND);
        pace.failures = u32::MAX;
        assert_eq!(pace.after(Attempt::Failed), (MAX_BACKOFF, Turn::None));
    }
}
