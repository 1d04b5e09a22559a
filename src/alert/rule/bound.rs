//! Checks a rule against a catalog: a rule that can never fire, or says something that is not there, does not build.

use std::collections::BTreeMap;
use std::time::Duration;

use super::declared::{GuideLine, Missing, Pack, Rule, Runbook};
use super::error::RuleFault;
use super::naming::{Naming, renamed};
use super::quantity::Measure;
use super::selector::{IDENTITY, Matcher, Selector, Source};
use super::template::Template;
use super::value::{Condition, Value};
use crate::catalog::{Catalog, Metric};
use crate::metrics::{Kind, Unit};
use crate::severity::Severity;

/// A rule that was checked against a catalog: each name in it is that of a metric or label that there is.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundRule {
    rule: Rule,
    measure: Measure,
    metrics: BTreeMap<String, Metric>,
    first_query: Option<String>,
}

/// What every window must have at least. Chosen: four scrapes at the default interval of 15 s, so that one may fail.
pub const SHORTEST_WINDOW: Duration = Duration::from_secs(60);

impl BoundRule {
    pub(super) fn new(mut rule: Rule, catalog: &Catalog) -> Result<Self, RuleFault> {
        check_texts(&rule)?;
        Naming::of(catalog).apply(&mut rule);
        match_more(&mut rule, catalog)?;
        check_identity(&rule)?;
        if let Some(label) = rule.description.labels().find(|label| !rule.by.iter().any(|by| by == label)) {
            return Err(RuleFault::DroppedLabel { label: label.to_owned() });
        }
        let mut binder = Binder { catalog, by: &rule.by, metrics: BTreeMap::new() };
        let measure = binder.condition(&rule.condition)?;
        let metrics = binder.metrics;
        check_clear(&rule)?;
        let query = crate::alert::runbook::first_query(&rule.name).filter(|_| rule.runbook == Runbook::Own);
        let first_query = query.map(|query| Naming::of(catalog).query(query));
        Ok(Self { rule, measure, metrics, first_query })
    }

    /// Its name, in CamelCase.
    pub fn name(&self) -> &str {
        &self.rule.name
    }

    /// Which pack it is of.
    pub fn pack(&self) -> Pack {
        self.rule.pack
    }

    /// The group of its rule file.
    pub fn topic(&self) -> &str {
        &self.rule.topic
    }

    /// What must be true. No selector of it has a role.
    pub fn condition(&self) -> &Condition {
        &self.rule.condition
    }

    /// What must be true for it to go on firing, if that is something else.
    pub fn clear_condition(&self) -> Option<Condition> {
        let clear = self.rule.clear?;
        let mut condition = self.rule.condition.clone();
        condition.threshold_mut()?.amount = clear;
        Some(condition)
    }

    /// The labels that its alerts have, beside `severity` and its name.
    pub fn by(&self) -> &[String] {
        &self.rule.by
    }

    /// How urgent it is.
    pub fn severity(&self) -> Severity {
        self.rule.severity
    }

    /// How long it must be true before it fires.
    pub fn lasting(&self) -> Duration {
        self.rule.lasting
    }

    /// How long it goes on to fire after it was last true.
    pub fn keep_firing(&self) -> Duration {
        self.rule.keep_firing
    }

    /// What becomes of it when its series are gone.
    pub fn missing(&self) -> Missing {
        self.rule.missing
    }

    /// What is wrong, in a sentence.
    pub fn summary(&self) -> &str {
        &self.rule.summary
    }

    /// What is wrong with which of them.
    pub fn description(&self) -> &Template {
        &self.rule.description
    }

    /// Where one reads what to do.
    pub fn runbook(&self) -> &Runbook {
        &self.rule.runbook
    }

    /// What to ask first, in PromQL and under the names that requests have here; `None` without a runbook of this crate.
    pub fn first_query(&self) -> Option<&str> {
        self.first_query.as_deref()
    }

    /// The unit of its value.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// A metric that it reads.
    pub(crate) fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.get(name)
    }

    /// How long after a fault the metrics can show it.
    pub(crate) fn seen_after(&self) -> Duration {
        self.rule.seen_after
    }

    /// Which lines of the guide it is.
    pub fn guide_lines(&self) -> &[GuideLine] {
        &self.rule.guide
    }

    /// Why it cannot page within two minutes, if it cannot.
    pub fn why_it_takes_time(&self) -> Option<&str> {
        self.rule.takes_time.as_deref()
    }
}

