//! What only the operator knows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::error::CloudWatchError;
use crate::alert::Severity;

/// How alarms are made. They are for one service in one environment: CloudWatch adds nothing up over dimensions, so each
/// alarm names the series that it looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until alarms are made with them"]
pub struct CloudWatchOptions {
    pub(super) service: String,
    pub(super) environment: String,
    pub(super) namespace: String,
    pub(super) prefix: String,
    pub(super) period: Duration,
    pub(super) runbooks: String,
    values: BTreeMap<String, BTreeSet<String>>,
    topics: BTreeMap<&'static str, String>,
}

/// The dependencies that alarms are made for unless [`CloudWatchOptions::values`] says otherwise: what checks of these are
/// usually called, and what Alertmanager's inhibitions know.
pub const STANDARD_DEPENDENCIES: [&str; 3] = ["database", "ibkr", "solana"];

impl CloudWatchOptions {
    /// For a service as `service_info` names it, in its environment, with namespace `aistm7`, prefix `aistm7-`, a datum a
    /// minute, and nobody told.
    pub fn new(service: impl Into<String>, environment: impl Into<String>) -> Self {
        let options = Self {
            service: service.into(),
            environment: environment.into(),
            namespace: "aistm7".to_owned(),
            prefix: "aistm7-".to_owned(),
            period: Duration::from_secs(60),
            runbooks: "runbooks".to_owned(),
            values: BTreeMap::new(),
            topics: BTreeMap::new(),
        };
        options.values("dependency", STANDARD_DEPENDENCIES)
    }

    /// The namespace of the metrics. Default: `aistm7`.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// What the names of the alarms begin with. Default: `aistm7-`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How often each process publishes each series, once in each such time: 10, 20 or 30 s, which costs more, or whole
    /// minutes. Default: a minute.
    pub fn period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// The values of a label, for each of which rules by that label get an alarm of its own. Rules by a label without
    /// declared values get one alarm for all of its values together, if that means anything, or are refused.
    /// Default: [`STANDARD_DEPENDENCIES`] for `dependency`, and no others.
    pub fn values(mut self, label: impl Into<String>, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.values.insert(label.into(), values.into_iter().map(Into::into).collect());
        self
    }

    /// The ARN of the SNS topic that is told when alarms of a severity begin and end. Default: none.
    pub fn topic(mut self, severity: Severity, topic: impl Into<String>) -> Self {
        self.topics.insert(severity.as_str(), topic.into());
        self
    }

    /// Where the runbooks of this crate's rules are published: descriptions show this, the rule's name and `.md`.
    /// Default: `runbooks`.
    pub fn runbooks(mut self, url: impl Into<String>) -> Self {
        self.runbooks = url.into();
        self
    }

    /// The declared values of a label; `None` where there are none.
    pub(super) fn values_of(&self, label: &str) -> Option<&BTreeSet<String>> {
        self.values.get(label).filter(|values| !values.is_empty())
    }

    pub(super) fn topic_of(&self, severity: Severity) -> Option<&str> {
        self.topics.get(severity.as_str()).map(String::as_str)
    }

    pub(super) fn check(&self) -> Result<(), CloudWatchError> {
        let namespace = &self.namespace;
        let is_known = |c: char| c.is_ascii_alphanumeric() || ".-_/#:".contains(c);
        if !(1..=255).contains(&namespace.len())
            || namespace.starts_with(':')
            || namespace.starts_with("AWS/")
            || !namespace.chars().all(is_known)
        {
            return Err(CloudWatchError::Namespace { namespace: namespace.clone() });
        }
        let seconds = self.period.as_secs();
        let is_whole = self.period.subsec_nanos() == 0;
        let is_minutes = seconds > 0 && seconds <= 3600 && seconds.is_multiple_of(60);
        if !is_whole || !([10, 20, 30].contains(&seconds) || is_minutes) {
            return Err(CloudWatchError::Period { period: self.period });
        }
        match self.topics.values().find(|topic| !is_topic(topic)) {
            Some(topic) => Err(CloudWatchError::Topic { topic: topic.clone() }),
            None => Ok(()),
        }
    }
}

/// `arn:<partition>:sns:<region>:<account>:<name>`, and no longer than CloudWatch takes.
fn is_topic(arn: &str) -> bool {
    let parts: Vec<_> = arn.split(':').collect();
    let is_sns = matches!(parts[..], ["arn", partition, "sns", ..] if partition.starts_with("aws"));
    is_sns && parts.len() == 6 && parts.iter().all(|part| !part.is_empty()) && arn.len() <= 1024
}
