//! Alerts that are made up, to see whether they get through.

use super::alert::{Alert, Origin};
use super::delivery::Delivery;
use crate::alert::evaluate::Refused;
use crate::alert::rule::{BoundRule, Quantity};
use crate::alert::{DRILL, RuleSet};

/// An alert of a rule that nothing is wrong with. It is over when this is resolved or dropped, or when the process is gone
/// and another one has taken its spool or lease.
#[derive(Debug)]
#[must_use = "a drill is over when it is dropped"]
pub struct Drill {
    delivery: Delivery,
    alert: Alert,
}

/// Why there is no drill.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DrillError {
    /// There is no such rule.
    #[error("there is no alert rule {rule:?}; those called nearly so: {}", close.join(", "))]
    UnknownRule {
        /// What was asked for.
        rule: String,
        /// The rules whose names are closest.
        close: Vec<String>,
    },
    /// The process does not evaluate it, so that nobody would be told of it either.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No rules are evaluated.
    #[error("no rules are evaluated in this process: `Monitoring::evaluate` does")]
    NotEvaluated,
    /// Rules are evaluated, and nobody is told.
    #[error("nobody is told of alerts: give the evaluation a delivery with `deliver_to`")]
    NoDelivery,
    /// No route takes alerts of the rule.
    #[error("no route takes alerts of {rule}")]
    Unrouted {
        /// The rule.
        rule: String,
    },
}

impl Delivery {
    /// Tells of an alert of a rule as if it fired, down the way that its alerts go: through windows, silences and routes to the
    /// destinations. Its texts say that it is a drill, and so does its label `drill="true"`. It mutes no other alert, and no
    /// other alert mutes it.
    ///
    /// Labels that a real alert would have are called `drill`; its value is the rule's threshold. [`Delivery::flush`] tells
    /// of it at once.
    ///
    /// # Errors
    /// When there is no such rule, or no route for it.
    pub fn drill(&self, rules: &RuleSet, rule: &str, origin: Origin) -> Result<Drill, DrillError> {
        let Some(rule) = rules.rule(rule) else {
            let close = closest(rule, rules.rules().iter().map(BoundRule::name));
            return Err(DrillError::UnknownRule { rule: rule.to_owned(), close });
        };
        let alert = made_up(rule, origin, self);
        if !self.is_routed(&alert) {
            return Err(DrillError::Unrouted { rule: rule.name().to_owned() });
        }
        self.offer(alert.clone());
        Ok(Drill { delivery: self.clone(), alert })
    }
}

impl Drill {
    /// What is told.
    pub const fn alert(&self) -> &Alert {
        &self.alert
    }

    /// Ends it: who was told of it is told that it is over.
    pub fn resolve(self) {}
}

impl Drop for Drill {
    fn drop(&mut self) {
        self.delivery.offer(self.alert.clone().resolved(self.delivery.wall()));
    }
}

fn made_up(rule: &BoundRule, origin: Origin, delivery: &Delivery) -> Alert {
    let value = rule.condition().first_comparison().map(|(_, _, threshold)| threshold);
    let value = value.unwrap_or(Quantity { amount: 1.0, measure: rule.measure() });
    let label = |name: &str| match name {
        "service" => origin.service().to_owned(),
        "environment" => origin.environment().to_owned(),
        _ => DRILL.to_owned(),
    };
    let description = format!("This is a drill, nothing is wrong. {}", rule.description().filled(label, value));
    let alert = Alert::of_rule(origin.clone(), rule, &description, delivery.wall());
    let alert = rule.by().iter().fold(alert, |alert, name| alert.label(name, &label(name)));
    alert.summary(&format!("Drill: {}", rule.summary())).value(value).label(DRILL, "true")
}

/// How many names are shown of those that are like another.
const SHOWN: usize = 3;

fn closest<'a>(name: &str, of: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<_> = of.map(|other| (distance(name, other), other)).collect();
    names.sort_unstable();
    names.into_iter().take(SHOWN).map(|(_, name)| name.to_owned()).collect()
}

/// How many letters are to be put in, left out or replaced to make one word of the other, whatever their case: Levenshtein's.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (above, one) in a.chars().enumerate() {
        let (mut left, mut corner) = (above + 1, above);
        for (at, other) in b.chars().enumerate() {
            let next = (corner + usize::from(one != other)).min(left + 1).min(row[at + 1] + 1);
            (row[at], corner, left) = (left, row[at + 1], next);
        }
        if let Some(last) = row.last_mut() {
            *last = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closest_names_are_those_with_the_fewest_changes() {
        for (a, b, expected) in
            [("", "", 0), ("", "abc", 3), ("kitten", "Sitting", 3), ("flaw", "lawn", 2), ("a", "a", 0)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
        let names = ["Watchdog", "ApiLatencyHigh", "CpuHigh", "ApiErrorRateHigh"];
        assert_eq!(closest("apiLatncyHigh", names.into_iter())[0], "ApiLatencyHigh");
        assert_eq!(closest("x", names.into_iter()).len(), SHOWN);
    }
}
