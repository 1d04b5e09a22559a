//! Labels of a service's own on its requests: their values are declared, and so is how many there can be.

use std::sync::Arc;

use super::head::{RequestHead, ResponseHead};
use super::rules;
use crate::diagnostics::{Diagnostics, Problem};
use crate::error::{InvalidValue, check_name};
use crate::metrics::LabelValue;

/// How many combinations of values there may be. Chosen: each has series of its own for every route and method, and the
/// cap of 10,000 a family of 10,000 series has room for most services' routes with a few of them in use.
pub(super) const MAX_COMBINATIONS: usize = 64;

/// Names that the families have already, or that the formats keep for themselves.
const TAKEN: [&str; 10] = [
    "method",
    "route",
    "status",
    "status_class",
    "outcome",
    "le",
    "quantile",
    "url_scheme",
    "error_type",
    "otel_metric_overflow",
];

pub(super) type OfRequest = dyn for<'r> Fn(RequestHead<'r>) -> Option<&'r str> + Send + Sync;
pub(super) type OfResponse = dyn for<'r> Fn(ResponseHead<'r>) -> Option<&'r str> + Send + Sync;

/// One label as it was declared.
pub(super) struct CustomLabel {
    pub(super) name: &'static str,
    pub(super) values: Vec<&'static str>,
    pub(super) source: Source,
}

/// What a label's value is read from.
pub(super) enum Source {
    Request(Arc<OfRequest>),
    Response(Arc<OfResponse>),
}

/// All of them, checked.
pub(super) struct CustomLabels {
    labels: Vec<CustomLabel>,
    diagnostics: Diagnostics,
}

/// Which value each of the labels has: a number with a digit for each label, the first label's the lowest.
///
/// Digit 0 is `none`, 1 is `_other`, the declared values follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Combination(u8);

impl CustomLabel {
    const UNDECLARED: [&str; 2] = ["none", LabelValue::OTHER];

    /// The digit of a value that is not declared.
    const OTHER: usize = 1;

    fn digits(&self) -> usize {
        Self::UNDECLARED.len() + self.values.len()
    }

    /// The label's digit for a value: the only thing that is done with what a request brought is to compare it.
    fn digit(&self, value: Option<&str>, diagnostics: &Diagnostics) -> usize {
        let Some(value) = value else { return 0 };
        match self.values.iter().position(|declared| *declared == value) {
            Some(position) => Self::UNDECLARED.len() + position,
            None => {
                diagnostics.report(Problem::UnknownLabelValue, self.name);
                Self::OTHER
            }
        }
    }

    fn value(&self, digit: usize) -> &'static str {
        Self::UNDECLARED.iter().chain(&self.values).nth(digit).copied().unwrap_or(LabelValue::OTHER)
    }

    fn check(&self) -> Result<(), InvalidValue> {
        let name = self.name;
        let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
        if !starts || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            return Err(InvalidValue::new("label", name, "a-z, 0-9 and '_', starting with a letter"));
        }
        if TAKEN.contains(&name) || name.starts_with("http_") {
            return Err(InvalidValue::new("label", name, "a name that request metrics do not have yet"));
        }
        self.values.iter().try_for_each(|value| check_name("label value", value))
    }
}

impl CustomLabels {
    pub(super) fn new(labels: Vec<CustomLabel>, diagnostics: Diagnostics) -> Result<Self, InvalidValue> {
        labels.iter().try_for_each(CustomLabel::check)?;
        for (position, label) in labels.iter().enumerate() {
            if labels[..position].iter().any(|earlier| earlier.name == label.name) {
                return Err(InvalidValue::new("label", label.name, "declared once"));
            }
        }
        let labels = Self { labels, diagnostics };
        if labels.combinations() > MAX_COMBINATIONS {
            let rule =
                "at most 64 combinations of the values of all labels, of which each has two more: none and _other";
            return Err(InvalidValue::new("number of label combinations", labels.combinations(), rule));
        }
        Ok(labels)
    }

    /// How many combinations there are: 1 without labels.
    pub(super) fn combinations(&self) -> usize {
        self.labels.iter().map(CustomLabel::digits).fold(1, usize::saturating_mul)
    }

    #[inline]
    pub(super) fn of_request(&self, head: RequestHead<'_>) -> Combination {
        self.add(Combination::default(), |label| match &label.source {
            Source::Request(value) => {
                Some(rules::run(&self.diagnostics, || label.digit(value(head), &self.diagnostics)))
            }
            Source::Response(_) => None,
        })
    }

    /// The request's combination with the values of the response.
    #[inline]
    pub(super) fn of_response(&self, request: Combination, head: ResponseHead<'_>) -> Combination {
        self.add(request, |label| match &label.source {
            Source::Request(_) => None,
            Source::Response(value) => {
                Some(rules::run(&self.diagnostics, || label.digit(value(head), &self.diagnostics)))
            }
        })
    }

    /// Adds the digits of the labels that `digit` knows: `Some(None)` is that of a rule that panicked.
    fn add(&self, to: Combination, digit: impl Fn(&CustomLabel) -> Option<Option<usize>>) -> Combination {
        let mut place = 1;
        let mut sum = to.index();
        for label in &self.labels {
            sum += place * digit(label).map_or(0, |digit| digit.unwrap_or(CustomLabel::OTHER));
            place *= label.digits();
        }
        // The cast keeps the number, which is less than `MAX_COMBINATIONS`.
        Combination(sum as u8)
    }

    /// The labels as series have them.
    pub(super) fn pairs(&self, combination: Combination) -> Vec<(&'static str, LabelValue)> {
        let mut rest = combination.index();
        let mut pairs = Vec::with_capacity(self.labels.len());
        for label in &self.labels {
            pairs.push((label.name, label.value(rest % label.digits()).into()));
            rest /= label.digits();
        }
        pairs
    }
}

impl Combination {
    #[inline]
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &'static str, values: &[&'static str]) -> CustomLabel {
        CustomLabel { name, values: values.to_vec(), source: Source::Request(Arc::new(|_| None)) }
    }

    #[test]
    fn labels_that_break_a_rule_are_refused() {
        let many: Vec<_> = (0..63).map(|_| "x").collect();
        for bad in [
            vec![label("Tier", &["a"])],
            vec![label("", &["a"])],
            vec![label("route", &["a"])],
            vec![label("http_route", &["a"])],
            vec![label("tier", &["A value"])],
            vec![label("tier", &["a"]), label("tier", &["b"])],
            vec![label("tier", &many)],
            vec![label("a", &["1", "2", "3"]), label("b", &["1", "2", "3"]), label("c", &["1", "2", "3"])],
        ] {
            assert!(CustomLabels::new(bad, Diagnostics::new()).is_err());
        }
        let fits = vec![label("a", &["1", "2", "3", "4", "5", "6"]), label("b", &["1", "2", "3", "4", "5", "6"])];
        assert_eq!(CustomLabels::new(fits, Diagnostics::new()).unwrap().combinations(), MAX_COMBINATIONS);
    }

    #[test]
    fn every_combination_has_its_own_values() {
        let labels = vec![label("tier", &["free", "paid"]), label("region", &["eu"])];
        let labels = CustomLabels::new(labels, Diagnostics::new()).unwrap();
        let all: Vec<_> = (0..labels.combinations())
            .map(|index| labels.pairs(Combination(index as u8)).into_iter().map(|(_, value)| value).collect::<Vec<_>>())
            .collect();
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), 12);
        assert_eq!(all[0], ["none".into(), LabelValue::from("none")]);
        assert_eq!(all[11], ["paid".into(), LabelValue::from("eu")]);
    }
}
