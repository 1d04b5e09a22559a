//! When samples were taken, once for all series.

use std::collections::VecDeque;
use std::ops::Range;

/// The number of a taking of samples. Enough of them for a century at one a second.
pub(super) type Tick = u32;

/// The moments of the last ticks, in milliseconds of monotonic time.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    first: Tick,
    moments: VecDeque<i64>,
}

impl Timeline {
    /// A tick at a moment that is later than all before.
    pub(super) fn push(&mut self, moment: i64) -> Tick {
        self.moments.push_back(moment);
        self.end() - 1
    }

    /// The moment of a tick that is kept.
    pub(super) fn moment(&self, tick: Tick) -> i64 {
        self.moments[(tick - self.first) as usize]
    }

    /// The ticks of a span, both of its ends included.
    pub(super) fn within(&self, from: i64, to: i64) -> Range<Tick> {
        let before = |limit: &dyn Fn(i64) -> bool| self.tick(self.moments.partition_point(|moment| limit(*moment)));
        before(&|moment| moment < from)..before(&|moment| moment <= to)
    }

    /// Keeps what is at `moment` or later, and one tick at least.
    pub(super) fn forget_before(&mut self, moment: i64) {
        while self.moments.len() > 1 && self.moments.front().is_some_and(|first| *first < moment) {
            self.moments.pop_front();
            self.first += 1;
        }
    }

    fn end(&self) -> Tick {
        self.tick(self.moments.len())
    }

    fn tick(&self, index: usize) -> Tick {
        // OK because as many ticks as there are numbers take more than a century.
        self.first + index as Tick
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_the_ticks_at_both_of_their_ends() {
        let mut timeline = Timeline::default();
        for moment in [0, 15, 30, 45] {
            timeline.push(moment);
        }
        assert_eq!(timeline.within(15, 30), 1..3);
        assert_eq!(timeline.within(16, 29), 2..2);
        timeline.forget_before(30);
        assert_eq!((timeline.within(0, 100), timeline.moment(2)), (2..4, 30));
        timeline.forget_before(1_000);
        assert_eq!(timeline.within(0, 100), 3..4);
    }
}
