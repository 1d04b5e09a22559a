//! The samples of one number over time, in runs of equal ones.

use std::collections::VecDeque;
use std::ops::Range;

use super::timeline::Tick;

/// Most counters stand still most of the time, so a run of equal samples is kept as one. A tick that is in no run had none.
#[derive(Debug, Default)]
pub(crate) struct Column {
    runs: VecDeque<Run>,
}

/// Equal samples at each of these ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) value: f64,
    pub(super) first: Tick,
    /// Included.
    pub(super) last: Tick,
}

impl Run {
    /// What a sample takes at worst: a run of its own.
    pub(super) const BYTES: usize = size_of::<Self>();

    pub(super) fn samples(&self) -> Tick {
        self.last - self.first + 1
    }
}

impl Column {
    /// Takes the sample of a tick; of those before, `most` runs less one are kept at least as long as there is room.
    pub(super) fn push(&mut self, tick: Tick, value: f64, most: usize) {
        // Bits, so that what is no number makes runs too and 0 is not -0.
        if let Some(run) = self.runs.back_mut()
            && run.last + 1 == tick
            && run.value.to_bits() == value.to_bits()
        {
            run.last = tick;
            return;
        }
        if self.runs.len() >= most {
            self.runs.pop_front();
        }
        if self.runs.len() == self.runs.capacity() {
            // Doubles, but never beyond what the memory was counted for.
            self.runs.reserve_exact(self.runs.len().clamp(1, most.saturating_sub(self.runs.len()).max(1)));
        }
        self.runs.push_back(Run { value, first: tick, last: tick });
    }

    /// Lets go of the runs that ended before a tick.
    pub(super) fn forget_before(&mut self, tick: Tick) {
        while self.runs.front().is_some_and(|run| run.last < tick) {
            self.runs.pop_front();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// What there is at some ticks.
    pub(super) fn within(&self, ticks: Range<Tick>) -> impl Iterator<Item = Run> + '_ {
        let from = self.runs.partition_point(|run| run.last < ticks.start);
        let end = ticks.end;
        self.runs.range(from..).take_while(move |run| run.first < end).map(move |run| Run {
            value: run.value,
            first: run.first.max(ticks.start),
            last: run.last.min(end - 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_samples_are_one_run_and_a_gap_ends_it() {
        let mut column = Column::default();
        for (tick, value) in [(0, 1.0), (1, 1.0), (2, f64::NAN), (3, f64::NAN), (5, 2.0)] {
            column.push(tick, value, 10);
        }
        let runs = |ticks| column.within(ticks).map(|run| (run.first, run.last, run.samples())).collect::<Vec<_>>();
        assert_eq!(runs(0..6), [(0, 1, 2), (2, 3, 2), (5, 5, 1)]);
        assert_eq!(runs(1..3), [(1, 1, 1), (2, 2, 1)]);
        assert_eq!(runs(4..5), []);
    }

    #[test]
    fn column_never_takes_more_than_it_may() {
        let mut column = Column::default();
        for tick in 0..1_000u32 {
            column.forget_before(tick.saturating_sub(20));
            column.push(tick, f64::from(tick), 21);
            assert!(column.runs.capacity() <= 21, "{}", column.runs.capacity());
        }
        assert_eq!(column.within(0..1_000).map(|run| run.samples()).sum::<Tick>(), 21);
    }
}
