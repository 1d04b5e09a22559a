//! What of which series a rule looks at, and how far back.

use std::time::Duration;

use crate::alert::rule::{BoundRule, Condition, Matcher, Missing, Selector, Source, UNBORN_FOR, Value};

/// Some series of a metric, told apart by some labels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Need {
    pub(super) metric: String,
    pub(super) matchers: Vec<Matcher>,
    /// By which groups are made.
    pub(super) by: Vec<String>,
    pub(super) part: Part,
    pub(super) back: Duration,
}

/// What of a series is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The number of a gauge or counter, the count of a histogram.
    Number,
    /// Each bucket.
    Buckets,
}

impl Need {
    pub(super) fn new(of: &Selector, by: &[String], part: Part, back: Duration) -> Self {
        let metric = match &of.source {
            Source::Metric(name) => name.clone(),
            // Refused before anything is kept for them.
            Source::Role(_) | Source::Up | Source::Probe => String::new(),
        };
        Self { metric, matchers: of.matchers.clone(), by: by.to_vec(), part, back }
    }

    /// Whether the same groups of the same series are meant.
    pub(super) fn is_of(&self, matchers: &[Matcher], by: &[String]) -> bool {
        self.matchers == matchers && self.by == by
    }
}

/// Everything that a rule looks at.
pub(super) fn needs(rule: &BoundRule) -> Vec<Need> {
    let held = match rule.missing() {
        Missing::Holds(time) => time,
        Missing::Resolves => Duration::ZERO,
    };
    let needs = Needs { by: rule.by(), held };
    rule.condition().parts().into_iter().flat_map(|part| needs.condition(part)).collect()
}

struct Needs<'a> {
    by: &'a [String],
    held: Duration,
}

impl Needs<'_> {
    /// Of a condition that is not made of others.
    fn condition(&self, condition: &Condition) -> Vec<Need> {
        match condition {
            Condition::Compare { value, .. } => self.value(value),
            Condition::Overdue { timestamp, interval, .. } => vec![self.latest(timestamp), self.latest(interval)],
            Condition::Gone { of, within, since } => vec![self.number(of, *within + *since)],
            Condition::Always | Condition::All(_) | Condition::Any(_) | Condition::Unless(..) => Vec::new(),
        }
    }

    fn value(&self, value: &Value) -> Vec<Need> {
        match value {
            Value::Latest { of, .. } | Value::Age { of } | Value::Until { of } => vec![self.latest(of)],
            Value::Highest { of, within, until, .. } => {
                vec![self.number(of, *within + *until + self.held.max(super::history::LOOKBACK))]
            }
            Value::Increase { of, within, .. }
            | Value::Rate { of, within, .. }
            | Value::Forecast { of, within, .. } => {
                vec![self.number(of, *within)]
            }
            Value::Events { of, within, .. } => vec![self.number(of, *within + UNBORN_FOR)],
            Value::Quantile { of, within, .. } => vec![Need::new(of, self.by, Part::Buckets, *within)],
            Value::Distinct { of, label } => {
                vec![Need::new(of, &with_label(self.by, label), Part::Number, Duration::ZERO)]
            }
            Value::Ratio { of, to } => [self.value(of), self.value(to)].concat(),
        }
    }

    fn latest(&self, of: &Selector) -> Need {
        self.number(of, self.held)
    }

    fn number(&self, of: &Selector, back: Duration) -> Need {
        Need::new(of, self.by, Part::Number, back)
    }
}

/// The labels of groups, and behind them the one whose values are counted.
pub(super) fn with_label(by: &[String], label: &str) -> Vec<String> {
    by.iter().cloned().chain([label.to_owned()]).collect()
}
