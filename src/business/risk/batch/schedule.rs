//! When a batch is due: a line of cron, the zone that it is read in, and the days on which it rests.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::cron::Cron;
use super::runs::Batches;
use crate::business::BusinessDate;
use crate::error::InvalidValue;

/// When a batch starts, and how long after that it must have succeeded.
///
/// The line of cron has five fields, with lists, ranges, steps and English names, or is one of `@hourly`, `@daily`,
/// `@weekly`, `@monthly`, `@yearly`. Times are what clocks show in the zone. One that is skipped when clocks are set forward
/// is taken that much later; one that comes twice when they are set back counts the first time.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use aistm7_monitoring::business::BusinessDate;
/// use aistm7_monitoring::business::risk::Schedule;
/// # use aistm7_monitoring::{business::risk::Risk, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let risk = Risk::new(&Meter::new(&registry), Clock::system())?;
///
/// let weeknights = Schedule::cron("30 2 * * MON-FRI", "Europe/Berlin")?
///     .except([BusinessDate::new(2025, 12, 25)?, BusinessDate::new(2025, 12, 26)?])
///     .within(Duration::from_secs(2 * 3600));
/// let nightly = risk.batch("nightly-var");
/// nightly.scheduled(weeknights);
/// nightly.last_succeeded_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_737_541_800)); // from the store
/// // 2025-01-23 at 04:30 in Berlin.
/// assert!(registry.render().contains("risk_batch_deadline_timestamp_seconds{batch=\"nightly-var\"} 1737603000\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a schedule says nothing until a batch follows it"]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
    resting: BTreeSet<BusinessDate>,
    within: Duration,
}

/// Chosen: the 29th of February is eight years away at most.
const LOOK_AHEAD_DAYS: usize = 8 * 366;

/// Chosen: what starts a job may be so much early by the clock of the machine that the job runs on.
const EARLY_START: Duration = Duration::from_secs(60);

impl Schedule {
    /// Starts when a line of cron says, by the clocks of `zone`, an IANA name such as `America/New_York`.
    ///
    /// # Errors
    /// When the line is none or names no day of any year, or when the zone is unknown.
    pub fn cron(line: &str, zone: &str) -> Result<Self, InvalidValue> {
        let cron = Cron::parse(line)?;
        let zone = TimeZone::get(zone)
            .map_err(|_| InvalidValue::new("time zone", zone, "an IANA name, such as America/New_York"))?;
        Ok(Self { cron, zone, resting: BTreeSet::new(), within: Duration::ZERO })
    }

    /// On these days it does not start: the holidays of its calendar.
    pub fn except(mut self, days: impl IntoIterator<Item = BusinessDate>) -> Self {
        self.resting.extend(days);
        self
    }

    /// So long after its start it must have succeeded. Default: at once, so set it.
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// When it starts next after a moment; `None` if the days on which it rests leave nothing of eight years.
    pub fn next_start(&self, after: SystemTime) -> Option<SystemTime> {
        let after = Timestamp::try_from(after).ok()?;
        // From the day before, for the zone that once skipped its midnight.
        let first = after.to_zoned(self.zone.clone()).date().saturating_sub(1.day());
        let days = first.series(1.day()).take(LOOK_AHEAD_DAYS);
        let mut next = days.filter(|date| self.starts_on(*date)).filter_map(|date| self.start_of(date, after));
        next.next().map(SystemTime::from)
    }

    /// By when a batch must have succeeded that last started, or succeeded, at this moment.
    pub fn deadline_after(&self, at: SystemTime) -> Option<SystemTime> {
        self.next_start(at)?.checked_add(self.within)
    }

    fn starts_on(&self, date: Date) -> bool {
        self.cron.fires_on(date) && business_date(date).is_none_or(|day| !self.resting.contains(&day))
    }

    /// The first start of a day that comes after a moment. A start that clocks skip comes later than the next one may.
    fn start_of(&self, date: Date, after: Timestamp) -> Option<Timestamp> {
        let moment = |time| self.zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().ok();
        self.cron.times().filter_map(moment).filter(|at| *at > after).min()
    }
}

/// `None` before 1970, where no batch has ever run.
fn business_date(date: Date) -> Option<BusinessDate> {
    let [month, day] = [date.month(), date.day()].map(u8::try_from);
    BusinessDate::new(u16::try_from(date.year()).ok()?, month.ok()?, day.ok()?).ok()
}

