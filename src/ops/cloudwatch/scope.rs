//! Which series an alarm names: the values of the labels that its rule tells alerts apart by.

use std::collections::BTreeMap;

use super::error::CloudWatchError;
use super::metric::{CloudMetric, Form, Publication, Selection, unit};
use super::options::CloudWatchOptions;
use super::refusal::Refusal;
use crate::alert::{BoundRule, Match, Matcher, Selector, Source};

/// A rule for one value of each label that has declared ones; its other labels are rolled up.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    pub(super) rule: &'a BoundRule,
    pub(super) options: &'a CloudWatchOptions,
    /// The values, of `service` and `environment` too.
    fixed: BTreeMap<String, String>,
    rolled_up: Vec<&'a str>,
}

const SERVICE: &str = "service";
const ENVIRONMENT: &str = "environment";

/// Alarms of one service cannot look at the series of another.
pub(super) fn check_identity(rule: &BoundRule, options: &CloudWatchOptions) -> Result<(), CloudWatchError> {
    let given = [(SERVICE, &options.service), (ENVIRONMENT, &options.environment)];
    let mut condition = rule.condition().clone();
    for selector in condition.selectors_mut() {
        for matcher in &selector.matchers {
            let found = given.iter().find(|(label, _)| *label == matcher.label);
            if let Some((label, given)) = found.filter(|(_, given)| !matcher.accepts(given)) {
                let (Match::OneOf(values) | Match::NoneOf(values)) = &matcher.values;
                let (label, allowed, given) = ((*label).to_owned(), values.join("|"), (*given).clone());
                return Err(CloudWatchError::OtherIdentity { label, allowed, given });
            }
        }
    }
    Ok(())
}

impl<'a> Scope<'a> {
    /// One for each combination of declared values that the rule looks at.
    pub(super) fn all(rule: &'a BoundRule, options: &'a CloudWatchOptions) -> Result<Vec<Self>, Refusal> {
        let of_service = [(SERVICE, &options.service), (ENVIRONMENT, &options.environment)];
        let fixed = of_service.map(|(label, value)| (label.to_owned(), value.clone())).into();
        let mut scopes = vec![Self { rule, options, fixed, rolled_up: Vec::new() }];
        for label in rule.by().iter().filter(|label| ![SERVICE, ENVIRONMENT].contains(&label.as_str())) {
            match options.values_of(label) {
                Some(values) => {
                    let with = |scope: &Self| {
                        let with = |value: &String| {
                            let mut scope = scope.clone();
                            scope.fixed.insert(label.clone(), value.clone());
                            scope
                        };
                        values.iter().map(with).collect::<Vec<_>>()
                    };
                    scopes = scopes.iter().flat_map(with).collect();
                }
                None => scopes.iter_mut().for_each(|scope| scope.rolled_up.push(label)),
            }
        }
        let selectors: Vec<Selector> =
            rule.condition().clone().selectors_mut().into_iter().map(|of| of.clone()).collect();
        scopes.retain(|scope| selectors.iter().all(|of| scope.looks_at(of)));
        if scopes.is_empty() { Err(Refusal::NothingLeft) } else { Ok(scopes) }
    }

    /// Whether a selector leaves anything of this.
    fn looks_at(&self, of: &Selector) -> bool {
        let accepts = |matcher: &Matcher| self.fixed.get(&matcher.label).is_none_or(|value| matcher.accepts(value));
        of.matchers.iter().all(accepts)
    }

    /// The labels whose values are looked at together.
    pub(super) fn rolled_up(&self) -> &[&'a str] {
        &self.rolled_up
    }

    /// The declared values that this is of, sorted by label.
    pub(super) fn declared(&self) -> impl Iterator<Item = (&str, &str)> {
        let others = self.fixed.iter().filter(|(label, _)| ![SERVICE, ENVIRONMENT].contains(&label.as_str()));
        others.map(|(label, value)| (label.as_str(), value.as_str()))
    }

    /// What CloudWatch has of a selector's series, and what is to be published for that.
    pub(super) fn metric(&self, of: &Selector) -> Result<(CloudMetric, Publication), Refusal> {
        let Source::Metric(name) = &of.source else { return Err(Refusal::OnlyPrometheus) };
        // A bound rule knows every metric that it names.
        let Some(metric) = self.rule.metric(name) else { return Err(Refusal::NothingLeft) };
        let mut dimensions = self.fixed.clone();
        let mut selected = Vec::new();
        for matcher in of.matchers.iter().filter(|matcher| !self.fixed.contains_key(&matcher.label)) {
            match &matcher.values {
                Match::OneOf(values) if values.len() == 1 && !values[0].is_empty() => {
                    dimensions.insert(matcher.label.clone(), values[0].clone());
                }
                _ => selected.push(matcher),
            }
        }
        let selection = Selection::of(&selected);
        let labels = dimensions.keys().cloned().collect();
        if let Some(selection) = &selection {
            dimensions.insert(Selection::DIMENSION.to_owned(), selection.value.clone());
        }
        let publication = Publication {
            metric: name.clone(),
            form: Form::of(metric.kind),
            unit: unit(metric.unit),
            dimensions: labels,
            selection,
        };
        Ok((CloudMetric { name: name.clone(), dimensions }, publication))
    }
}
