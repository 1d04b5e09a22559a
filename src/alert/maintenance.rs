//! Times in which nobody is called.

use crate::weekday::Weekday;

/// A time of the week in which alerts of a kind tell nobody: one declaration for Alertmanager's configuration and for a
/// `Delivery`, by the clocks of its time zone and with the same meaning to both.
///
/// ```
/// use aistm7_monitoring::alert::{MaintenanceInterval, Weekday};
///
/// // The nightly restart of IBKR's gateways on Saturday.
/// let restart = MaintenanceInterval::new("ibkr-restart", "dependency", "ibkr", "America/New_York")
///     .on([Weekday::Saturday])
///     .between("23:00", "24:00");
/// # let _ = restart;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an interval does nothing until it is given to a configuration or a delivery"]
pub struct MaintenanceInterval {
    pub(crate) name: String,
    /// A label, and its value.
    pub(crate) matcher: (String, String),
    /// In any of these.
    pub(crate) spans: Vec<Span>,
}

/// Times of the day on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) time_zone: String,
    /// All of them, if there is none.
    pub(crate) days: Vec<Weekday>,
    /// The whole day, if there is none; each as `HH:MM`, the end not included.
    pub(crate) times: Vec<(String, String)>,
}

impl MaintenanceInterval {
    /// Of alerts whose label has this value, at times of this time zone; the whole week until it says when.
    pub fn new(
        name: impl Into<String>,
        label: impl Into<String>,
        value: impl Into<String>,
        time_zone: impl Into<String>,
    ) -> Self {
        let span = Span { time_zone: time_zone.into(), days: Vec::new(), times: Vec::new() };
        Self { name: name.into(), matcher: (label.into(), value.into()), spans: vec![span] }
    }

    /// On these days only.
    pub fn on(mut self, days: impl IntoIterator<Item = Weekday>) -> Self {
        let days: Vec<_> = days.into_iter().collect();
        self.spans.iter_mut().for_each(|span| span.days.extend(&days));
        self
    }

    /// From one time of the day to another, as `HH:MM`, up to `24:00`; can be said several times.
    pub fn between(mut self, start: impl Into<String>, end: impl Into<String>) -> Self {
        let times = (start.into(), end.into());
        self.spans.iter_mut().for_each(|span| span.times.push(times.clone()));
        self
    }
}

#[cfg(feature = "maintenance")]
impl MaintenanceInterval {
    /// Of alerts whose label has this value, while a check with these windows is excused, the grace after each included. So
    /// what a check is told of a dependency is said to those who tell people too.
    ///
    /// On the days on which clocks change, times are what clocks show: a repeated hour is in it twice, a skipped one not.
    ///
    /// ```
    /// use aistm7_monitoring::alert::MaintenanceInterval;
    /// use aistm7_monitoring::health::{CheckOptions, Maintenance, MaintenanceWindow};
    ///
    /// let resets = Maintenance::new().window(MaintenanceWindow::daily("America/New_York", "23:45", "00:15")?);
    /// let silent = MaintenanceInterval::excusing("ibkr-resets", "dependency", "ibkr", &resets);
    /// let check = CheckOptions::new().maintenance(resets);
    /// # let _ = (silent, check);
    /// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
    /// ```
    pub fn excusing(
        name: impl Into<String>,
        label: impl Into<String>,
        value: impl Into<String>,
        maintenance: &crate::health::Maintenance,
    ) -> Self {
        let spans = maintenance.spans().flat_map(|(time_zone, days, opens, lasts)| {
            let time_zone = time_zone.to_owned();
            // One for each day that it touches, from its first on.
            (0..=(opens + lasts - 1) / DAY).map(move |later| {
                let end = (opens + lasts - later * DAY).min(DAY);
                Span {
                    time_zone: time_zone.clone(),
                    days: days.iter().map(|day| shifted(*day, later)).collect(),
                    times: vec![(shown(if later == 0 { opens } else { 0 }), shown(end))],
                }
            })
        });
        Self { name: name.into(), matcher: (label.into(), value.into()), spans: spans.collect() }
    }
}

/// In minutes.
#[cfg(feature = "maintenance")]
const DAY: usize = 24 * 60;

#[cfg(feature = "maintenance")]
fn shifted(day: Weekday, later: usize) -> Weekday {
    let at = Weekday::ALL.iter().position(|one| *one == day).unwrap_or_default();
    Weekday::ALL[(at + later) % Weekday::ALL.len()]
}

#[cfg(feature = "maintenance")]
fn shown(minutes: usize) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(all(test, feature = "maintenance"))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::health::{Maintenance, MaintenanceWindow};

    #[test]
    fn windows_become_times_of_each_day_that_they_touch() {
        let written = |opens, closes, grace| {
            let window = MaintenanceWindow::daily("America/New_York", opens, closes).unwrap().on(&[Weekday::Sunday]);
            let maintenance = Maintenance::new().window(window).grace(Duration::from_secs(grace));
            let interval = MaintenanceInterval::excusing("n", "dependency", "ibkr", &maintenance);
            let spans = interval.spans.into_iter().map(|span| {
                assert_eq!(span.time_zone, "America/New_York");
                let (start, end) = span.times[0].clone();
                format!("{} {start}-{end}", span.days[0].as_str())
            });
            spans.collect::<Vec<_>>()
        };
        assert_eq!(written("10:00", "10:30", 0), ["sunday 10:00-10:30"]);
        assert_eq!(written("10:00", "10:30", 61), ["sunday 10:00-10:32"], "a begun minute counts");
        assert_eq!(written("23:45", "00:15", 600), ["sunday 23:45-24:00", "monday 00:00-00:25"]);
        assert_eq!(written("23:00", "00:00", 0), ["sunday 23:00-24:00"]);
        let day = 24 * 3600;
        let long = ["sunday 12:00-24:00", "monday 00:00-24:00", "tuesday 00:00-11:00"];
        assert_eq!(written("12:00", "11:00", day), long);
    }
}
