//! Times in which nobody is called, as Alertmanager is told.

use crate::alert::MaintenanceInterval;
use crate::ops::yaml::Yaml;

pub(super) fn written(interval: &MaintenanceInterval) -> Yaml {
    let spans = interval.spans.iter().map(|span| {
        let mut written = Yaml::map([("location", Yaml::text(&span.time_zone))]);
        if !span.days.is_empty() {
            written = written.with("weekdays", Yaml::texts(span.days.iter().map(|day| day.as_str())));
        }
        if !span.times.is_empty() {
            let times = span
                .times
                .iter()
                .map(|(start, end)| Yaml::map([("start_time", Yaml::text(start)), ("end_time", Yaml::text(end))]));
            written = written.with("times", Yaml::List(times.collect()));
        }
        written
    });
    Yaml::map([("name", Yaml::text(&interval.name)), ("time_intervals", Yaml::List(spans.collect()))])
}

/// The end of the way of its alerts: that above, but not in this time.
pub(super) fn route(interval: &MaintenanceInterval) -> Yaml {
    let (label, value) = &interval.matcher;
    Yaml::map([
        ("matchers", Yaml::texts([format!("{label}={value:?}")])),
        ("mute_time_intervals", Yaml::texts([&interval.name])),
    ])
}
