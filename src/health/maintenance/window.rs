//! One window: days, two times of day, and the zone that they are read in.

use std::time::{Duration, SystemTime};

use jiff::civil::{self, Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::error::InvalidValue;
use crate::weekday::Weekday;

/// A window that opens at one time of day and closes at another, in a time zone, on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a window excuses nothing until it is part of a `Maintenance`"]
pub struct MaintenanceWindow {
    zone: TimeZone,
    opens: Time,
    closes: Time,
    /// The days on which it opens.
    days: Vec<Weekday>,
}

impl MaintenanceWindow {
    /// Opens every day at `opens` and closes at the next `closes`, which may be on the day after: `"23:00"`, `"03:00"`.
    /// Both are what clocks show in `zone`, an IANA name such as `America/New_York`.
    ///
    /// When clocks are set back over one of the two times, the window holds the repeated hour; a time that is skipped
    /// when they are set forward is taken that much later.
    ///
    /// # Errors
    /// When the zone is unknown, a time is none, or both are the same.
    pub fn daily(zone: &str, opens: &str, closes: &str) -> Result<Self, InvalidValue> {
        let zone = TimeZone::get(zone)
            .map_err(|_| InvalidValue::new("time zone", zone, "an IANA name, such as America/New_York"))?;
        let (opens_at, closes_at) = (time_of_day(opens)?, time_of_day(closes)?);
        if opens_at == closes_at {
            return Err(InvalidValue::new("closing time", closes, "another time than the opening time"));
        }
        Ok(Self { zone, opens: opens_at, closes: closes_at, days: Weekday::ALL.to_vec() })
    }

    /// Opens on these days only.
    pub fn on(mut self, days: &[Weekday]) -> Self {
        self.days = days.to_vec();
        self
    }

    /// Its zone, the days on which it opens, when it does and how long it lasts, in minutes as clocks show them.
    #[cfg(feature = "alert")]
    pub(super) fn span(&self) -> (&str, &[Weekday], usize, usize) {
        // Both are what a clock shows, and so never negative.
        let minutes =
            |time: Time| usize::from(time.hour().unsigned_abs()) * 60 + usize::from(time.minute().unsigned_abs());
        let (opens, closes) = (minutes(self.opens), minutes(self.closes));
        let lasts = if closes > opens { closes - opens } else { closes + DAY - opens };
        (self.zone.iana_name().unwrap_or("UTC"), &self.days, opens, lasts)
    }

    /// Whether it is open at a moment, or was within `grace` before it.
    pub(super) fn is_open(&self, at: SystemTime, grace: Duration) -> bool {
        let (Ok(at), Ok(began_at)) =
            (Timestamp::try_from(at), Timestamp::try_from(at.checked_sub(grace).unwrap_or(at)))
        else {
            return false;
        };
        // Any window that touches the span between the two opened on a day of it, or on the day before it.
        let (first, last) = (self.date_of(began_at).saturating_sub(1.day()), self.date_of(at));
        let days = first.series(1.day()).take_while(|date| *date <= last);
        days.filter(|date| self.days.contains(&day_of(*date))).any(|date| {
            let (opens, closes) = self.bounds(date);
            opens <= at && began_at < closes
        })
    }

    fn date_of(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// The moments at which the window of a day opens and closes.
    fn bounds(&self, date: Date) -> (Timestamp, Timestamp) {
        let closing_date = if self.closes > self.opens { date } else { date.saturating_add(1.day()) };
        let moment = |date: Date, time, in_fold: fn(_) -> _| {
            let ambiguous = self.zone.to_ambiguous_timestamp(date.to_datetime(time));
            in_fold(ambiguous)
        };
        let earlier = |ambiguous: jiff::tz::AmbiguousTimestamp| ambiguous.compatible().unwrap_or(Timestamp::MIN);
        let later = |ambiguous: jiff::tz::AmbiguousTimestamp| ambiguous.later().unwrap_or(Timestamp::MAX);
        (moment(date, self.opens, earlier), moment(closing_date, self.closes, later))
    }
}

/// In minutes.
#[cfg(feature = "alert")]
const DAY: usize = 24 * 60;

fn day_of(date: Date) -> Weekday {
    match date.weekday() {
        civil::Weekday::Monday => Weekday::Monday,
        civil::Weekday::Tuesday => Weekday::Tuesday,
        civil::Weekday::Wednesday => Weekday::Wednesday,
        civil::Weekday::Thursday => Weekday::Thursday,
        civil::Weekday::Friday => Weekday::Friday,
        civil::Weekday::Saturday => Weekday::Saturday,
        civil::Weekday::Sunday => Weekday::Sunday,
    }
}

/// `HH:MM`.
fn time_of_day(text: &str) -> Result<Time, InvalidValue> {
    let invalid = || InvalidValue::new("time of day", text, "HH:MM, from 00:00 to 23:59");
    let two_digits = |part: &str| match part.as_bytes() {
        [b'0'..=b'9', b'0'..=b'9'] => part.parse().map_err(|_| invalid()),
        _ => Err(invalid()),
    };
    let (hour, minute) = text.split_once(':').ok_or_else(invalid)?;
    Time::new(two_digits(hour)?, two_digits(minute)?, 0, 0).map_err(|_| invalid())
}