/// Gives the matchers of a switch to the selectors whose metrics have the labels: at least one has each.
fn match_more(rule: &mut Rule, catalog: &Catalog) -> Result<(), RuleFault> {
    for matcher in std::mem::take(&mut rule.matchers) {
        let mut unknown = None;
        let mut used = false;
        for selector in rule.condition.selectors_mut() {
            let name = selector.source.name();
            let has = |label: &str| {
                IDENTITY.contains(&label) || catalog.metric(name).is_some_and(|metric| metric.has_label(label))
            };
            let label = [matcher.label.clone(), renamed(&matcher.label)].into_iter().find(|label| has(label));
            match label {
                Some(label) => {
                    used = true;
                    selector.matchers.push(Matcher { label, values: matcher.values.clone() });
                }
                None => unknown = Some(name.to_owned()),
            }
        }
        if let (false, Some(metric)) = (used, unknown) {
            return Err(RuleFault::UnknownLabel { metric, label: matcher.label });
        }
    }
    Ok(())
}

fn check_texts(rule: &Rule) -> Result<(), RuleFault> {
    let fail = |rule| Err(RuleFault::Text { rule });
    let name = &rule.name;
    if !name.starts_with(|c: char| c.is_ascii_uppercase()) || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return fail("a rule's name is CamelCase");
    }
    if !rule.summary.starts_with(char::is_uppercase) || !rule.summary.ends_with('.') || rule.summary.contains('{') {
        return fail("a summary is a sentence with a full stop, the same for all alerts of the rule");
    }
    if rule.description == Template::default() {
        return fail("a rule has a description");
    }
    let is_topic = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if rule.topic.is_empty() || !rule.topic.bytes().all(is_topic) {
        return fail("a topic is of small letters, digits and hyphens");
    }
    match &rule.runbook {
        Runbook::Own if crate::alert::runbook::text(name).is_none() => {
            fail("a rule has a runbook: say with `runbook_url` where it is")
        }
        _ => Ok(()),
    }
}

fn check_identity(rule: &Rule) -> Result<(), RuleFault> {
    let needed: &[&'static str] = match (rule.pack, &rule.condition) {
        // A rule about nothing has no groups.
        (_, Condition::Always) => &[],
        (Pack::Service, _) => &["service", "environment"],
        (Pack::Fleet, _) => &["environment"],
    };
    let missing = needed.iter().find(|label| !rule.by.iter().any(|by| by == *label));
    missing.map_or(Ok(()), |label| Err(RuleFault::Identity { pack: rule.pack.as_str(), label }))
}

fn check_clear(rule: &Rule) -> Result<(), RuleFault> {
    let Some(clear) = rule.clear else { return Ok(()) };
    let harmless = rule
        .condition
        .first_comparison()
        .is_some_and(|(_, order, threshold)| clear != threshold.amount && !order.holds(clear, threshold.amount));
    if harmless { Ok(()) } else { Err(RuleFault::ClearThreshold { clear }) }
}

struct Binder<'a> {
    catalog: &'a Catalog,
    by: &'a [String],
    metrics: BTreeMap<String, Metric>,
}

/// What a value asks of a metric.
#[derive(Clone, Copy)]
enum Wanted {
    Gauge,
    Rising,
    Histogram,
    Timestamp,
}

