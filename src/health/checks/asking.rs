//! What checks over HTTP share: what a failure to reach the peer is called, and being asked to wait.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::health::{CheckFailure, CheckReport};
use crate::transport::TransportError;

/// The peer asked to be left alone for a while: until then the check says so without asking.
#[derive(Debug, Default)]
pub(super) struct Pause(Mutex<Option<Instant>>);

impl Pause {
    /// Begins to wait, from now.
    pub(super) fn begin(&self, clock: &Clock, wait: Duration) -> CheckReport {
        let wait = wait.min(LONGEST_PAUSE);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock.now() + wait);
        rate_limited(wait)
    }

    /// What to say while waiting; `None` once it is over.
    pub(super) fn pending(&self, clock: &Clock) -> Option<CheckReport> {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = (*until)?.saturating_duration_since(clock.now());
        if left.is_zero() {
            *until = None;
            return None;
        }
        Some(rate_limited(left))
    }
}

/// Chosen: a peer's wrong number must not silence a check for a day.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

fn rate_limited(left: Duration) -> CheckReport {
    CheckReport::degraded("rate_limited", "the peer refuses more requests for now; it is not asked until it may be")
        .with_data("wait_seconds", left)
}

/// A failure to reach the peer; `unreachable` is the code for that, where codes differ by check.
pub(super) fn failure_of(error: TransportError, unreachable: &'static str) -> CheckFailure {
    let (reason, message) = match &error {
        TransportError::Connect(_) => (unreachable, "nobody answers at the address"),
        TransportError::Broken(_) => (unreachable, "the connection broke before the answer was complete"),
        TransportError::Tls(_) => ("tls", "no TLS connection to a certificate that is trusted"),
        TransportError::Protocol(_) => (INVALID_RESPONSE, "the peer does not speak HTTP"),
        TransportError::TooLong => (INVALID_RESPONSE, "the answer is far too long"),
    };
    CheckFailure::new(reason, message).with_source(error)
}

/// The code of answers that make no sense.
pub(super) const INVALID_RESPONSE: &str = "invalid_response";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn pause_ends_when_its_time_is_over_and_is_never_endless() {
        let held = ManualClock::new();
        let clock = held.clock();
        let pause = Pause::default();
        assert!(pause.pending(&clock).is_none());
        pause.begin(&clock, Duration::MAX);
        held.advance(LONGEST_PAUSE - Duration::from_secs(1));
        assert_eq!(pause.pending(&clock).unwrap().reason(), Some("rate_limited"));
        held.advance(Duration::from_secs(1));
        assert!(pause.pending(&clock).is_none());
    }
}
