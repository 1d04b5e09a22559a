//! Whether slots advance, as seen through one node or a pool of them.

use std::time::{Duration, Instant};

/// Without a new highest slot for this long, and for [`STALL_RUNS`], the node has stalled. 75 slots of 400 ms.
pub(super) const STALL: Duration = Duration::from_secs(30);
/// See [`STALL`]: time alone proves nothing if nobody looked meanwhile.
pub(super) const STALL_RUNS: u32 = 3;

/// Nodes of one pool differ by less.
const POOL_SPREAD: u64 = 64;
/// So many advancing slots in a row, all far below the highest, are another ledger and not a node that lags.
const NEW_LEDGER_RUNS: u32 = 3;

/// Remembers the highest slot. Steps back are ignored: a pool answers from nodes that are not equally far.
#[derive(Debug, Default)]
pub(super) struct SlotWatch(Option<Seen>);

#[derive(Clone, Copy, Debug)]
struct Seen {
    highest: u64,
    advanced_at: Instant,
    runs_since: u32,
    previous: u64,
    rising_far_below: u32,
}

/// How far a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The highest slot that it was seen at, or where it is now if that is further below than a pool's nodes differ.
    pub(super) slot: u64,
    /// For how long there was no higher one, once that is a stall.
    pub(super) stalled_for: Option<Duration>,
}

impl SlotWatch {
    /// Takes in a slot.
    pub(super) fn see(&mut self, slot: u64, now: Instant) -> Position {
        let first = Seen { highest: slot, advanced_at: now, runs_since: 0, previous: slot, rising_far_below: 0 };
        let here = Position { slot, stalled_for: None };
        let Some(seen) = &mut self.0 else {
            self.0 = Some(first);
            return here;
        };
        if seen.is_advance(slot) {
            *seen = first;
            return here;
        }
        seen.runs_since = seen.runs_since.saturating_add(1);
        let still_for = now.saturating_duration_since(seen.advanced_at);
        let is_stalled = still_for >= STALL && seen.runs_since >= STALL_RUNS;
        Position {
            slot: if is_far_below(slot, seen.highest) { slot } else { seen.highest },
            stalled_for: is_stalled.then_some(still_for),
        }
    }
}

const fn is_far_below(slot: u64, highest: u64) -> bool {
    slot.saturating_add(POOL_SPREAD) < highest
}

impl Seen {
    /// Whether `slot` begins a new count: it is the highest, or the ledger is another.
    fn is_advance(&mut self, slot: u64) -> bool {
        let far_below = is_far_below(slot, self.highest);
        self.rising_far_below = if far_below && slot > self.previous { self.rising_far_below + 1 } else { 0 };
        self.previous = slot;
        slot > self.highest || self.rising_far_below >= NEW_LEDGER_RUNS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    /// Sees the slots ten seconds apart and says which of them were a stall.
    fn stalls(slots: &[u64]) -> Vec<bool> {
        let held = ManualClock::new();
        let mut watch = SlotWatch::default();
        let mut see = |slot: &u64| {
            let stalled = watch.see(*slot, held.clock().now()).stalled_for.is_some();
            held.advance(Duration::from_secs(10));
            stalled
        };
        slots.iter().map(&mut see).collect()
    }

    #[test]
    fn slots_stall_after_thirty_seconds_and_three_runs_without_a_new_highest() {
        for (slots, expected) in [
            (&[100, 125, 150, 175][..], &[false; 4][..]),
            (&[100, 100, 100, 100, 100, 101], &[false, false, false, true, true, false]),
            // A pool: steps back are no advance, and neither is coming back to what was seen.
            (&[100, 60, 100, 60, 100], &[false, false, false, true, true]),
            // Two nodes that both stand still, far from each other.
            (&[5000, 1000, 5000, 1000, 5000, 1000], &[false, false, false, true, true, true]),
            // Another ledger: it is believed once it has advanced three times.
            (&[5000, 10, 20, 30, 40], &[false, false, false, true, false]),
        ] {
            assert_eq!(stalls(slots), expected, "{slots:?}");
        }
    }

    #[test]
    fn time_alone_is_no_stall() {
        let held = ManualClock::new();
        let mut watch = SlotWatch::default();
        assert_eq!(watch.see(7, held.clock().now()).stalled_for, None);
        held.advance(Duration::from_secs(3600));
        assert_eq!(watch.see(7, held.clock().now()).stalled_for, None);
    }

    #[test]
    fn step_back_within_a_pool_is_not_where_the_node_is() {
        let now = ManualClock::new().clock().now();
        let mut watch = SlotWatch::default();
        let mut at = |slot| watch.see(slot, now).slot;
        assert_eq!(at(1000), 1000);
        assert_eq!(at(936), 1000);
        assert_eq!(at(935), 935);
        assert_eq!(at(1001), 1001);
    }
}
