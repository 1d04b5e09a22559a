//! What rules look at again and again, recorded once: ratios of counts and quantiles.

use super::promql::{Printer, span};
use crate::alert::{BoundRule, Selector, Source, Value};

/// A recording rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recording {
    /// `level:metric:operations`.
    pub(super) name: String,
    pub(super) expression: String,
    value: Value,
    by: Vec<String>,
}

/// The recording rules of a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Recordings(Vec<Recording>);

impl Recordings {
    /// Those for the rules of a group.
    pub(super) fn of(rules: &[&BoundRule]) -> Self {
        let mut recordings = Self::default();
        for rule in rules {
            for value in rule.condition().values() {
                recordings.add(rule, value);
            }
        }
        recordings
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Recording> {
        self.0.iter()
    }

    /// What a value is recorded as.
    pub(super) fn name(&self, value: &Value, by: &[String]) -> Option<&str> {
        let found = self.0.iter().find(|recording| recording.value == *value && recording.by == by);
        found.map(|recording| recording.name.as_str())
    }

    /// Another value that would have the name of one that is there, such as one with other matchers, is not recorded.
    fn add(&mut self, rule: &BoundRule, value: &Value) {
        let Some((metric, operation)) = recorded_as(value) else { return };
        let name = format!("{}:{metric}:{operation}", rule.by().join("_"));
        if self.0.iter().any(|recording| recording.name == name) {
            return;
        }
        let expression = Printer::new(rule, &Self::default()).unrecorded(value);
        self.0.push(Recording { name, expression, value: value.clone(), by: rule.by().to_vec() });
    }
}

/// The metric, without what a rate loses, and what is done to it.
fn recorded_as(value: &Value) -> Option<(&str, String)> {
    match value {
        Value::Ratio { of, .. } => match &**of {
            Value::Increase { of, within, .. } => Some((stem(of)?, format!("ratio_increase{}", span(*within)))),
            _ => None,
        },
        // The cast is of a percentage, 0 to 100.
        Value::Quantile { of, quantile, within } => {
            Some((stem(of)?, format!("p{}_{}", (quantile * 100.0).round() as u8, span(*within))))
        }
        _ => None,
    }
}

fn stem(selector: &Selector) -> Option<&str> {
    match &selector.source {
        Source::Metric(name) => Some(name.strip_suffix("_total").unwrap_or(name)),
        _ => None,
    }
}
