//! Times in which nobody is called.

use crate::ops::yaml::Yaml;
use crate::weekday::Weekday;

/// A time of the week in which alerts of a kind tell nobody.
///
/// ```
/// use aistm7_monitoring::ops::alertmanager::{MaintenanceInterval, Weekday};
///
/// // The nightly restart of IBKR's gateways on Saturday.
/// let restart = MaintenanceInterval::new("ibkr-restart", "dependency", "ibkr", "America/New_York")
///     .on([Weekday::Saturday])
///     .between("23:00", "24:00");
/// # let _ = restart;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an interval does nothing until it is given to a configuration"]
pub struct MaintenanceInterval {
    name: String,
    matcher: (String, String),
    time_zone: String,
    days: Vec<Weekday>,
    times: Vec<(String, String)>,
}

impl MaintenanceInterval {
    /// Of alerts whose label has this value, at times of this time zone; the whole week until it says when.
    pub fn new(
        name: impl Into<String>,
        label: impl Into<String>,
        value: impl Into<String>,
        time_zone: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            matcher: (label.into(), value.into()),
            time_zone: time_zone.into(),
            days: Vec::new(),
            times: Vec::new(),
        }
    }

    /// On these days only.
    pub fn on(mut self, days: impl IntoIterator<Item = Weekday>) -> Self {
        self.days.extend(days);
        self
    }

    /// From one time of the day to another, as `HH:MM`, up to `24:00`; can be said several times.
    pub fn between(mut self, start: impl Into<String>, end: impl Into<String>) -> Self {
        self.times.push((start.into(), end.into()));
        self
    }

    pub(super) fn written(&self) -> Yaml {
        let mut interval = Yaml::map([("location", Yaml::text(&self.time_zone))]);
        if !self.days.is_empty() {
            interval = interval.with("weekdays", Yaml::texts(self.days.iter().map(|day| day.as_str())));
        }
        if !self.times.is_empty() {
            let times = self
                .times
                .iter()
                .map(|(start, end)| Yaml::map([("start_time", Yaml::text(start)), ("end_time", Yaml::text(end))]));
            interval = interval.with("times", Yaml::List(times.collect()));
        }
        Yaml::map([("name", Yaml::text(&self.name)), ("time_intervals", Yaml::List(vec![interval]))])
    }

    /// The end of the way of its alerts: that above, but not in this time.
    pub(super) fn route(&self) -> Yaml {
        let (label, value) = &self.matcher;
        Yaml::map([
            ("matchers", Yaml::texts([format!("{label}={value:?}")])),
            ("mute_time_intervals", Yaml::texts([&self.name])),
        ])
    }
}
