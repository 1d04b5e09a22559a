//! What a service changes of a rule that somebody else wrote.

use std::time::Duration;

use super::declared::Rule;
use super::error::RuleFault;
use super::quantity::Quantity;
use super::selector::{Match, Matcher};
use crate::severity::Severity;

/// Changes of one rule. What is not set stays as the rule has it.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "a switch does nothing until it is given to alerts"]
pub struct Switch {
    off: bool,
    threshold: Option<Quantity>,
    clear: Option<f64>,
    lasting: Option<Duration>,
    severity: Option<Severity>,
    matchers: Vec<Matcher>,
}

impl Switch {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves the rule out.
    pub fn off(mut self) -> Self {
        self.off = true;
        self
    }

    /// Sets its first threshold, and takes away where it clears unless [`Switch::clear_at`] says it anew.
    pub fn threshold(mut self, threshold: Quantity) -> Self {
        self.threshold = Some(threshold);
        self
    }

    /// Sets where it clears.
    pub fn clear_at(mut self, amount: f64) -> Self {
        self.clear = Some(amount);
        self
    }

    /// Sets how long it must be true.
    pub fn lasting(mut self, time: Duration) -> Self {
        self.lasting = Some(time);
        self
    }

    /// Sets how urgent it is.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Looks away from series whose label has one of these values, wherever a metric of the rule has that label.
    pub fn without(mut self, label: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let values = Match::NoneOf(values.into_iter().map(Into::into).collect());
        self.matchers.push(Matcher { label: label.to_owned(), values });
        self
    }

    /// The rule as it is with these changes; `None` if it is left out.
    pub(super) fn applied(&self, mut rule: Rule) -> Result<Option<Rule>, RuleFault> {
        if self.off {
            return Ok(None);
        }
        if let Some(threshold) = self.threshold {
            *rule.condition.threshold_mut().ok_or(RuleFault::NoThreshold)? = threshold;
            rule.clear = None;
        }
        rule.clear = self.clear.or(rule.clear);
        rule.lasting = self.lasting.unwrap_or(rule.lasting);
        rule.severity = self.severity.unwrap_or(rule.severity);
        rule.matchers.extend(self.matchers.iter().cloned());
        Ok(Some(rule))
    }
}
