//! Whether one replica, which sees but its share, can say something about all of them.

use crate::alert::rule::{Across, Condition, Order, Value};

/// Whether a condition that is true of what one replica sees is true of all, or is a verdict on ratios, quantiles and means,
/// which each replica has of its own share.
///
/// What excuses, the second part of [`Condition::Unless`], is taken to be known to every replica.
pub(super) fn answers(condition: &Condition) -> bool {
    match condition {
        Condition::Always => true,
        Condition::Compare { value, order, .. } => is_bound(value, *order),
        // It may have succeeded, or be there, in another.
        Condition::Overdue { .. } | Condition::Gone { .. } => false,
        Condition::All(parts) | Condition::Any(parts) => parts.iter().all(answers),
        Condition::Unless(first, second) => answers(first) && answers(second),
    }
}

/// Whether a number that compares so for one replica compares so for all.
fn is_bound(value: &Value, order: Order) -> bool {
    let is_from_below = matches!(order, Order::Above | Order::AtLeast);
    match value {
        Value::Ratio { .. } | Value::Quantile { .. } => true,
        Value::Latest { across, .. }
        | Value::Highest { across, .. }
        | Value::Increase { across, .. }
        | Value::Events { across, .. }
        | Value::Rate { across, .. }
        | Value::Forecast { across, .. } => match across {
            // A sum, and the largest, are no less than any part of them.
            Across::Sum | Across::Max => is_from_below,
            Across::Min => !is_from_below,
            Across::Mean => true,
        },
        Value::Distinct { .. } => is_from_below,
        // The age of the newest and the time until the earliest: no more than any replica's.
        Value::Age { .. } | Value::Until { .. } => !is_from_below,
    }
}
