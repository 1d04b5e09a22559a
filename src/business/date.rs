//! A day of business.

use std::fmt;

use crate::error::InvalidValue;

/// A calendar day of the book's own calendar, without a time or a zone: what a forecast or a statement is "as of".
///
/// A day and not an instant, because it identifies: two replicas that calculate the same figure a second apart mean the
/// same one.
///
/// ```
/// use aistm7_monitoring::business::BusinessDate;
///
/// let friday = BusinessDate::new(2025, 1, 24)?;
/// assert_eq!(friday.to_string(), "2025-01-24");
/// assert_eq!(BusinessDate::from_epoch_days(friday.epoch_days() + 3).to_string(), "2025-01-27");
/// assert!(BusinessDate::new(2025, 2, 29).is_err());
/// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusinessDate(i32);

impl BusinessDate {
    /// A day of the Gregorian calendar.
    ///
    /// # Errors
    /// When there is no such day, or when it lies before 1970 or after 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Self, InvalidValue> {
        let named = [i32::from(year), i32::from(month), i32::from(day)];
        let date = Self::of(named);
        let exists = (1970..=9999).contains(&year) && date.civil() == named;
        if exists {
            return Ok(date);
        }
        let value = format!("{year:04}-{month:02}-{day:02}");
        Err(InvalidValue::new("business date", value, "a day of the calendar from 1970-01-01 to 9999-12-31"))
    }

    /// The day so many days after 1970-01-01.
    pub const fn from_epoch_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    pub const fn epoch_days(self) -> i32 {
        self.0
    }

    /// Days from `earlier` to this day; negative if this one is the earlier.
    pub fn days_since(self, earlier: Self) -> i64 {
        i64::from(self.0) - i64::from(earlier.0)
    }

    /// The day of these numbers, which name one; else some other day. Years begin in March here, so that the day that
    /// not all of them have is their last.
    const fn of([year, month, day]: [i32; 3]) -> Self {
        let year_from_march = if month <= 2 { year - 1 } else { year };
        let cycle = year_from_march.div_euclid(YEARS_OF_CYCLE);
        let year_of_cycle = year_from_march.rem_euclid(YEARS_OF_CYCLE);
        let month_from_march = (month + 9).rem_euclid(12);
        let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
        let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
        Self(cycle * DAYS_OF_CYCLE + day_of_cycle - EPOCH)
    }

    /// Year, month and day.
    const fn civil(self) -> [i32; 3] {
        // Wide enough for any day that 32 bits count.
        let days = self.0 as i64 + EPOCH as i64;
        let cycle = days.div_euclid(DAYS_OF_CYCLE as i64) as i32;
        let day_of_cycle = days.rem_euclid(DAYS_OF_CYCLE as i64) as i32;
        let year_of_cycle =
            (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
        let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = cycle * YEARS_OF_CYCLE + year_of_cycle + (month <= 2) as i32;
        [year, month, day]
    }
}

/// After this many years the Gregorian calendar repeats.
const YEARS_OF_CYCLE: i32 = 400;
const DAYS_OF_CYCLE: i32 = 146_097;
/// Days from the March that the cycles are counted from, that of the year 0, to 1970-01-01.
const EPOCH: i32 = 719_468;

/// As ISO 8601 has it: `2025-01-24`.
impl fmt::Display for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [year, month, day] = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other_as_in_the_calendar() {
        let mut expected = [1970, 1, 1];
        // Past the year 2400, which has a day that 2100, 2200 and 2300 do not have.
        for days in 0..160_000 {
            let date = BusinessDate::from_epoch_days(days);
            assert_eq!(date.civil(), expected);
            let [year, month, day] = expected;
            let named = BusinessDate::new(year as u16, month as u8, day as u8);
            assert_eq!(named, Ok(date));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, day) {
                (12, 31) => [year + 1, 1, 1],
                (_, day) if day == length => [year, month + 1, 1],
                _ => [year, month, day + 1],
            };
        }
    }

    #[test]
    fn numbers_that_name_no_day_are_refused() {
        for (year, month, day) in
            [(2025, 2, 29), (2025, 0, 1), (2025, 13, 1), (2025, 4, 31), (2025, 1, 0), (1969, 1, 1)]
        {
            assert!(BusinessDate::new(year, month, day).is_err(), "{year}-{month}-{day}");
        }
        assert!(BusinessDate::new(10_000, 1, 1).is_err());
        assert!(BusinessDate::new(2024, 2, 29).is_ok());
    }

    #[test]
    fn any_number_of_days_has_a_text() {
        assert_eq!(BusinessDate::from_epoch_days(-1).to_string(), "1969-12-31");
        assert_eq!(BusinessDate::from_epoch_days(i32::MAX).to_string(), "5881580-07-11");
        assert!(!BusinessDate::from_epoch_days(i32::MIN).to_string().is_empty());
    }
}
