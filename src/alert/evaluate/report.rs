//! What `GET /alerts` shows.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::alert::ActiveAlert;
use super::evaluator::{Evaluator, Watched};
use super::refusal::Refused;
use super::state::AlertState;
use crate::clock::Timestamp;
use crate::severity::Severity;

/// The rules and alerts of a process after an evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AlertReport {
    /// When rules were last evaluated; `None` before the first time.
    pub evaluated_at: Option<SystemTime>,
    /// The alerts that are not inactive, by rule and labels. One that is over is shown for a quarter of an hour.
    pub alerts: Vec<ActiveAlert>,
    /// The rules that are evaluated.
    pub rules: Vec<RuleStatus>,
    /// The rules that one process cannot evaluate.
    pub refused: Vec<Refused>,
}

/// How a rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleStatus {
    /// Its name.
    pub name: String,
    /// How urgent its alerts are.
    pub severity: Severity,
    /// The worst that any of its alerts is in; without one, inactive or, if it has no series to look at, without data.
    pub state: AlertState,
}

impl AlertReport {
    pub(super) fn of(evaluator: &Evaluator, evaluated_at: Option<SystemTime>) -> Self {
        Self {
            evaluated_at,
            alerts: evaluator.alerts().collect(),
            rules: evaluator.watched().iter().map(RuleStatus::of).collect(),
            refused: evaluator.refused().to_vec(),
        }
    }

    /// As the admin route `/alerts` shows it: one JSON object, its keys and arrays always in the same order. Times are RFC 3339;
    /// a value that is infinite is `null`, and its text says so.
    pub fn to_json(&self) -> String {
        let rules = self
            .rules
            .iter()
            .map(|rule| json!({ "name": rule.name, "severity": rule.severity.as_str(), "state": rule.state.as_str() }));
        let refused =
            self.refused.iter().map(|refused| json!({ "rule": refused.rule, "reason": refused.reason.to_string() }));
        let report = json!({
            "evaluated_at": self.evaluated_at.map(time),
            "alerts": self.alerts.iter().map(alert).collect::<Vec<_>>(),
            "rules": rules.collect::<Vec<_>>(),
            "refused": refused.collect::<Vec<_>>(),
        });
        report.to_string()
    }
}

impl RuleStatus {
    fn of(watched: &Watched) -> Self {
        let states = || watched.alerts().map(|alert| alert.state);
        let worst = [AlertState::Firing, AlertState::Recovering, AlertState::Pending];
        let worst = worst.into_iter().find(|state| states().any(|other| other == *state));
        let state = worst.unwrap_or(if watched.has_data { AlertState::Inactive } else { AlertState::NoData });
        Self { name: watched.rule.name().to_owned(), severity: watched.rule.severity(), state }
    }
}

fn alert(alert: &ActiveAlert) -> Value {
    let labels: Map<_, _> = alert.labels().map(|(name, value)| (name.to_owned(), value.into())).collect();
    json!({
        "alertname": alert.name(),
        "severity": alert.severity().as_str(),
        "state": alert.state().as_str(),
        "labels": labels,
        "value": alert.value().amount,
        "shown_value": alert.value().to_string(),
        "summary": alert.rule().summary(),
        "description": alert.description(),
        "active_since": time(alert.active_since()),
        "fired_at": alert.fired_at().map(time),
        "ended_at": alert.ended_at().map(time),
        "held_back": alert.held_back().map(|why| json!({ "reason": why.as_str(), "by": why.by() })),
    })
}

fn time(at: SystemTime) -> String {
    Timestamp::from(at).as_str().to_owned()
}
