//! What stands against making alarms at all.

use std::time::Duration;

/// Why there are no alarms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloudWatchError {
    /// A namespace that CloudWatch does not take.
    #[error(
        "{namespace:?} is no namespace: it is of 1 to 255 letters, digits and .-_/#:, begins with no colon and not with AWS/"
    )]
    Namespace {
        /// What was given.
        namespace: String,
    },
    /// A period that CloudWatch does not take.
    #[error("a period is 10, 20 or 30 s or whole minutes of an hour at most, not {period:?}")]
    Period {
        /// What was given.
        period: Duration,
    },
    /// A topic that is none.
    #[error("{topic:?} is no ARN of an SNS topic, such as arn:aws:sns:eu-central-1:123456789012:pages")]
    Topic {
        /// What was given.
        topic: String,
    },
    /// Rules of one service and the options of another.
    #[error("the rules look at {label} {allowed:?} and the alarms are for {given:?}: say what the rules were bound to")]
    OtherIdentity {
        /// `service` or `environment`.
        label: String,
        /// What the rules look at.
        allowed: String,
        /// What the options say.
        given: String,
    },
    /// More alarms than a template may have resources.
    #[error("{alarms} alarms, and a template holds {most}: declare fewer values of labels")]
    TooManyAlarms {
        /// How many there would be.
        alarms: usize,
        /// How many there may be.
        most: usize,
    },
}
