//! Wall time as people and programs read it: `2025-01-22T10:30:00.000Z`.

use std::time::SystemTime;

/// A moment as RFC 3339 has it: UTC, with milliseconds. Times before 1970 are shown as its start, times after 9999 as its end.
#[derive(Clone, Copy)]
pub(crate) struct Timestamp([u8; 24]);

impl Timestamp {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("OK because only digits were written over ASCII")
    }
}

impl From<SystemTime> for Timestamp {
    fn from(wall: SystemTime) -> Self {
        let (seconds, millis) = since_epoch(wall);
        Self(digits(seconds, millis))
    }
}

/// Timestamps one after the other. What those of one second share is worked out once.
#[cfg(feature = "log")]
#[derive(Debug, Default)]
pub(crate) struct Timestamps {
    /// The last one, and its second.
    last: Option<(u64, [u8; 24])>,
}

#[cfg(feature = "log")]
impl Timestamps {
    /// The bytes of `Timestamp::from(wall)`.
    pub(crate) fn at(&mut self, wall: SystemTime) -> [u8; 24] {
        let (second, millis) = since_epoch(wall);
        let mut out = match self.last {
            Some((last, digits)) if last == second => digits,
            _ => digits(second, millis),
        };
        write_decimal(&mut out[MILLIS], millis);
        self.last = Some((second, out));
        out
    }
}

/// Seconds and milliseconds since 1970, as far as they can be shown.
fn since_epoch(wall: SystemTime) -> (u64, u64) {
    let since_epoch = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    match since_epoch.as_secs() {
        seconds if seconds > LAST_SECOND => (LAST_SECOND, 999),
        seconds => (seconds, u64::from(since_epoch.subsec_millis())),
    }
}

/// Where the milliseconds stand.
const MILLIS: std::ops::Range<usize> = 20..23;

fn digits(seconds: u64, millis: u64) -> [u8; 24] {
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let mut out = *b"0000-00-00T00:00:00.000Z";
    for (range, value) in [
        (0..4, year),
        (5..7, month),
        (8..10, day),
        (11..13, of_day / 3_600),
        (14..16, of_day / 60 % 60),
        (17..19, of_day % 60),
        (MILLIS, millis),
    ] {
        write_decimal(&mut out[range], value);
    }
    out
}

fn write_decimal(out: &mut [u8], value: u64) {
    let mut rest = value;
    for digit in out.iter_mut().rev() {
        // The cast keeps a single digit.
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// 9999-12-31T23:59:59Z: the last second whose year has four digits.
const LAST_SECOND: u64 = 253_402_300_799;

/// Year, month and day of a day since 1970 (Howard Hinnant's `civil_from_days`: years begin in March, so that a leap
/// day is the last day of its year).
fn civil(days: u64) -> (u64, u64, u64) {
    /// Days from 0000-03-01 to 1970-01-01.
    const SHIFT: u64 = 719_468;
    /// Days in the 400 years after which the calendar repeats.
    const ERA: u64 = 146_097;
    let days = days + SHIFT;
    let of_era = days % ERA;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + days / ERA * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[cfg(feature = "log")]
    #[test]
    fn timestamps_one_after_the_other_are_those_of_their_moments() {
        let mut timestamps = Timestamps::default();
        for millis in [0, 1, 999, 1_000, 1_999, 1_000, 86_400_000, 86_399_999, 0] {
            let wall = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
            assert_eq!(timestamps.at(wall), Timestamp::from(wall).0, "{millis}");
        }
    }

    #[test]
    fn moments_are_shown_as_the_calendar_has_them() {
        for (seconds, millis, shown) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (1_737_541_800, 0, "2025-01-22T10:30:00.000Z"),
            (951_827_696, 789, "2000-02-29T12:34:56.789Z"),
            (1_709_251_199, 999, "2024-02-29T23:59:59.999Z"),
            (1_709_251_200, 0, "2024-03-01T00:00:00.000Z"),
            (4_107_542_399, 1, "2100-02-28T23:59:59.001Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
            (LAST_SECOND, 999, "9999-12-31T23:59:59.999Z"),
            (LAST_SECOND + 1, 5, "9999-12-31T23:59:59.999Z"),
        ] {
            let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis);
            assert_eq!(Timestamp::from(wall).as_str(), shown);
        }
        let before = Timestamp::from(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(before.as_str(), "1970-01-01T00:00:00.000Z");
    }
}
