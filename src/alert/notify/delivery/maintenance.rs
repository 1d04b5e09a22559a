//! Times in which nobody is called: the meaning of Alertmanager's `mute_time_intervals`.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::alert::Alert;
use crate::alert::{MaintenanceInterval, Weekday};
use crate::error::InvalidValue;

/// A [`MaintenanceInterval`] whose zones and times were looked up.
pub(super) struct QuietTime {
    name: String,
    matcher: (String, String),
    spans: Vec<Span>,
}

struct Span {
    zone: TimeZone,
    days: Vec<Weekday>,
    /// Minutes of the day, the end not included.
    times: Vec<(u32, u32)>,
}

impl QuietTime {
    /// # Errors
    /// When a time zone or a time of the day is none.
    pub(super) fn of(interval: &MaintenanceInterval) -> Result<Self, InvalidValue> {
        let spans = interval.spans.iter().map(|span| {
            let zone = TimeZone::get(&span.time_zone).map_err(|_| {
                InvalidValue::new("time zone", &span.time_zone, "an IANA name, such as America/New_York")
            })?;
            let times = span.times.iter().map(|(start, end)| {
                let (from, until) = (minutes(start)?, minutes(end)?);
                if from >= until {
                    return Err(InvalidValue::new("end of maintenance", end, "later than its start, on the same day"));
                }
                Ok((from, until))
            });
            Ok(Span { zone, days: span.days.clone(), times: times.collect::<Result<_, _>>()? })
        });
        let spans = spans.collect::<Result<_, InvalidValue>>()?;
        Ok(Self { name: interval.name.clone(), matcher: interval.matcher.clone(), spans })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn holds_back(&self, alert: &Alert, wall: SystemTime) -> bool {
        let (label, value) = &self.matcher;
        alert.matched(label) == value
            && Timestamp::try_from(wall).is_ok_and(|at| self.spans.iter().any(|span| span.has(at)))
    }
}

impl Span {
    fn has(&self, at: Timestamp) -> bool {
        let shown = at.to_zoned(self.zone.clone());
        // Both are what a clock shows, and so never negative.
        let minute = u32::from(shown.hour().unsigned_abs()) * 60 + u32::from(shown.minute().unsigned_abs());
        let day = shown.weekday().to_monday_zero_offset().unsigned_abs();
        let is_day = self.days.is_empty() || self.days.iter().any(|one| Weekday::ALL[usize::from(day)] == *one);
        is_day && (self.times.is_empty() || self.times.iter().any(|(from, until)| (*from..*until).contains(&minute)))
    }
}

/// Of `HH:MM`, from 00:00 to 24:00.
fn minutes(text: &str) -> Result<u32, InvalidValue> {
    let two_digits = |part: &str| part.parse().ok().filter(|_| part.len() == 2 && !part.starts_with('+'));
    let parts = text.split_once(':').and_then(|(hour, minute)| Some((two_digits(hour)?, two_digits(minute)?)));
    let minutes = parts.filter(|(_, minute)| *minute < 60).map(|(hour, minute): (u32, u32)| hour * 60 + minute);
    let is_in_day = |minutes: &u32| *minutes <= 24 * 60;
    minutes.filter(is_in_day).ok_or_else(|| InvalidValue::new("time of day", text, "HH:MM, from 00:00 to 24:00"))
}

#[cfg(test)]
mod tests {
    use super::super::super::alert::Origin;
    use super::*;
    use crate::alert::Severity;

    fn saturday_night() -> MaintenanceInterval {
        MaintenanceInterval::new("restart", "dependency", "ibkr", "America/New_York")
    }

    #[test]
    fn interval_holds_at_what_clocks_show_also_when_they_change() {
        let alert = |name: &str| {
            Alert::firing(Origin::new("risk", "prod"), "DependencyDown", Severity::Critical, SystemTime::UNIX_EPOCH)
                .label("dependency", name)
        };
        let held = |interval: &MaintenanceInterval, at: &str| {
            let wall = at.parse::<Timestamp>().unwrap().into();
            let quiet = QuietTime::of(interval).unwrap();
            assert!(!quiet.holds_back(&alert("solana"), wall));
            quiet.holds_back(&alert("ibkr"), wall)
        };
        let night = saturday_night().on([Weekday::Saturday]).between("23:00", "24:00");
        // In winter, and in summer. 2026-01-17 is a Saturday.
        for (at, expected) in [
            ("2026-01-18T03:59:59Z", false),
            ("2026-01-18T04:00:00Z", true),
            ("2026-01-18T04:59:59Z", true),
            ("2026-01-18T05:00:00Z", false),
            ("2026-01-17T04:30:00Z", false),
            ("2026-07-19T03:00:00Z", true),
            ("2026-07-19T04:00:00Z", false),
        ] {
            assert_eq!(held(&night, at), expected, "{at}");
        }
        let early = saturday_night().between("01:30", "03:15");
        for (at, expected) in [
            // Clocks go back from 02:00 to 01:00: what they show twice holds twice.
            ("2026-11-01T05:29:00Z", false),
            ("2026-11-01T05:30:00Z", true),
            ("2026-11-01T06:00:00Z", false),
            ("2026-11-01T06:30:00Z", true),
            ("2026-11-01T08:14:00Z", true),
            ("2026-11-01T08:15:00Z", false),
            // They go forward from 02:00 to 03:00.
            ("2026-03-08T06:59:00Z", true),
            ("2026-03-08T07:14:00Z", true),
            ("2026-03-08T07:15:00Z", false),
        ] {
            assert_eq!(held(&early, at), expected, "{at}");
        }
        assert!(held(&saturday_night(), "2026-01-14T12:00:00Z"), "the whole week");
    }

    #[test]
    fn interval_of_a_severity_lets_the_others_through() {
        let nights = MaintenanceInterval::new("nights", "severity", "warning", "Europe/Berlin");
        let quiet = QuietTime::of(&nights.between("00:00", "07:00").between("20:00", "24:00")).unwrap();
        let held = |severity, at: &str| {
            let origin = Origin::new("risk", "prod");
            let alert = Alert::firing(origin, "QueueStandsStill", severity, SystemTime::UNIX_EPOCH);
            quiet.holds_back(&alert, at.parse::<Timestamp>().unwrap().into())
        };
        for (at, expected) in [
            ("2026-01-14T05:59:59Z", true),
            ("2026-01-14T06:00:00Z", false),
            ("2026-01-14T18:59:59Z", false),
            ("2026-01-14T19:00:00Z", true),
        ] {
            assert_eq!(held(Severity::Warning, at), expected, "{at}");
            assert!(!held(Severity::Critical, at) && !held(Severity::Info, at), "{at}");
        }
    }

    #[test]
    fn what_is_no_interval_is_refused() {
        let refused = |interval: MaintenanceInterval| QuietTime::of(&interval).map(drop).unwrap_err().what();
        assert_eq!(refused(MaintenanceInterval::new("n", "a", "b", "Mars/Olympus_Mons")), "time zone");
        for (start, end, what) in [
            ("24:01", "24:02", "time of day"),
            ("1:00", "02:00", "time of day"),
            ("01:60", "02:00", "time of day"),
            ("+1:00", "02:00", "time of day"),
            ("noon", "02:00", "time of day"),
            ("23:00", "01:00", "end of maintenance"),
        ] {
            assert_eq!(refused(saturday_night().between(start, end)), what, "{start} {end}");
        }
    }
}
