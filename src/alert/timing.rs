//! How long it takes from a fault to somebody's phone, at worst.

use std::time::Duration;

use super::rule::{BoundRule, Condition, Order, Value};

/// What goes between a number and a page, beside the rule itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// From a scrape to the next.
    pub scrape: Duration,
    /// From an evaluation of the rules to the next.
    pub evaluation: Duration,
    /// How long Alertmanager waits for others of a group.
    pub group_wait: Duration,
}

impl Pace {
    /// Those of the configurations that this crate writes.
    pub const DEFAULT: Self = Self {
        scrape: Duration::from_secs(15),
        evaluation: Duration::from_secs(15),
        group_wait: Duration::from_secs(10),
    };

    /// The same, with a scrape and an evaluation this often.
    #[must_use]
    pub const fn every(self, interval: Duration) -> Self {
        Self { scrape: interval, evaluation: interval, ..self }
    }
}

/// Within this a critical alert is to page, unless its verdict needs time by definition.
pub const TARGET: Duration = Duration::from_secs(120);

impl BoundRule {
    /// The longest time from a fault to the page, if the fault is whole from its first moment: every request fails or is
    /// slow, a gauge is as bad as it gets. What is late by definition counts from when it is.
    ///
    /// Until the metrics show it, until that is enough of the rule's window, a scrape, an evaluation, the time that it must
    /// last, and the wait for others of its group.
    pub fn worst_time_to_page(&self, pace: Pace) -> Duration {
        let Pace { scrape, evaluation, group_wait } = pace;
        self.seen_after() + onset(self.condition()) + scrape + evaluation + self.lasting() + group_wait
    }
}

/// How long such a fault lasts until a condition is true.
fn onset(condition: &Condition) -> Duration {
    match condition {
        Condition::Compare { value, order, threshold } => share_needed(value, *order, threshold.amount),
        Condition::All(parts) => parts.iter().map(onset).max().unwrap_or_default(),
        Condition::Any(parts) => parts.iter().map(onset).min().unwrap_or_default(),
        Condition::Unless(first, _) => onset(first),
        Condition::Overdue { .. } | Condition::Gone { .. } | Condition::Always => Duration::ZERO,
    }
}

/// The part of a window that must be bad for its value to be so. Traffic is taken to be steady.
fn share_needed(value: &Value, order: Order, threshold: f64) -> Duration {
    match value {
        Value::Ratio { of, .. } => match (&**of, order) {
            (Value::Increase { within, .. } | Value::Rate { within, .. }, Order::Below) => {
                within.mul_f64((1.0 - threshold).clamp(0.0, 1.0))
            }
            (Value::Increase { within, .. } | Value::Rate { within, .. }, _) => {
                within.mul_f64(threshold.clamp(0.0, 1.0))
            }
            _ => Duration::ZERO,
        },
        Value::Quantile { quantile, within, .. } => within.mul_f64((1.0 - quantile).clamp(0.0, 1.0)),
        _ => Duration::ZERO,
    }
}
