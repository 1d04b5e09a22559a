//! Reports as HTTP would carry them: a status code and a JSON body.

use std::time::SystemTime;

use super::ietf;
use super::json::{Object, array, quoted};
use super::report::{CheckState, HealthReport, LastFailure};
use super::status::Status;
use super::transition::Transition;
use crate::clock::Timestamp;
use crate::drain::Phase;

/// How much of a report an answer shows, and in which words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a view shows nothing by itself"]
pub struct View<'a> {
    detail: Detail,
    words: Words,
    tag: Option<&'a str>,
}

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Nothing that a stranger must not know.
    Statuses,
    /// Reasons, messages, facts and times. Secrets are scrubbed, but it names internals.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    Guide,
    Ietf,
}

impl<'a> View<'a> {
    /// The status of the whole and of each check, and nothing else: strangers may read it.
    pub const fn statuses() -> Self {
        Self { detail: Detail::Statuses, words: Words::Guide, tag: None }
    }

    /// Everything, for operators: reasons, messages, facts, times and the latest changes.
    pub const fn details() -> Self {
        Self { detail: Detail::All, words: Words::Guide, tag: None }
    }

    /// In the words of the IETF draft, `pass`, `warn` and `fail`, as `application/health+json`.
    pub const fn ietf(mut self) -> Self {
        self.words = Words::Ietf;
        self
    }

    pub(super) fn shows_history(self) -> bool {
        (self.detail, self.words) == (Detail::All, Words::Guide)
    }

    /// Only the checks that have this tag, and the status of these together.
    pub const fn tagged(mut self, tag: &'a str) -> Self {
        self.tag = Some(tag);
        self
    }
}

/// An answer for a router to send, never to be cached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status code: 200 or 503.
    pub code: u16,
    /// The value of the `content-type` header.
    pub content_type: &'static str,
    /// The JSON body.
    pub body: String,
}

impl Answer {
    pub(super) const OK: u16 = 200;
    const UNAVAILABLE: u16 = 503;

    const JSON: &str = "application/json";
    const HEALTH_JSON: &str = "application/health+json";

    fn new(code: u16, body: Object) -> Self {
        Self { code, content_type: Self::JSON, body: body.finish() }
    }

    /// The whole.
    pub(super) fn of_report(report: &HealthReport, history: &[Transition], view: View<'_>) -> Self {
        let tagged = view.tag.map(|tag| report.tagged(tag));
        let report = tagged.as_ref().unwrap_or(report);
        match view.words {
            Words::Guide => Self::new(code_of(report.status()), body_of(report, history, view.detail)),
            Words::Ietf => Self {
                content_type: Self::HEALTH_JSON,
                ..Self::new(code_of(report.status()), ietf::body(report, view.detail))
            },
        }
    }

    /// One check; 503 when it is unhealthy, whatever its impact.
    pub(super) fn of_check(check: &CheckState, view: View<'_>) -> Self {
        match view.words {
            Words::Guide => Self::new(code_of(check.status), check_of(check, view.detail)),
            Words::Ietf => Self {
                content_type: Self::HEALTH_JSON,
                ..Self::new(code_of(check.status), ietf::component(check, view.detail))
            },
        }
    }

    /// The process answers.
    pub(super) fn live() -> Self {
        Self::new(Self::OK, Object::new().text("status", "live"))
    }

    /// The runtime runs nothing.
    pub(super) fn stalled() -> Self {
        Self::new(Self::UNAVAILABLE, Object::new().text("status", "stalled"))
    }

    pub(super) fn startup(report: &HealthReport) -> Self {
        if report.is_started() {
            return Self::new(Self::OK, Object::new().text("status", "started"));
        }
        Self::new(Self::UNAVAILABLE, Object::new().text("status", "starting"))
    }

    pub(super) fn ready(report: &HealthReport, phase: Phase) -> Self {
        let reason = if phase >= Phase::Draining {
            "draining"
        } else if !report.is_started() {
            "starting"
        } else if report.holding_ready().next().is_some() {
            "dependency"
        } else {
            return Self::new(Self::OK, Object::new().text("status", "ready"));
        };
        Self::new(Self::UNAVAILABLE, Object::new().text("status", "not_ready").text("reason", reason))
    }
}

