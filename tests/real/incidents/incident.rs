//! Incidents, and who was told of them how often.

use std::collections::{BTreeMap, BTreeSet};

use aistm7_monitoring::alert::Severity;

/// Something that people are to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Incident {
    pub(super) rule: &'static str,
    pub(super) severity: Severity,
    pub(super) environment: &'static str,
    /// The service or the dependency that tells it from others of its rule.
    pub(super) of: &'static str,
}

/// Who was told of what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    /// A channel of Slack, or PagerDuty with the severity that decides on the urgency.
    pub(super) who: String,
    pub(super) rule: String,
    /// The values of the labels that tell incidents apart, which both ways have: service, environment, dependency.
    pub(super) of: BTreeSet<String>,
}

/// How often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) began: usize,
    pub(super) ended: usize,
}

pub(super) type Outcome = BTreeMap<Told, Times>;

impl Incident {
    /// Whom the guide has told.
    pub(super) fn told(&self) -> impl Iterator<Item = Told> {
        let who: &[&str] = match (self.environment, self.severity) {
            ("prod", Severity::Critical) => &["PagerDuty critical", "#incidents"],
            ("prod", Severity::Warning) => &["PagerDuty warning", "#monitoring"],
            _ => &["#monitoring"],
        };
        let of: BTreeSet<String> = [self.environment, self.of].map(str::to_owned).into();
        let rule = self.rule;
        who.iter().map(move |who| Told { who: (*who).to_owned(), rule: rule.to_owned(), of: of.clone() })
    }
}

/// What is different, for people.
pub(super) fn difference(expected: &Outcome, found: &Outcome) -> String {
    let keys: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let lines = keys.into_iter().filter(|key| expected.get(key) != found.get(key)).map(|key| {
        let [expected, found] = [expected, found].map(|outcome| outcome.get(key).copied().unwrap_or_default());
        let Told { who, rule, of } = key;
        format!("\n  {who} of {rule} {of:?}: expected {expected:?}, found {found:?}")
    });
    lines.collect()
}
