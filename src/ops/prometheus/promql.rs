//! Conditions in Prometheus' language.

use std::time::Duration;

use super::recording::Recordings;
use crate::alert::{Across, BoundRule, Condition, Match, Matcher, Missing, Order, Selector, Source, UNBORN_FOR, Value};
use crate::metrics::Kind;
use crate::ops::yaml::quoted;

/// The job that scrapes are configured as.
pub(super) const JOB: &str = "aistm7";

/// The job that probes are configured as.
pub(super) const PROBE_JOB: &str = "aistm7-probe";

/// The job whose series a selector finds, where that is not said by the metric.
pub(super) fn job(of: &Selector) -> Option<&'static str> {
    match of.source {
        Source::Up => Some(JOB),
        Source::Probe => Some(PROBE_JOB),
        Source::Metric(_) | Source::Role(_) => None,
    }
}

/// Writes the conditions of one rule.
pub(super) struct Printer<'a> {
    rule: &'a BoundRule,
    recordings: &'a Recordings,
}

impl<'a> Printer<'a> {
    pub(super) fn new(rule: &'a BoundRule, recordings: &'a Recordings) -> Self {
        Self { rule, recordings }
    }

    /// What must be true, or, while the alert fires, what must be true for it to go on.
    pub(super) fn rule(&self) -> String {
        let condition = self.rule.condition();
        match self.rule.clear_condition() {
            None => self.condition(condition),
            Some(clear) => {
                let name = quoted(self.rule.name());
                let firing = format!("ALERTS{{alertname={name}, alertstate=\"firing\"}}");
                let on = self.labels();
                format!("{}\nor\n({}\nand on ({on})\n{firing})", self.part(condition), self.part(&clear))
            }
        }
    }

    fn labels(&self) -> String {
        self.rule.by().join(", ")
    }

    fn condition(&self, condition: &Condition) -> String {
        match condition {
            Condition::Compare { value, order, threshold } => {
                let order = match order {
                    Order::AtLeast => ">=",
                    Order::Below => "<",
                    _ => ">",
                };
                format!("{} {order} {}", self.value(value), decimal(threshold.amount))
            }
            Condition::Overdue { timestamp, interval, intervals } => {
                let (timestamp, expected) = (self.across(Across::Max, timestamp), self.across(Across::Max, interval));
                let expected = format!("({expected} > 0)");
                let late = format!("time() - {timestamp}\n> {} * {expected}", decimal(*intervals));
                format!("({late})\nor\n({expected} unless {timestamp})")
            }
            Condition::Gone { of, within, since } => {
                let labels = self.labels();
                let of = self.selector(of, "");
                let before = format!("present_over_time({of}[{}]{})", span(*within), offset(*since));
                format!("group by ({labels}) ({before})\nunless\ngroup by ({labels}) ({of})")
            }
            Condition::All(parts) => self.joined(parts, "and"),
            Condition::Any(parts) => self.joined(parts, "or"),
            Condition::Unless(first, second) => format!("{}\nunless\n{}", self.part(first), self.part(second)),
            Condition::Always => "vector(1)".to_owned(),
        }
    }

    fn joined(&self, parts: &[Condition], operator: &str) -> String {
        let parts: Vec<_> = parts.iter().map(|part| self.part(part)).collect();
        parts.join(&format!("\n{operator}\n"))
    }

    /// A condition as an operand.
    fn part(&self, condition: &Condition) -> String {
        let text = self.condition(condition);
        if matches!(condition, Condition::Compare { .. }) { text } else { format!("({text})") }
    }

    pub(super) fn value(&self, value: &Value) -> String {
        match self.recordings.name(value, self.rule.by()) {
            Some(name) => self.recorded(name, value),
            None => self.unrecorded(value),
        }
    }

    /// The series of a recording that are this rule's: other services record theirs under the same name.
    fn recorded(&self, name: &str, value: &Value) -> String {
        let mut value = value.clone();
        let mut matchers: Vec<Matcher> = Vec::new();
        for own in value.selectors_mut().into_iter().flat_map(|selector| &selector.matchers) {
            if self.rule.by().contains(&own.label) && !matchers.contains(own) {
                matchers.push(own.clone());
            }
        }
        with_matchers(name, matchers.iter().map(matcher))
    }

    pub(super) fn unrecorded(&self, value: &Value) -> String {
        match value {
            Value::Latest { of, across } => self.across(*across, of),
            Value::Highest { of, across, within, until } => {
                // A minute's resolution: finer than any deployment, coarser than a scrape.
                format!("max_over_time({}[{}:1m]{})", self.across(*across, of), span(*within), offset(*until))
            }
            Value::Increase { of, across, within } => {
                self.aggregated(*across, &format!("increase({}[{}])", self.rising(of), span(*within)))
            }
            Value::Events { of, across, within } => {
                let of = self.rising(of);
                let (window, before) = (span(*within), span(UNBORN_FOR));
                let born = format!("({of} unless present_over_time({of}[{before}] offset {window}))");
                self.aggregated(*across, &format!("{born} or increase({of}[{window}])"))
            }
            Value::Rate { of, across, within } => {
                self.aggregated(*across, &format!("rate({}[{}])", self.rising(of), span(*within)))
            }
            Value::Quantile { of, quantile, within } => {
                let by = self.rule.by().iter().map(String::as_str).chain(["le"]).collect::<Vec<_>>().join(", ");
                let rate = format!("rate({}[{}])", self.selector(of, "_bucket"), span(*within));
                format!("histogram_quantile({}, sum by ({by}) ({rate}))", decimal(*quantile))
            }
            Value::Age { of } => format!("time() - {}", self.across(Across::Max, of)),
            Value::Until { of } => format!("{} - time()", self.across(Across::Min, of)),
            Value::Forecast { of, across, within, ahead } => {
                let range = format!("{}[{}]", self.selector(of, ""), span(*within));
                self.aggregated(*across, &format!("predict_linear({range}, {})", ahead.as_secs()))
            }
            Value::Distinct { of, label } => {
                let (by, of) = (self.labels(), self.selector(of, ""));
                format!("count by ({by}) (count by ({by}, {label}) ({of}))")
            }
            Value::Ratio { of, to } => format!("{} / ({} > 0)", self.operand(of), self.value(to)),
        }
    }

