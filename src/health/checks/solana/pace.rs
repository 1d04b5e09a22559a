//! How long a slot takes, so that slots can be told in seconds.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// What the cluster aims at; used until its real pace is known.
const NOMINAL: Duration = Duration::from_millis(400);

/// Chosen: some 300 slots, of which the spread of a pool is a fifth.
const MEASURED_OVER: Duration = Duration::from_secs(120);

/// Chosen: a quarter of the nominal time to five times it. Anything else is a stall, a jump or another ledger.
const PLAUSIBLE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(2);

/// Measures the time of a slot by how far the foremost node gets.
#[derive(Debug)]
pub(super) struct Pace {
    slot_time: Duration,
    began: Option<(u64, Instant)>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { slot_time: NOMINAL, began: None }
    }
}

impl Pace {
    /// Takes in the highest slot that anybody is at.
    pub(super) fn see(&mut self, slot: u64, now: Instant) {
        let (from, at) = *self.began.get_or_insert((slot, now));
        let took = now.saturating_duration_since(at);
        if took < MEASURED_OVER && slot >= from {
            return;
        }
        self.began = Some((slot, now));
        let Some(slots) = u32::try_from(slot.saturating_sub(from)).ok().filter(|slots| *slots > 0) else {
            return;
        };
        let slot_time = took / slots;
        if PLAUSIBLE.contains(&slot_time) {
            self.slot_time = slot_time;
        }
    }

    /// The time of one slot.
    pub(super) const fn slot_time(&self) -> Duration {
        self.slot_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn slot_time_is_measured_and_what_is_not_plausible_changes_nothing() {
        let held = ManualClock::new();
        let mut pace = Pace::default();
        let mut after = |seconds, slot| {
            held.advance(Duration::from_secs(seconds));
            pace.see(slot, held.clock().now());
            pace.slot_time().as_millis()
        };
        assert_eq!(after(0, 1000), 400);
        assert_eq!(after(60, 1300), 400, "not long enough");
        assert_eq!(after(60, 1600), 200);
        assert_eq!(after(120, 1600), 200, "a halt");
        assert_eq!(after(600, 1601), 200, "one slot in ten minutes");
        assert_eq!(after(120, u64::MAX), 200, "a jump");
        assert_eq!(after(1, 10), 200, "another ledger");
        assert_eq!(after(120, 310), 400);
    }
}