impl Binder<'_> {
    /// The measure of a condition's value.
    fn condition(&mut self, condition: &Condition) -> Result<Measure, RuleFault> {
        match condition {
            Condition::Compare { value, threshold, .. } => {
                let wanted = self.value(value)?;
                let given = threshold.measure;
                if given == wanted { Ok(given) } else { Err(RuleFault::WrongUnit { given, wanted }) }
            }
            Condition::Overdue { timestamp, interval, .. } => {
                self.series(timestamp, Wanted::Timestamp)?;
                match self.series(interval, Wanted::Gauge)? {
                    Measure::Seconds => Ok(Measure::Seconds),
                    given => Err(RuleFault::WrongUnit { given, wanted: Measure::Seconds }),
                }
            }
            Condition::Gone { of, .. } => self.series(of, Wanted::Gauge),
            Condition::Always => Ok(Measure::Count),
            Condition::All(parts) | Condition::Any(parts) => {
                let measures = parts.iter().map(|part| self.condition(part)).collect::<Result<Vec<_>, _>>()?;
                measures.first().copied().ok_or(RuleFault::Text { rule: "a rule has a condition" })
            }
            Condition::Unless(first, second) => {
                let measure = self.condition(first)?;
                self.condition(second)?;
                Ok(measure)
            }
        }
    }

    fn value(&mut self, value: &Value) -> Result<Measure, RuleFault> {
        match value {
            Value::Latest { of, .. } | Value::Highest { of, .. } | Value::Forecast { of, .. } => {
                self.series(of, Wanted::Gauge)
            }
            Value::Increase { of, within, .. } | Value::Events { of, within, .. } => {
                check_window(*within)?;
                self.series(of, Wanted::Rising)
            }
            Value::Rate { of, within, .. } => {
                check_window(*within)?;
                self.series(of, Wanted::Rising).map(Measure::per_second)
            }
            Value::Quantile { of, within, .. } => {
                check_window(*within)?;
                self.series(of, Wanted::Histogram)
            }
            Value::Age { of } | Value::Until { of } => self.series(of, Wanted::Timestamp),
            Value::Distinct { of, label } => {
                self.series(of, Wanted::Gauge)?;
                self.check_label(of, label)?;
                Ok(Measure::Count)
            }
            Value::Ratio { of, to } => match (self.value(of)?, self.value(to)?) {
                (of, to) if of == to => Ok(Measure::Ratio),
                (of, to) => Err(RuleFault::NoRatio { of, to }),
            },
        }
    }

    /// The measure of the series of a metric.
    fn series(&mut self, selector: &Selector, wanted: Wanted) -> Result<Measure, RuleFault> {
        let labels = self.by.iter().chain(selector.matchers.iter().map(|matcher| &matcher.label));
        for label in labels {
            self.check_label(selector, label)?;
        }
        let Source::Metric(name) = &selector.source else {
            return Ok(Measure::Count);
        };
        let metric = self.find(name)?;
        let wrong = |wanted| Err(RuleFault::WrongKind { metric: name.clone(), kind: metric.kind, wanted });
        let measure = match (wanted, metric.kind) {
            (Wanted::Gauge, Kind::Gauge) | (Wanted::Rising, Kind::Counter | Kind::Histogram) => {
                Measure::of(metric.kind, metric.unit)
            }
            (Wanted::Histogram, Kind::Histogram) => Measure::of_unit(metric.unit),
            (Wanted::Timestamp, Kind::Gauge)
                if name.ends_with("_timestamp_seconds") && metric.unit == Unit::Seconds =>
            {
                Measure::Seconds
            }
            (Wanted::Gauge, _) => return wrong("the present value, which gauges have,"),
            (Wanted::Rising, _) => return wrong("a rise, which counters have,"),
            (Wanted::Histogram, _) => return wrong("a quantile, which histograms have,"),
            (Wanted::Timestamp, _) => return wrong("a timestamp, which gauges called *_timestamp_seconds have,"),
        };
        let metric = metric.clone();
        self.metrics.insert(name.clone(), metric);
        Ok(measure)
    }

    fn check_label(&self, selector: &Selector, label: &str) -> Result<(), RuleFault> {
        if IDENTITY.contains(&label) {
            return Ok(());
        }
        let unknown = |metric: &str| RuleFault::UnknownLabel { metric: metric.to_owned(), label: label.to_owned() };
        let Source::Metric(name) = &selector.source else { return Err(unknown(selector.source.name())) };
        if self.find(name)?.has_label(label) { Ok(()) } else { Err(unknown(name)) }
    }

    fn find(&self, name: &str) -> Result<&Metric, RuleFault> {
        self.catalog.metric(name).ok_or_else(|| RuleFault::UnknownMetric { metric: name.to_owned() })
    }
}

fn check_window(window: Duration) -> Result<(), RuleFault> {
    if window < SHORTEST_WINDOW {
        return Err(RuleFault::ShortWindow { window, shortest: SHORTEST_WINDOW });
    }
    Ok(())
}
