//! One alert: what is wrong, where, since when.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::fingerprint::Fingerprint;
use super::text::{Lines, clean};
use crate::alert::evaluate::INSTANCE;
use crate::alert::{DRILL, Quantity, Severity};
use crate::redact::{REDACTED, is_sensitive_name};

/// One state of one alert, as people are told of it.
///
/// Who it is, [`Alert::fingerprint`], follows from environment, service, rule and labels, and from nothing that changes
/// while it fires. Texts are cut to what every destination takes, characters that act are left out, and so are secrets
/// that are known by their shape or by the name of their label.
///
/// ```
/// use std::time::SystemTime;
/// use aistm7_monitoring::alert::notify::{Alert, AlertStatus, Origin};
/// use aistm7_monitoring::alert::{Quantity, Severity};
///
/// let since = SystemTime::UNIX_EPOCH;
/// let alert = Alert::firing(Origin::new("risk-analysis", "prod"), "ApiLatencyHigh", Severity::Critical, since)
///     .label("route", "/api/v1/portfolios/{id}")
///     .summary("Requests are slow.")
///     .value(Quantity::seconds(0.75))
///     .runbook("https://runbooks.example.com/api-latency-high");
/// let over = alert.clone().resolved(since);
/// assert_eq!(over.status(), AlertStatus::Resolved);
/// assert_eq!(over.fingerprint(), alert.fingerprint());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    pub(super) origin: Origin,
    pub(super) rule: String,
    pub(super) severity: Severity,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) status: AlertStatus,
    pub(super) starts_at: SystemTime,
    /// Once it is resolved.
    pub(super) ends_at: Option<SystemTime>,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) value: Option<Quantity>,
    pub(super) runbook: Option<String>,
    pub(super) dashboard: Option<String>,
}

/// Whose alert it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub(super) service: String,
    pub(super) environment: String,
}

impl Origin {
    /// A service in an environment, as `service_info` names them.
    pub fn new(service: &str, environment: &str) -> Self {
        let name = |name| clean(name, Lines::One, Alert::NAME_LIMIT);
        Self { service: name(service), environment: name(environment) }
    }

    /// The service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The environment; `prod` is the one that pages.
    pub fn environment(&self) -> &str {
        &self.environment
    }
}

/// Where an alert is in its life, as those are told who are to act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AlertStatus {
    /// Something is wrong.
    Firing,
    /// It is still wrong, and somebody has said that they work on it.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl AlertStatus {
    /// The word that webhooks read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Firing, Self::Acknowledged, Self::Resolved].into_iter().find(|status| status.as_str() == word)
    }
}

impl Alert {
    /// The longest name of a service, an environment, a rule or a label, in UTF-16 units.
    pub const NAME_LIMIT: usize = 128;
    /// The longest value of a label.
    pub const LABEL_VALUE_LIMIT: usize = 256;
    /// How many labels are kept, the first by name.
    pub const LABELS_LIMIT: usize = 32;
    /// The longest summary: what fits PagerDuty's with the names before it.
    pub const SUMMARY_LIMIT: usize = 512;
    /// The longest description.
    pub const DESCRIPTION_LIMIT: usize = 4096;
    /// The longest URL: Slack's limit is 3,000.
    pub const URL_LIMIT: usize = 2048;

    /// An alert of `rule` that has been firing since `starts_at`.
    pub fn firing(origin: Origin, rule: &str, severity: Severity, starts_at: SystemTime) -> Self {
        Self {
            origin,
            rule: clean(rule, Lines::One, Self::NAME_LIMIT),
            severity,
            labels: BTreeMap::new(),
            status: AlertStatus::Firing,
            starts_at,
            ends_at: None,
            summary: String::new(),
            description: String::new(),
            value: None,
            runbook: None,
            dashboard: None,
        }
    }

