//! Counts of the last day, by the hour.

use std::time::{Duration, SystemTime};

/// An hour of wall time, counted from 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hour(u64);

/// How many hours are looked back at: the present one, as far as it has come, and those before it.
pub(super) const HOURS: u64 = 24;

const SECONDS: u64 = 60 * 60;

impl Hour {
    pub(super) fn of(wall: SystemTime) -> Self {
        Self(wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / SECONDS)
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }

    pub(super) fn start(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0 * SECONDS)
    }

    /// The first hour of the window that this one ends.
    pub(super) fn first_of_window(self) -> Self {
        Self(self.0.saturating_sub(HOURS - 1))
    }
}

/// What was counted in each of the last hours. Time that goes back counts for the latest hour there was.
#[derive(Clone, Debug, Default)]
pub(super) struct Hours {
    latest: Hour,
    /// That of an hour is at its number modulo the length.
    counts: [u64; HOURS as usize],
}

impl Hours {
    pub(super) fn add(&mut self, hour: Hour, count: u64) {
        self.turn_to(hour);
        *self.slot(self.latest) += count;
    }

    /// The hour that something was counted in last.
    pub(super) fn latest(&self) -> Hour {
        self.latest
    }

    /// How much was counted in the window that ends with `hour`.
    pub(super) fn sum(&self, hour: Hour) -> u64 {
        let mut now = self.clone();
        now.turn_to(hour);
        now.counts.iter().sum()
    }

    fn turn_to(&mut self, hour: Hour) {
        let passed = hour.0.saturating_sub(self.latest.0).min(HOURS);
        for ahead in 1..=passed {
            *self.slot(Hour(self.latest.0 + ahead)) = 0;
        }
        self.latest = self.latest.max(hour);
    }

    fn slot(&mut self, hour: Hour) -> &mut u64 {
        // The cast keeps a number below 24.
        &mut self.counts[(hour.0 % HOURS) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stay_for_a_day_and_go_hour_by_hour() {
        let mut hours = Hours::default();
        for (hour, count) in [(1_000, 1), (1_001, 10), (1_000, 100), (1_023, 1_000)] {
            hours.add(Hour(hour), count);
        }
        // What came late, at 1,000 after 1,001, counts for the latest.
        for (hour, sum) in [(1_023, 1_111), (1_024, 1_110), (1_025, 1_000), (1_046, 1_000), (1_047, 0), (9_999, 0)] {
            assert_eq!(hours.sum(Hour(hour)), sum, "{hour}");
        }
        hours.add(Hour(u64::MAX), 5);
        assert_eq!(hours.sum(Hour(u64::MAX)), 5);
    }
}
