//! What looking at the workers again and again says of them.

use std::time::{Duration, Instant};

/// What one look finds of one worker: counts that the worker moves on when it comes back from its tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Even while it is awake.
    pub(super) parks_and_unparks: u64,
    pub(super) busy: Duration,
}

impl Look {
    fn is_awake(self) -> bool {
        self.parks_and_unparks.is_multiple_of(2)
    }
}

/// What becomes of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It has not come back for so long, and this is the first time that it is too long.
    Stalled,
    /// It has not come back for so long that nobody should wait for the end to hear of it.
    StuckFor(Duration),
    /// It is back.
    BackAfter { stalled_for: Duration, told: bool },
}

/// One worker.
#[derive(Debug)]
pub(super) struct Worker {
    last: Look,
    /// When it was last seen to get on.
    since: Instant,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    GetsOn,
    Stalled,
    Stuck,
}

impl Worker {
    pub(super) fn new(look: Look, now: Instant) -> Self {
        Self { last: look, since: now, phase: Phase::GetsOn }
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.phase != Phase::GetsOn
    }

    /// Takes in what was just seen.
    pub(super) fn seen(&mut self, look: Look, now: Instant, limits: Limits) -> Option<Event> {
        let waited = now.saturating_duration_since(self.since);
        if look != self.last || !look.is_awake() {
            let was = std::mem::replace(self, Self::new(look, now)).phase;
            return (was != Phase::GetsOn)
                .then_some(Event::BackAfter { stalled_for: waited, told: was == Phase::Stuck });
        }
        match self.phase {
            Phase::GetsOn if waited >= limits.stalled_after => {
                self.phase = Phase::Stalled;
                Some(Event::Stalled)
            }
            Phase::Stalled if waited >= limits.stuck_after => {
                self.phase = Phase::Stuck;
                Some(Event::StuckFor(waited))
            }
            _ => None,
        }
    }

    /// Nobody looked for a while, so nothing is known of that time.
    pub(super) fn forget(&mut self, unseen: Duration) {
        self.since += unseen;
    }
}

/// From when on it is too long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) stalled_after: Duration,
    pub(super) stuck_after: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const LIMITS: Limits = Limits { stalled_after: Duration::from_millis(500), stuck_after: Duration::from_secs(5) };

    fn awake(busy_millis: u64) -> Look {
        Look { parks_and_unparks: 4, busy: Duration::from_millis(busy_millis) }
    }

    const ASLEEP: Look = Look { parks_and_unparks: 5, busy: Duration::ZERO };

    /// Shows a worker these looks, each so many milliseconds after the one before.
    fn events(looks: &[(u64, Look)]) -> Vec<Event> {
        let held = ManualClock::new();
        let clock = held.clock();
        let mut worker = Worker::new(awake(0), clock.now());
        let mut see = |(after, look): &(u64, Look)| {
            held.advance(Duration::from_millis(*after));
            worker.seen(*look, clock.now(), LIMITS)
        };
        looks.iter().filter_map(&mut see).collect()
    }

    #[test]
    fn worker_that_sleeps_or_gets_on_is_never_stalled() {
        assert_eq!(events(&[(60_000, ASLEEP), (60_000, ASLEEP)]), []);
        let busy: Vec<_> = (1..100).map(|times| (400, awake(times * 400))).collect();
        assert_eq!(events(&busy), []);
        assert_eq!(events(&[(499, awake(0)), (1, ASLEEP)]), []);
    }

    #[test]
    fn stall_is_told_once_with_its_whole_length() {
        let back = |millis, told| Event::BackAfter { stalled_for: Duration::from_millis(millis), told };
        assert_eq!(
            events(&[(300, awake(0)), (300, awake(0)), (300, awake(0)), (300, ASLEEP), (900, ASLEEP)]),
            [Event::Stalled, back(1_200, false)]
        );
        // Also where it goes on with other tasks instead of going to sleep.
        assert_eq!(events(&[(600, awake(0)), (100, awake(700))]), [Event::Stalled, back(700, false)]);
        let stuck = Event::StuckFor(Duration::from_secs(6));
        assert_eq!(
            events(&[(600, awake(0)), (5_400, awake(0)), (9_000, awake(0)), (1_000, ASLEEP)]),
            [Event::Stalled, stuck, back(16_000, true)]
        );
    }
}