    /// Adds a label of the rule's result, which tells this alert from others of the rule.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        let name = clean(name, Lines::One, Self::NAME_LIMIT);
        let value = if is_sensitive_name(&name) {
            REDACTED.to_owned()
        } else {
            clean(value, Lines::One, Self::LABEL_VALUE_LIMIT)
        };
        self.labels.insert(name, value);
        if self.labels.len() > Self::LABELS_LIMIT {
            self.labels.pop_last();
        }
        self
    }

    /// What is wrong, in one sentence that has no number in it.
    #[must_use]
    pub fn summary(mut self, summary: &str) -> Self {
        self.summary = clean(summary, Lines::One, Self::SUMMARY_LIMIT);
        self
    }

    /// What is wrong in this case.
    #[must_use]
    pub fn description(mut self, description: &str) -> Self {
        self.description = clean(description, Lines::Several, Self::DESCRIPTION_LIMIT);
        self
    }

    /// The number that the rule compared.
    #[must_use]
    pub fn value(mut self, value: Quantity) -> Self {
        self.value = Some(value);
        self
    }

    /// Where it stands what to do.
    #[must_use]
    pub fn runbook(mut self, url: &str) -> Self {
        self.runbook = Some(clean(url, Lines::One, Self::URL_LIMIT));
        self
    }

    /// Where more is to be seen.
    #[must_use]
    pub fn dashboard(mut self, url: &str) -> Self {
        self.dashboard = Some(clean(url, Lines::One, Self::URL_LIMIT));
        self
    }

    /// The same alert, over since `ends_at`.
    #[must_use]
    pub fn resolved(mut self, ends_at: SystemTime) -> Self {
        self.status = AlertStatus::Resolved;
        self.ends_at = Some(ends_at);
        self
    }

    /// The same alert, on which somebody works.
    #[must_use]
    pub fn acknowledged(mut self) -> Self {
        self.status = AlertStatus::Acknowledged;
        self.ends_at = None;
        self
    }

    /// Whose it is.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The name of the rule.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// How bad it is.
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// Where it is in its life.
    pub const fn status(&self) -> AlertStatus {
        self.status
    }

    /// The rule's labels, by name.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Since when it has been firing.
    pub const fn starts_at(&self) -> SystemTime {
        self.starts_at
    }

    /// Since when it is over.
    pub const fn ends_at(&self) -> Option<SystemTime> {
        self.ends_at
    }

    /// The labels that every alert has, under the names that Prometheus' alerts have them.
    pub(super) fn own_labels(&self) -> [(&'static str, &str); 4] {
        [
            ("alertname", self.rule()),
            ("service", self.origin.service()),
            ("environment", self.origin.environment()),
            ("severity", self.severity.as_str()),
        ]
    }

    /// Whether other replicas may say the same: it is not about one of them, nor made by one.
    pub(super) fn is_shared(&self) -> bool {
        self.matched(INSTANCE).is_empty() && self.matched(DRILL).is_empty()
    }

    /// A label as an Alertmanager would match it: empty if there is none.
    pub(super) fn matched(&self, name: &str) -> &str {
        let own = self.own_labels().into_iter().find(|(label, _)| *label == name).map(|(_, value)| value);
        own.or_else(|| self.labels.get(name).map(String::as_str)).unwrap_or_default()
    }

    /// The key of this alert everywhere: a hash of environment, service, rule and labels. Cost: about a microsecond.
    pub fn fingerprint(&self) -> Fingerprint {
        let labels = self.labels.iter().flat_map(|(name, value)| [name.as_str(), value]);
        Fingerprint::of(self.rule_texts().into_iter().chain(labels))
    }

    /// The key of all alerts of the same rule, service and environment.
    pub(super) fn rule_fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.rule_texts())
    }

    fn rule_texts(&self) -> [&str; 3] {
        [&self.origin.environment, &self.origin.service, &self.rule]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert() -> Alert {
        Alert::firing(Origin::new("risk", "prod"), "SyncFailed", Severity::Critical, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn fingerprint_is_that_of_who_it_is_and_not_of_how_it_is() {
        let one = alert().label("b", "2").label("a", "1");
        let same = alert().label("a", "1").label("b", "2").summary("s").description("d").acknowledged();
        assert_eq!(one.fingerprint(), same.fingerprint());
        assert_eq!(one.fingerprint(), Alert { severity: Severity::Info, ..one.clone() }.fingerprint());
        let at = SystemTime::UNIX_EPOCH;
        for other in [
            alert(),
            alert().label("a", "1"),
            alert().label("a", "1").label("b", "3"),
            Alert { origin: Origin::new("risk", "staging"), ..one.clone() },
            Alert { origin: Origin::new("orders", "prod"), ..one.clone() },
            Alert::firing(Origin::new("risk", "prod"), "Other", Severity::Critical, at).label("a", "1").label("b", "2"),
        ] {
            assert_ne!(one.fingerprint(), other.fingerprint(), "{other:?}");
        }
        assert_eq!(one.rule_fingerprint(), alert().rule_fingerprint());
        // Pinned: another value would open every incident anew on the day of an update.
        assert_eq!(one.fingerprint().to_string(), "5ef6b5684cd1dfc6258eb6065cccdab1e75e17c3f6a14303f4d45ac76d074503");
    }

    #[test]
    fn alert_is_bounded_and_holds_no_secret_whatever_it_is_made_of() {
        let long = "🦀\n".repeat(100_000);
        let mut hostile = alert()
            .summary(&long)
            .description(&long)
            .runbook(&long)
            .label("api_key", "hunter2")
            .label("dsn", "postgres://app:hunter2@db/x");
        for index in 0..1000 {
            hostile = hostile.label(&format!("label{index}{long}"), &long);
        }
        assert_eq!(hostile.labels().count(), Alert::LABELS_LIMIT);
        let shown = format!("{hostile:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.len() < 64 * 1024, "{}", shown.len());
        assert!(!hostile.summary.contains('\n') && hostile.description.contains('\n'));
    }
}
