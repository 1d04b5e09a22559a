//! How long a period is, and how many of them must be bad.

use std::time::Duration;

use super::refusal::Refusal;
use crate::alert::{Across, BoundRule, Condition, Value};

/// Of the last `periods`, so many must be bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) period: Duration,
    pub(super) periods: u32,
    pub(super) bad: u32,
}

/// Over what a value is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Window {
    /// Over all of it, in one period as long as the window.
    Whole(Duration),
    /// Of one replica, whose data cannot be added up over time without those of others: in each period of the window.
    InEach(Duration),
}

impl Span {
    /// The span of a rule whose data is published once in `published`.
    pub(super) fn of(rule: &BoundRule, published: Duration) -> Result<Self, Refusal> {
        let lasting = rule.lasting();
        let mut windows: Vec<Window> = rule.condition().values().flat_map(windows).collect();
        windows.sort_unstable();
        windows.dedup();
        match windows[..] {
            [] if matches!(rule.condition(), Condition::Gone { .. }) => {
                // Something within one period is enough to be there, as within a window.
                Ok(Self::all(published, 1 + times(lasting, published, f64::ceil)))
            }
            [] => Ok(Self::all(published, times(lasting, published, f64::ceil).max(1))),
            // A window slides by the minute: one more of them that is bad begins its length later.
            [Window::Whole(window)] => Ok(Self::all(window, 1 + times(lasting, window, f64::round))),
            [Window::InEach(window)] => {
                let periods = times(window.saturating_add(lasting), published, f64::ceil).max(1);
                Ok(Self { period: published, periods, bad: times(lasting, published, f64::ceil).clamp(1, periods) })
            }
            _ => Err(Refusal::SeveralWindows),
        }
    }

    fn all(period: Duration, periods: u32) -> Self {
        Self { period, periods, bad: periods }
    }
}

/// How often a time is in another.
fn times(time: Duration, of: Duration, whole: fn(f64) -> f64) -> u32 {
    // The cast saturates: what is too many is refused as such.
    whole(time.as_secs_f64() / of.as_secs_f64()) as u32
}

fn windows(value: &Value) -> Vec<Window> {
    match value {
        Value::Increase { across: Across::Sum, within, .. }
        | Value::Events { across: Across::Sum, within, .. }
        | Value::Rate { across: Across::Sum, within, .. }
        | Value::Quantile { within, .. } => vec![Window::Whole(*within)],
        Value::Increase { within, .. } | Value::Events { within, .. } | Value::Rate { within, .. } => {
            vec![Window::InEach(*within)]
        }
        Value::Ratio { of, to } => [windows(of), windows(to)].concat(),
        Value::Latest { .. }
        | Value::Age { .. }
        | Value::Until { .. }
        | Value::Highest { .. }
        | Value::Forecast { .. }
        | Value::Distinct { .. } => Vec::new(),
    }
}
