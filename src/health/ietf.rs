//! Reports in the words of the IETF draft on health checks (draft-inadarei-api-health-check-06).

use super::answer::Detail;
use super::json::{Object, array};
use super::report::{CheckState, HealthReport};
use super::status::Status;
use crate::clock::Timestamp;

/// `{"status":"pass","checks":{"database":[{"status":"pass"}]}}`, with reasons and times for those who may know.
pub(super) fn body(report: &HealthReport, detail: Detail) -> Object {
    let checks = report.checks().iter().fold(Object::new(), |checks, check| {
        checks.raw(&check.name, &array(std::iter::once(component(check, detail).finish())))
    });
    Object::new().text("status", word(report.status())).raw("checks", &checks.finish())
}

/// One check as a report of its own.
pub(super) fn component(check: &CheckState, detail: Detail) -> Object {
    let object = Object::new().text("status", word(check.status));
    if detail == Detail::Statuses {
        return object;
    }
    // Omitted when all is well, as the draft asks.
    let output = check.reason.map(|reason| match check.message.as_str() {
        "" => reason.to_owned(),
        message => format!("{reason}: {message}"),
    });
    let object = object
        .text("componentId", &check.dependency)
        .text("componentType", check.kind.as_str())
        .text("time", Timestamp::from(check.since).as_str())
        .optional_text("output", output.as_deref());
    match check.duration {
        Some(duration) => object.number("observedValue", duration.as_secs_f64()).text("observedUnit", "s"),
        None => object,
    }
}

/// `warn` for everything that is neither: an unknown status is no reason to send nobody here.
const fn word(status: Status) -> &'static str {
    match status {
        Status::Healthy => "pass",
        Status::Degraded | Status::Unknown => "warn",
        Status::Unhealthy => "fail",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::health::Impact;
    use crate::health::report::tests::check;

    #[test]
    fn strangers_see_statuses_and_others_why() {
        let mut down = check("database", Status::Unhealthy, Impact::Unhealthy);
        down.message = "no answer".to_owned();
        down.duration = Some(Duration::from_millis(250));
        let report = HealthReport::new(vec![down, check("cache", Status::Healthy, Impact::Degraded)], true);
        assert_eq!(
            body(&report, Detail::Statuses).finish(),
            r#"{"status":"fail","checks":{"database":[{"status":"fail"}],"cache":[{"status":"pass"}]}}"#
        );
        assert_eq!(
            body(&report, Detail::All).finish(),
            concat!(
                r#"{"status":"fail","checks":{"database":[{"status":"fail","componentId":"database","#,
                r#""componentType":"component","time":"2025-01-22T10:30:00.000Z","output":"unreachable: no answer","#,
                r#""observedValue":0.25,"observedUnit":"s"}],"cache":[{"status":"pass","componentId":"cache","#,
                r#""componentType":"component","time":"2025-01-22T10:30:00.000Z"}]}}"#,
            )
        );
        assert_eq!(word(Status::Unknown), "warn");
    }
}
