//! What CloudWatch takes, which it says only once it is asked: checked before anything is written.
//!
//! What a type rules out is not here: an alarm has at most one action a state, one result, and one statistic.

use std::time::Duration;

use super::alarm::Alarm;
use super::math::Shape;

/// A limit of `PutMetricAlarm` that an alarm would break.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// A name that is too long or has control characters.
    #[error(
        "the name {name:?} is of more than 255 characters or has control characters: shorten the prefix or a value"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// A metric's name that is too long.
    #[error("the metric's name {name:?} is of more than 255 characters")]
    Metric {
        /// The name.
        name: String,
    },
    /// A dimension that CloudWatch does not take.
    #[error("dimension {name:?} cannot be {value:?}: it is 1 to 1024 printable ASCII characters, not all blank")]
    Dimension {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Too many dimensions.
    #[error("{dimensions} dimensions, and a metric has 30 at most")]
    Dimensions {
        /// How many.
        dimensions: usize,
    },
    /// A period, which is the rule's window, that CloudWatch does not take.
    #[error("a period is 10, 20 or 30 s or whole minutes of a day at most, and its window is {period:?}")]
    Period {
        /// The period.
        period: Duration,
    },
    /// An alarm that looks back too far.
    #[error("{periods} periods of {period:?} are longer than {longest:?}")]
    Span {
        /// How many periods.
        periods: u32,
        /// How long each is.
        period: Duration,
        /// How long all may be.
        longest: Duration,
    },
    /// Too many metrics in one expression.
    #[error("{metrics} metrics, and an alarm's expression has 10 at most")]
    Metrics {
        /// How many.
        metrics: usize,
    },
    /// An expression that is too long.
    #[error("an expression of {length} characters, and 2048 are allowed")]
    Expression {
        /// How long it is.
        length: usize,
    },
    /// A percentile that is none.
    #[error("{quantile} is no quantile between 0 and 1")]
    Quantile {
        /// What was asked for.
        quantile: f64,
    },
    /// A threshold that is no number.
    #[error("{threshold} is no threshold")]
    Threshold {
        /// What was given.
        threshold: f64,
    },
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
const WEEK: Duration = Duration::from_secs(7 * 86_400);

pub(super) fn check(alarm: &Alarm) -> Result<(), Limit> {
    let name = alarm.name();
    if name.chars().count() > 255 || name.chars().any(char::is_control) {
        return Err(Limit::Name { name: name.to_owned() });
    }
    let threshold = alarm.plan().threshold;
    if !threshold.is_finite() {
        return Err(Limit::Threshold { threshold });
    }
    check_time(alarm)?;
    check_shape(&alarm.plan().shape)
}

fn check_time(alarm: &Alarm) -> Result<(), Limit> {
    let (period, periods) = (alarm.period(), alarm.evaluation_periods());
    let seconds = period.as_secs();
    let is_short = [10, 20, 30].contains(&seconds);
    let is_minutes = seconds > 0 && seconds.is_multiple_of(60) && period <= DAY;
    if period.subsec_nanos() != 0 || !(is_short || is_minutes) {
        return Err(Limit::Period { period });
    }
    let longest = if period < HOUR { DAY } else { WEEK };
    if period.checked_mul(periods).is_none_or(|span| span > longest) {
        return Err(Limit::Span { periods, period, longest });
    }
    Ok(())
}

fn check_shape(shape: &Shape) -> Result<(), Limit> {
    if let Shape::Math { terms, expression } = shape {
        if terms.len() > 10 {
            return Err(Limit::Metrics { metrics: terms.len() });
        }
        if expression.len() > 2048 {
            return Err(Limit::Expression { length: expression.len() });
        }
    }
    for metric in shape.terms().iter().map(|term| &term.metric) {
        if metric.name.chars().count() > 255 {
            return Err(Limit::Metric { name: metric.name.clone() });
        }
        if metric.dimensions.len() > 30 {
            return Err(Limit::Dimensions { dimensions: metric.dimensions.len() });
        }
        let is_text = |text: &str, most: usize| {
            text.len() <= most && !text.trim().is_empty() && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        };
        let wrong =
            |(name, value): &(&String, &String)| !is_text(name, 255) || !is_text(value, 1024) || name.starts_with(':');
        if let Some((name, value)) = metric.dimensions.iter().find(wrong) {
            return Err(Limit::Dimension { name: name.clone(), value: value.clone() });
        }
    }
    Ok(())
}
