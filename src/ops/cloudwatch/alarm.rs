//! One alarm, in the words that `PutMetricAlarm` and CloudFormation share.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::math::{FewSamples, MissingData, Plan, Shape, Term};
use super::scope::Scope;
use crate::alert::{Order, Runbook, Severity, runbook};

/// An alarm of CloudWatch: a rule of one service, for one value of each label that has declared ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    name: String,
    key: String,
    description: String,
    rule: String,
    severity: Severity,
    rolled_up: Vec<String>,
    namespace: String,
    plan: Plan,
}

impl Alarm {
    pub(super) fn new(scope: &Scope<'_>, plan: Plan) -> Self {
        let (rule, options) = (scope.rule, scope.options);
        let values: Vec<String> = scope.declared().map(|(label, value)| format!("{label}={value}")).collect();
        let values = if values.is_empty() { String::new() } else { format!("[{}]", values.join(",")) };
        let (prefix, service, environment) = (&options.prefix, &options.service, &options.environment);
        let words = scope.declared().flat_map(|(_, value)| value.split(|c: char| !c.is_ascii_alphanumeric()));
        Self {
            name: format!("{prefix}{service}-{environment}-{}{values}", rule.name()),
            key: [rule.name()].into_iter().chain(words).map(capitalised).collect(),
            description: description(scope),
            rule: rule.name().to_owned(),
            severity: rule.severity(),
            rolled_up: scope.rolled_up().iter().map(|label| (*label).to_owned()).collect(),
            namespace: options.namespace.clone(),
            plan,
        }
    }

    /// Its name in CloudWatch.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of its file and its resource: letters and digits, different for each alarm.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The rule that it is of.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// How urgent it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The labels of the rule whose values it looks at together.
    pub fn rolled_up(&self) -> &[String] {
        &self.rolled_up
    }

    /// How long a period is.
    pub fn period(&self) -> Duration {
        self.plan.span.period
    }

    /// How many periods it looks at.
    pub fn evaluation_periods(&self) -> u32 {
        self.plan.span.periods
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Makes its key different from others.
    pub(super) fn set_key(&mut self, taken: &mut BTreeSet<String>) {
        let key = std::mem::take(&mut self.key);
        let numbered = (2..).map(|number| format!("{key}N{number}"));
        let free = [key.clone()].into_iter().chain(numbered).find(|key| !taken.contains(key));
        self.key = free.unwrap_or(key);
        taken.insert(self.key.clone());
    }

    /// The input of `PutMetricAlarm`.
    pub(super) fn input(&self, topic: Option<&str>) -> Value {
        let mut input = self.properties();
        if let Some(topic) = topic {
            for action in ACTIONS {
                input.insert(action.to_owned(), json!([topic]));
            }
        }
        Value::Object(input)
    }

    /// Everything but the actions.
    pub(super) fn properties(&self) -> Map<String, Value> {
        let Plan { shape, span, order, threshold, missing, .. } = &self.plan;
        let mut properties = Map::new();
        let mut set = |name: &str, value: Value| properties.insert(name.to_owned(), value);
        set("AlarmName", json!(self.name));
        set("AlarmDescription", json!(self.description));
        set("ComparisonOperator", json!(operator(*order)));
        set("Threshold", json!(threshold));
        set("EvaluationPeriods", json!(span.periods));
        set("DatapointsToAlarm", json!(span.bad));
        set("TreatMissingData", json!(treated(*missing)));
        set("Tags", json!([tag("rule", &self.rule), tag("severity", self.severity.as_str())]));
        let mut of = |term: &Term, statistic: &str| {
            set("Namespace", json!(self.namespace));
            set("MetricName", json!(term.metric.name));
            set("Dimensions", dimensions(term));
            set("Period", json!(span.period.as_secs()));
            set(statistic, json!(term.statistic));
        };
        match shape {
            Shape::Statistic(term) => of(term, "Statistic"),
            Shape::Percentile(term, few_samples) => {
                of(term, "ExtendedStatistic");
                let few = match few_samples {
                    FewSamples::Ignored => "ignore",
                    FewSamples::Evaluated => "evaluate",
                };
                set("EvaluateLowSampleCountPercentile", json!(few));
            }
            Shape::Math { terms, expression } => {
                let terms = terms.iter().enumerate().map(|(at, term)| self.query(at + 1, term));
                let result = json!({
                    "Id": "result",
                    "Label": self.rule,
                    "Expression": expression,
                    "ReturnData": true,
                });
                set("Metrics", terms.chain([result]).collect());
            }
        }
        properties
    }

    fn query(&self, number: usize, term: &Term) -> Value {
        let metric =
            json!({ "Namespace": self.namespace, "MetricName": term.metric.name, "Dimensions": dimensions(term) });
        let period = self.plan.span.period.as_secs();
        json!({
            "Id": format!("m{number}"),
            "MetricStat": { "Metric": metric, "Period": period, "Stat": term.statistic },
            "ReturnData": false,
        })
    }
}

/// What is told when an alarm begins, and when it ends.
pub(super) const ACTIONS: [&str; 2] = ["AlarmActions", "OKActions"];

/// How many characters of a description CloudWatch keeps.
const LONGEST_DESCRIPTION: usize = 1024;

/// What is wrong, with what, whom it hurts as far as there is room, and what to do about it.
fn description(scope: &Scope<'_>) -> String {
    let (rule, options) = (scope.rule, scope.options);
    let mut text = format!("{}\n\n{} in {}", rule.summary(), options.service, options.environment);
    for (label, value) in scope.declared() {
        text.push_str(&format!(", {label} {value}"));
    }
    if !scope.rolled_up().is_empty() {
        text.push_str(&format!(", all values of {} together", scope.rolled_up().join(", ")));
    }
    text.push('.');
    let url = match rule.runbook() {
        Runbook::Url(url) => url.clone(),
        Runbook::Own => {
            text.extend(runbook::impact(rule.name()).map(|impact| format!("\n\n{impact}")));
            format!("{}/{}.md", options.runbooks, rule.name())
        }
    };
    let url = format!("\n\n{url}");
    let room = LONGEST_DESCRIPTION.saturating_sub(url.chars().count());
    text.chars().take(room).chain(url.chars()).take(LONGEST_DESCRIPTION).collect()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn dimensions(term: &Term) -> Value {
    term.metric.dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect()
}

fn tag(key: &str, value: &str) -> Value {
    json!({ "Key": key, "Value": value })
}

fn operator(order: Order) -> &'static str {
    match order {
        Order::Above => "GreaterThanThreshold",
        Order::AtLeast => "GreaterThanOrEqualToThreshold",
        Order::Below => "LessThanThreshold",
    }
}

fn treated(missing: MissingData) -> &'static str {
    match missing {
        MissingData::Breaching => "breaching",
        MissingData::NotBreaching => "notBreaching",
        MissingData::Ignored => "ignore",
    }
}
