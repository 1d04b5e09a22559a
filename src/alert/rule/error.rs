//! Why a rule is none.

use std::time::Duration;

use super::quantity::Measure;
use crate::metrics::Kind;

/// A rule that does not build, and why.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("alert rule {rule}: {fault}")]
pub struct RuleError {
    /// Its name.
    pub rule: String,
    /// What is wrong with it.
    #[source]
    pub fault: RuleFault,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleFault {
    /// The catalog has no such metric.
    #[error("there is no metric {metric:?} in the catalog: register it first, or correct the name")]
    UnknownMetric {
        /// Its name.
        metric: String,
    },
    /// A metric of another kind is asked for.
    #[error("{metric} is a {}, and {wanted} is asked of it", kind.as_str())]
    WrongKind {
        /// The metric's name.
        metric: String,
        /// Its kind.
        kind: Kind,
        /// What is asked of it.
        wanted: &'static str,
    },
    /// The metric does not have a label that is matched or grouped by.
    #[error("{metric} has no label {label:?}")]
    UnknownLabel {
        /// The metric's name.
        metric: String,
        /// The label.
        label: String,
    },
    /// A text shows a label that the groups do not have.
    #[error("the description shows {{{label}}}, which the rule drops: add it to `by`, or leave it out")]
    DroppedLabel {
        /// The label.
        label: String,
    },
    /// The threshold is in another unit than what is compared with it.
    #[error("the threshold is in {given:?}, and what is compared is in {wanted:?}")]
    WrongUnit {
        /// The threshold's.
        given: Measure,
        /// The value's.
        wanted: Measure,
    },
    /// Two numbers of different units make no ratio.
    #[error("{of:?} over {to:?} is no ratio")]
    NoRatio {
        /// What is shared.
        of: Measure,
        /// What it is a share of.
        to: Measure,
    },
    /// The alerts of a pack must be told apart by a label.
    #[error("every rule of the {pack} pack has {label} among the labels that it is grouped by")]
    Identity {
        /// The pack.
        pack: &'static str,
        /// The label that is missing.
        label: &'static str,
    },
    /// It clears on the wrong side of its threshold, or has none.
    #[error("it clears at {clear}, which is not on the harmless side of its threshold")]
    ClearThreshold {
        /// Where it clears.
        clear: f64,
    },
    /// Too few scrapes are in a window.
    #[error("a window of {window:?} is shorter than {shortest:?}, four scrapes")]
    ShortWindow {
        /// The window.
        window: Duration,
        /// What it has to be at least.
        shortest: Duration,
    },
    /// A name or a text breaks a rule.
    #[error("{rule}")]
    Text {
        /// What holds for each rule.
        rule: &'static str,
    },
    /// Two rules have one name.
    #[error("there is another rule of this name")]
    Duplicate,
    /// A switch names a rule that there is none of.
    #[error("there is no rule of this name to be switched")]
    NoSuchRule,
    /// A switch sets a threshold of a rule that has none.
    #[error("it has no threshold to be set")]
    NoThreshold,
    /// More rules page than anybody can know by heart.
    #[error("it is one page rule more than the {most} that a service may have")]
    TooManyPages {
        /// How many there may be.
        most: usize,
    },
}