const fn code_of(status: Status) -> u16 {
    match status {
        Status::Unhealthy => Answer::UNAVAILABLE,
        Status::Healthy | Status::Degraded | Status::Unknown => Answer::OK,
    }
}

fn body_of(report: &HealthReport, history: &[Transition], detail: Detail) -> Object {
    let checks = report
        .checks()
        .iter()
        .fold(Object::new(), |checks, check| checks.raw(&check.name, &check_of(check, detail).finish()));
    let status = Object::new().text("status", report.status().as_str());
    match detail {
        Detail::Statuses => status.raw("checks", &checks.finish()),
        Detail::All => status
            .raw("started", if report.is_started() { "true" } else { "false" })
            .raw("checks", &checks.finish())
            .raw("history", &array(history.iter().map(transition))),
    }
}

fn check_of(check: &CheckState, detail: Detail) -> Object {
    let status = Object::new().text("status", check.status.as_str());
    match detail {
        Detail::Statuses => status,
        Detail::All => with_details(status, check),
    }
}

fn with_details(object: Object, check: &CheckState) -> Object {
    let message = (!check.message.is_empty()).then_some(check.message.as_str());
    let mut object = object
        .optional_text("reason", check.reason)
        .optional_text("message", message)
        .text("dependency", &check.dependency)
        .text("impact", check.impact.as_str())
        .text("severity", check.severity.as_str())
        .text("gates", check.gates.as_str())
        .text("kind", check.kind.as_str())
        .raw("tags", &array(check.tags.iter().map(|tag| quoted(tag))))
        .number("detected_within_seconds", check.detected_within.as_secs_f64())
        .text("since", Timestamp::from(check.since).as_str())
        .optional_text("last_success", check.last_success.map(Timestamp::from).as_ref().map(Timestamp::as_str))
        .raw("consecutive_failures", &check.consecutive_failures.to_string());
    if let Some(duration) = check.duration {
        object = object.number("duration_seconds", duration.as_secs_f64());
    }
    if let Some(failure) = &check.last_failure {
        object = object.raw("last_failure", &failure_of(failure));
    }
    let data = check.data.iter().fold(Object::new(), |data, (key, value)| data.datum(key, value));
    object.raw("data", &data.finish())
}

fn transition(transition: &Transition) -> String {
    Object::new()
        .text("check", &transition.check)
        .text("from", transition.from.as_str())
        .text("to", transition.to.as_str())
        .optional_text("reason", transition.reason)
        .text("at", Timestamp::from(transition.at).as_str())
        .number("lasted_seconds", transition.lasted.as_secs_f64())
        .number("bad_for_seconds", transition.bad_for.as_secs_f64())
        .finish()
}

