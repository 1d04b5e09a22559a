//! Rules that CloudWatch cannot serve, and why.

use super::limit::Limit;

/// A rule that has no alarm.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("alert rule {rule} has no alarm in CloudWatch: {reason}")]
#[non_exhaustive]
pub struct Refused {
    /// Its name.
    pub rule: String,
    /// Why.
    #[source]
    pub reason: Refusal,
}

/// Why CloudWatch cannot serve a rule.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is always true.
    #[error(
        "it always fires, which CloudWatch has no use for: it runs apart from the service, and ServiceAbsent is its heartbeat"
    )]
    Always,
    /// It looks at what Prometheus says of its targets, or a prober of URLs.
    #[error("only Prometheus knows whether somebody answers it or its prober")]
    OnlyPrometheus,
    /// It looks at several stretches of time.
    #[error("it looks at several windows, and an alarm has one period")]
    SeveralWindows,
    /// It looks back at what gauges were at most.
    #[error("it compares with an earlier peak, and metric math knows none")]
    Peak,
    /// It looks ahead.
    #[error("it looks ahead, and metric math does not")]
    Forecast,
    /// It counts the values of a label.
    #[error("it counts the values of a label, and an alarm sees no labels")]
    Distinct,
    /// It asks each replica for a rise in samples.
    #[error("CloudWatch adds the samples of all replicas up, and it asks for those of one")]
    SamplesOfOne,
    /// Absence is only a part of it.
    #[error("it combines absence with something else, and what is absent has no data to combine")]
    PartlyGone,
    /// All values of a label together would hide what it looks for.
    #[error("all values of {label} together would hide one: declare them with CloudWatchOptions::values")]
    NeedsValues {
        /// The label.
        label: String,
    },
    /// All values of its labels together are what another alarm looks at.
    #[error("all values of its labels together are what {alarm} looks at")]
    SameAs {
        /// The alarm.
        alarm: String,
    },
    /// It looks at none of the declared values.
    #[error("it looks at none of the declared values of its labels")]
    NothingLeft,
    /// An alarm would break a limit.
    #[error(transparent)]
    Limit(#[from] Limit),
}