impl Batches {
    /// The batch follows a schedule: its deadline is when it must have succeeded after its next start, and moves forward on
    /// success only. See [`Batches::due_again`] for the first one.
    ///
    /// A run that begins up to a minute before its start is taken for the run of that start.
    pub fn scheduled(&self, schedule: Schedule) {
        self.due_again(move |began| schedule.deadline_after(began.checked_add(EARLY_START)?));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SystemTime {
        text.parse::<Timestamp>().unwrap_or_else(|error| panic!("{text}: {error}")).into()
    }

    fn next(schedule: &Schedule, after: &str) -> String {
        Timestamp::try_from(schedule.next_start(at(after)).unwrap()).unwrap().to_string()
    }

    #[test]
    fn start_is_strictly_later() {
        let daily = Schedule::cron("30 2 * * *", "UTC").unwrap();
        assert_eq!(next(&daily, "2025-01-22T02:29:59.999Z"), "2025-01-22T02:30:00Z");
        assert_eq!(next(&daily, "2025-01-22T02:30:00Z"), "2025-01-23T02:30:00Z");
        assert_eq!(next(&daily, "2024-12-31T12:00:00Z"), "2025-01-01T02:30:00Z");
    }

    #[test]
    fn times_are_those_of_the_zone_in_summer_and_winter() {
        let new_york = Schedule::cron("0 18 * * MON-FRI", "America/New_York").unwrap();
        assert_eq!(next(&new_york, "2025-01-22T10:30:00Z"), "2025-01-22T23:00:00Z");
        assert_eq!(next(&new_york, "2025-07-22T10:30:00Z"), "2025-07-22T22:00:00Z");
        // Friday evening there, Saturday in UTC.
        assert_eq!(next(&new_york, "2025-01-25T01:00:00Z"), "2025-01-27T23:00:00Z");
    }

    #[test]
    fn skipped_time_is_later_and_repeated_time_is_once() {
        let berlin = Schedule::cron("30 2 * * *", "Europe/Berlin").unwrap();
        // 2025-03-30: from 02:00 to 03:00.
        assert_eq!(next(&berlin, "2025-03-29T12:00:00Z"), "2025-03-30T01:30:00Z");
        assert_eq!(next(&berlin, "2025-03-30T01:30:00Z"), "2025-03-31T00:30:00Z");
        // 2025-10-26: from 03:00 to 02:00.
        assert_eq!(next(&berlin, "2025-10-25T12:00:00Z"), "2025-10-26T00:30:00Z");
        assert_eq!(next(&berlin, "2025-10-26T00:30:00Z"), "2025-10-27T01:30:00Z");
        // What is skipped comes after a start that is not.
        let both = Schedule::cron("0,30 2,3 * * *", "Europe/Berlin").unwrap();
        assert_eq!(next(&both, "2025-03-30T00:59:00Z"), "2025-03-30T01:00:00Z");
        assert_eq!(next(&both, "2025-03-30T01:00:00Z"), "2025-03-30T01:30:00Z");
        assert_eq!(next(&both, "2025-03-30T01:30:00Z"), "2025-03-31T00:00:00Z");
    }

    #[test]
    fn holidays_are_skipped_and_leap_days_are_found() {
        let holidays = [BusinessDate::new(2025, 12, 25).unwrap(), BusinessDate::new(2025, 12, 26).unwrap()];
        let weeknights = Schedule::cron("0 2 * * MON-FRI", "Europe/Berlin").unwrap().except(holidays);
        assert_eq!(next(&weeknights, "2025-12-24T12:00:00Z"), "2025-12-29T01:00:00Z");
        let leap = Schedule::cron("0 0 29 2 *", "UTC").unwrap();
        assert_eq!(next(&leap, "2096-02-29T00:00:00Z"), "2104-02-29T00:00:00Z");
    }

    #[test]
    fn schedule_that_always_rests_has_no_next_start() {
        let every_leap_day = [2028, 2032].map(|year| BusinessDate::new(year, 2, 29).unwrap());
        let never = Schedule::cron("0 0 29 2 *", "UTC").unwrap().except(every_leap_day);
        assert_eq!(never.next_start(at("2025-01-01T00:00:00Z")), None);
    }

    #[test]
    fn unknown_zone_is_refused() {
        let refused = Schedule::cron("@daily", "Europe/Nowhere").unwrap_err();
        assert_eq!(refused.what(), "time zone");
    }
}