fn failure_of(failure: &LastFailure) -> String {
    let at: SystemTime = failure.at;
    Object::new()
        .text("reason", failure.reason)
        .text("message", &failure.message)
        .text("at", Timestamp::from(at).as_str())
        .finish()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::health::report::tests::check;
    use crate::health::{Datum, Impact};

    fn report(status: Status, impact: Impact) -> HealthReport {
        HealthReport::new(vec![check("database", status, impact), check("cache", Status::Healthy, impact)], true)
    }

    fn statuses(report: &HealthReport) -> Answer {
        Answer::of_report(report, &[], View::statuses())
    }

    #[test]
    fn views_choose_words_and_checks() {
        let mut cache = check("cache", Status::Healthy, Impact::Degraded);
        cache.tags = ["trading".to_owned()].into();
        let report = HealthReport::new(vec![check("database", Status::Unhealthy, Impact::Unhealthy), cache], true);
        let answer = Answer::of_report(&report, &[], View::statuses().tagged("trading"));
        assert_eq!(
            (answer.code, &*answer.body),
            (200, r#"{"status":"healthy","checks":{"cache":{"status":"healthy"}}}"#)
        );
        let ietf = Answer::of_report(&report, &[], View::statuses().ietf());
        assert_eq!((ietf.code, ietf.content_type), (503, "application/health+json"));
        let of_one = |view| Answer::of_check(report.check("database").unwrap(), view);
        assert_eq!(
            (of_one(View::statuses()).code, &*of_one(View::statuses()).body),
            (503, r#"{"status":"unhealthy"}"#)
        );
        assert_eq!(of_one(View::statuses().ietf()).body, r#"{"status":"fail"}"#);
        assert!(of_one(View::details()).body.contains(r#""reason":"unreachable""#));
    }

    #[test]
    fn summary_has_the_guides_shape_and_nothing_else() {
        let degraded = statuses(&report(Status::Unhealthy, Impact::Degraded));
        assert_eq!(degraded.code, 200);
        assert_eq!(
            degraded.body,
            r#"{"status":"degraded","checks":{"database":{"status":"unhealthy"},"cache":{"status":"healthy"}}}"#
        );
        assert_eq!(statuses(&report(Status::Unhealthy, Impact::Unhealthy)).code, 503);
        assert_eq!(statuses(&report(Status::Unknown, Impact::Unhealthy)).code, 200);
        assert_eq!(statuses(&HealthReport::new(Vec::new(), true)).body, r#"{"status":"healthy","checks":{}}"#);
    }

    #[test]
    fn details_say_why_and_since_when() {
        let mut state = check("database", Status::Unhealthy, Impact::Unhealthy);
        state.message = "no answer".to_owned();
        state.last_success = Some(state.since - Duration::from_secs(60));
        let failure = LastFailure { reason: "unreachable", message: "no answer".to_owned(), at: state.since };
        state.last_failure = Some(failure);
        state.consecutive_failures = 3;
        state.duration = Some(Duration::from_millis(250));
        state.data = vec![("slot", Datum::from(5_u64))];
        let details = Answer::of_report(&HealthReport::new(vec![state], true), &[], View::details());
        assert_eq!(details.code, 503);
        assert_eq!(
            details.body,
            concat!(
                r#"{"status":"unhealthy","started":true,"checks":{"database":{"status":"unhealthy","#,
                r#""reason":"unreachable","message":"no answer","dependency":"database","impact":"unhealthy","#,
                r#""severity":"critical","gates":"none","kind":"component","tags":[],"detected_within_seconds":20,"since":"2025-01-22T10:30:00.000Z","#,
                r#""last_success":"2025-01-22T10:29:00.000Z","consecutive_failures":3,"duration_seconds":0.25,"#,
                r#""last_failure":{"reason":"unreachable","message":"no answer","at":"2025-01-22T10:30:00.000Z"},"#,
                r#""data":{"slot":5}}},"history":[]}"#,
            )
        );
    }

    #[test]
    fn ready_names_the_first_thing_that_holds_it() {
        let mut held = report(Status::Healthy, Impact::Degraded);
        assert_eq!(
            Answer::ready(&held, Phase::Serving),
            Answer { code: 200, content_type: "application/json", body: r#"{"status":"ready"}"#.to_owned() }
        );
        held = HealthReport::new(
            held.checks().iter().cloned().map(|check| CheckState { holds_ready: true, ..check }).collect(),
            true,
        );
        let body = |answer: Answer| (answer.code, answer.body);
        let not_ready = |reason: &str| (503, format!(r#"{{"status":"not_ready","reason":"{reason}"}}"#));
        assert_eq!(body(Answer::ready(&held, Phase::Serving)), not_ready("dependency"));
        assert_eq!(body(Answer::ready(&held, Phase::Draining)), not_ready("draining"));
        assert_eq!(body(Answer::ready(&held, Phase::Closing)), not_ready("draining"));
        let starting = HealthReport::new(Vec::new(), false);
        assert_eq!(body(Answer::ready(&starting, Phase::Serving)), not_ready("starting"));
        assert_eq!(Answer::startup(&starting).code, 503);
        assert_eq!(Answer::startup(&held).code, 200);
    }
}