    /// A value as an operand of a division.
    fn operand(&self, value: &Value) -> String {
        let text = self.value(value);
        if matches!(value, Value::Age { .. } | Value::Until { .. } | Value::Ratio { .. }) {
            format!("({text})")
        } else {
            text
        }
    }

    /// Gauges, with what vanished held for as long as the rule says.
    fn across(&self, across: Across, of: &Selector) -> String {
        let of = self.selector(of, "");
        match self.rule.missing() {
            Missing::Holds(time) => self.aggregated(across, &format!("last_over_time({of}[{}])", span(time))),
            _ => self.aggregated(across, &of),
        }
    }

    fn aggregated(&self, across: Across, vector: &str) -> String {
        let operator = match across {
            Across::Sum => "sum",
            Across::Min => "min",
            Across::Mean => "avg",
            _ => "max",
        };
        format!("{operator} by ({}) ({vector})", self.labels())
    }

    /// Counters, and the counts of histograms.
    fn rising(&self, of: &Selector) -> String {
        let suffix = match &of.source {
            Source::Metric(name) if self.rule.metric(name).is_some_and(|metric| metric.kind == Kind::Histogram) => {
                "_count"
            }
            _ => "",
        };
        self.selector(of, suffix)
    }

    fn selector(&self, of: &Selector, suffix: &str) -> String {
        let job = job(of).map(|job| format!("job={}", quoted(job)));
        let name = format!("{}{suffix}", of.source.name());
        with_matchers(&name, job.into_iter().chain(of.matchers.iter().map(matcher)))
    }
}

fn with_matchers(name: &str, matchers: impl Iterator<Item = String>) -> String {
    let matchers: Vec<_> = matchers.collect();
    if matchers.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", matchers.join(", ")) }
}

fn matcher(matcher: &Matcher) -> String {
    let (one, several, values) = match &matcher.values {
        Match::NoneOf(values) => ("!=", "!~", values),
        Match::OneOf(values) => ("=", "=~", values),
    };
    match &values[..] {
        [value] => format!("{}{one}{}", matcher.label, quoted(value)),
        values => {
            let pattern = values.iter().map(|value| literal(value)).collect::<Vec<_>>().join("|");
            format!("{}{several}{}", matcher.label, quoted(&pattern))
        }
    }
}

/// An expression that matches a text and nothing else.
fn literal(text: &str) -> String {
    let escaped = |c: char| if c.is_alphanumeric() || "_-/ :".contains(c) { c.to_string() } else { format!("\\{c}") };
    text.chars().map(escaped).collect()
}

/// A duration as Prometheus writes it: of one unit, the largest that it is a whole number of.
pub(in crate::ops) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(size, _)| seconds > 0 && seconds.is_multiple_of(*size));
    unit.map_or_else(|| format!("{seconds}s"), |(size, unit)| format!("{}{unit}", seconds / size))
}

/// How far back a selector looks; Prometheus takes no offset of 0.
fn offset(back: Duration) -> String {
    if back.is_zero() { String::new() } else { format!(" offset {}", span(back)) }
}

/// A number without the noise of binary fractions: 0.994, not 0.9939999999999999.
pub(in crate::ops) fn decimal(number: f64) -> String {
    // Chosen: far more digits than a threshold has, and fewer than a double keeps.
    const PLACES: f64 = 1e9;
    let rounded = (number * PLACES).round() / PLACES;
    format!("{rounded}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::metric;

    #[test]
    fn numbers_and_spans_are_written_as_people_write_them() {
        assert_eq!(decimal(1.0 - 14.4 * (1.0 - 0.99)), "0.856");
        assert_eq!((decimal(-0.5), decimal(1e12)), ("-0.5".to_owned(), "1000000000000".to_owned()));
        let spans = [90, 60, 3_600, 86_400, 0].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(spans, ["90s", "1m", "1h", "1d", "0s"]);
        assert_eq!([0, 300].map(|seconds| offset(Duration::from_secs(seconds))), ["", " offset 5m"]);
    }

    #[test]
    fn values_of_matchers_are_taken_literally() {
        let selector = metric("x").is("a", "q\"\\").one_of("b", ["1.5", "a|b"]).none_of("c", ["", "d"]);
        let matchers: Vec<_> = selector.matchers.iter().map(matcher).collect();
        assert_eq!(matchers, [r#"a="q\"\\""#, r#"b=~"1\\.5|a\\|b""#, r#"c!~"|d""#]);
    }
}
