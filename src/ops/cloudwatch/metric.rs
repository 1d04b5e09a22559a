//! What the alarms expect to find in CloudWatch: the one place that says how a metric of the catalog is called there.

use std::collections::BTreeMap;

use crate::alert::{Match, Matcher};
use crate::metrics::{Kind, Unit};

/// A metric of CloudWatch: a name and the dimensions that an alarm names in full.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CloudMetric {
    pub(super) name: String,
    pub(super) dimensions: BTreeMap<String, String>,
}

/// What each process has to publish so that alarms have something to look at: some series of a metric, under one set of
/// dimensions.
///
/// - The name is the catalog's, and so are units: seconds, bytes, fractions.
/// - Each process publishes once in each period, from its start, also where nothing changed: a delta of 0 is data, and a
///   delta is published as 0 where no series matches yet. The time of a datum is the beginning of its period, so that
///   CloudWatch adds up one datum of each replica.
/// - Dimensions are those that are listed here and no others; `service` and `environment`, which are on the target
///   elsewhere, are always among them, and `instance` never is unless values of it are declared.
/// - Every series is published on its own under each set of dimensions, nothing is added up beforehand: what CloudWatch makes
///   of several data of a period is the alarm's to say.
/// - A series whose value of a listed label is empty is not published under that set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Publication {
    /// The name of the metric.
    pub metric: String,
    /// What of it is published.
    pub form: Form,
    /// The unit, as CloudWatch calls it.
    pub unit: &'static str,
    /// The labels that become dimensions, sorted.
    pub dimensions: Vec<String>,
    /// If only some series are meant that no dimensions can name.
    pub selection: Option<Selection>,
}

/// What of a metric is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Form {
    /// By how much a counter rose since it was last published, all of it the first time.
    Delta,
    /// What a gauge shows. One that shows nothing yet is not published.
    Value,
    /// The samples that a histogram got since, as values with their counts: without the values there are no percentiles.
    Samples,
}

/// Some series of a metric, told apart from all of them by the dimension [`Selection::DIMENSION`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Selection {
    /// The dimension's value, such as `outcome!=aborted|cancelled`.
    pub value: String,
    /// By label, sorted: whether its values are those wanted, and which.
    pub labels: Vec<(String, Wanted)>,
}

/// Which values of a label are meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Wanted {
    /// These; an empty one is an absent label.
    OneOf(Vec<String>),
    /// All but these.
    NoneOf(Vec<String>),
}

impl Form {
    /// How metrics of a kind are published.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Delta,
            Kind::Gauge => Self::Value,
            Kind::Histogram => Self::Samples,
        }
    }

    /// The word in `metrics.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Value => "value",
            Self::Samples => "samples",
        }
    }
}

impl Selection {
    /// The dimension that names a selection.
    pub const DIMENSION: &'static str = "selection";

    /// `None` if there is nothing to select.
    pub(super) fn of(matchers: &[&Matcher]) -> Option<Self> {
        let mut labels: Vec<_> = matchers.iter().map(|matcher| (matcher.label.clone(), wanted(matcher))).collect();
        labels.sort();
        labels.dedup();
        let value = labels.iter().map(|(label, wanted)| wanted.written(label)).collect::<Vec<_>>().join(", ");
        (!labels.is_empty()).then_some(Self { value, labels })
    }
}

fn wanted(matcher: &Matcher) -> Wanted {
    let sorted = |values: &[String]| {
        let mut values = values.to_vec();
        values.sort();
        values.dedup();
        values
    };
    match &matcher.values {
        Match::OneOf(values) => Wanted::OneOf(sorted(values)),
        Match::NoneOf(values) => Wanted::NoneOf(sorted(values)),
    }
}

impl Wanted {
    fn written(&self, label: &str) -> String {
        match self {
            Self::OneOf(values) => format!("{label}={}", values.join("|")),
            Self::NoneOf(values) => format!("{label}!={}", values.join("|")),
        }
    }
}

/// CloudWatch's word for a unit.
pub(super) fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "Count",
        Unit::Seconds => "Seconds",
        Unit::Bytes => "Bytes",
        Unit::Ratio => "None",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::metric;

    #[test]
    fn equal_selections_have_equal_names() {
        let one = metric("x").none_of("b", ["2", "1"]).one_of("a", ["3", "4"]);
        let other = metric("x").one_of("a", ["4", "3", "3"]).none_of("b", ["1", "2"]);
        let of = |matchers: &[Matcher]| Selection::of(&matchers.iter().collect::<Vec<_>>());
        assert_eq!(of(&one.matchers), of(&other.matchers));
        assert_eq!(of(&one.matchers).map(|selection| selection.value).as_deref(), Some("a=3|4, b!=1|2"));
        assert_eq!(of(&[]), None);
    }
}
