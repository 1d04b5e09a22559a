//! A calendar day.

use std::fmt;

use serde::{Serialize, Serializer};

/// A day of the proleptic Gregorian calendar, counted from 1970-01-01. Written as `2025-01-22`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day(i32);

impl Day {
    pub(crate) const fn from_epoch_days(days: i32) -> Self {
        Self(days)
    }

    pub(crate) const fn epoch_days(self) -> i32 {
        self.0
    }

    /// Days from `earlier` to `self`; negative if `earlier` is later.
    pub(crate) const fn days_since(self, earlier: Self) -> i32 {
        self.0.saturating_sub(earlier.0)
    }

    pub(crate) const fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Whether exchanges are closed: Saturday or Sunday. Day 0 was a Thursday.
    pub(crate) const fn is_weekend(self) -> bool {
        matches!((self.0 as i64 + 3).rem_euclid(7), 5 | 6)
    }

    /// Year, month and day of the month (Howard Hinnant's `civil_from_days`).
    fn civil(self) -> (i64, i64, i64) {
        let shifted = i64::from(self.0) + 719_468; // days from 0000-03-01
        let era = shifted.div_euclid(146_097); // days of 400 years
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year, month, day)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_dates() {
        for (days, date) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (20_110, "2025-01-22"),
            (19_782, "2024-02-29"),
        ] {
            assert_eq!(Day::from_epoch_days(days).to_string(), date);
        }
    }

    #[test]
    fn weekends_are_saturday_and_sunday() {
        // 2025-01-22 is a Wednesday.
        let wednesday = Day::from_epoch_days(20_110);
        let weekend: Vec<i32> = (-7..7).filter(|&days| wednesday.plus_days(days).is_weekend()).collect();
        assert_eq!(weekend, [-4, -3, 3, 4]);
        assert!(Day::from_epoch_days(-5).is_weekend(), "1969-12-27 was a Saturday");
    }
}
