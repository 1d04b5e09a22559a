//! A rule's condition as metrics, an expression over them, and a threshold.

use super::metric::{CloudMetric, Publication};
use super::refusal::Refusal;
use super::scope::Scope;
use super::span::Span;
use crate::alert::{Across, Condition, Missing, Order, Quantity, Selector, Source, Value};
use crate::metrics::Kind;
use crate::ops::prometheus::decimal;

/// What an alarm looks at, and when it is one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) shape: Shape,
    pub(super) span: Span,
    pub(super) order: Order,
    pub(super) threshold: f64,
    pub(super) missing: MissingData,
    /// What the metrics in it are published as.
    pub(super) publications: Vec<Publication>,
}

/// What an alarm looks at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Statistic(Term),
    Percentile(Term, FewSamples),
    Math { terms: Vec<Term>, expression: String },
}

/// A metric and what is made of its data in a period.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Term {
    pub(super) metric: CloudMetric,
    /// `Sum`, or `p95`.
    pub(super) statistic: String,
}

/// What becomes of an alarm in periods of too few samples for a percentile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FewSamples {
    Ignored,
    Evaluated,
}

/// What becomes of an alarm in periods without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MissingData {
    Breaching,
    NotBreaching,
    Ignored,
}

impl Shape {
    pub(super) fn terms(&self) -> &[Term] {
        match self {
            Self::Statistic(term) | Self::Percentile(term, _) => std::slice::from_ref(term),
            Self::Math { terms, .. } => terms,
        }
    }
}

/// What the rule of a scope becomes.
pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Refusal> {
    let span = Span::of(scope.rule, scope.options.period)?;
    let mut math = Math { scope, span, terms: Vec::new(), publications: Vec::new(), present: Vec::new(), hides: false };
    let (shape, order, threshold) = math.rule(scope.rule.condition())?;
    if let (true, Some(label)) = (math.hides, scope.rolled_up().first()) {
        return Err(Refusal::NeedsValues { label: (*label).to_owned() });
    }
    let missing = match (scope.rule.condition(), scope.rule.missing()) {
        (Condition::Gone { .. }, _) => MissingData::Breaching,
        (_, Missing::Holds(_)) => MissingData::Ignored,
        (_, Missing::Resolves) => MissingData::NotBreaching,
    };
    Ok(Plan { shape, span, order, threshold, missing, publications: math.publications })
}

struct Math<'a> {
    scope: &'a Scope<'a>,
    span: Span,
    /// In the order of their names, `m1` first.
    terms: Vec<Term>,
    publications: Vec<Publication>,
    /// What must be true for the value that is being written to be one.
    present: Vec<String>,
    /// Whether values of labels that are rolled up would hide each other. Told last: what no declaration helps comes first.
    hides: bool,
}

/// A comparison whose value an alarm shows, what must be true besides, and what excuses it.
struct Parts<'a> {
    main: &'a Condition,
    needed: Vec<&'a Condition>,
    excuses: Vec<&'a Condition>,
}

impl<'a> Parts<'a> {
    fn of(condition: &'a Condition) -> Self {
        match condition {
            Condition::All(all) => match all.split_first() {
                Some((first, others)) => {
                    let mut parts = Self::of(first);
                    parts.needed.extend(others);
                    parts
                }
                None => Self { main: condition, needed: Vec::new(), excuses: Vec::new() },
            },
            Condition::Unless(first, second) => {
                let mut parts = Self::of(first);
                parts.excuses.push(second);
                parts
            }
            _ => Self { main: condition, needed: Vec::new(), excuses: Vec::new() },
        }
    }
}

impl Math<'_> {
    fn rule(&mut self, condition: &Condition) -> Result<(Shape, Order, f64), Refusal> {
        match condition {
            Condition::Gone { of, .. } => {
                self.hides = true;
                let term = self.single(of, "SampleCount".to_owned())?;
                return Ok((Shape::Statistic(term), Order::Below, 1.0));
            }
            Condition::Overdue { timestamp, interval, intervals } => {
                let (expected, age) = self.overdue(timestamp, interval)?;
                let late = format!("{age} - {} * {expected}", decimal(*intervals));
                let expression = format!("IF({expected} > 0, {late}, 0)");
                return Ok((self.math(expression), Order::Above, 0.0));
            }
            _ => {}
        }
        let parts = Parts::of(condition);
        match parts.main {
            Condition::Compare { value, order, threshold } => self.comparison(value, *order, *threshold, &parts),
            _ => {
                let holds = self.holds(condition)?;
                Ok((self.math(format!("IF({holds}, 1, 0)")), Order::AtLeast, 1.0))
            }
        }
    }

    fn comparison(
        &mut self,
        value: &Value,
        order: Order,
        threshold: Quantity,
        parts: &Parts<'_>,
    ) -> Result<(Shape, Order, f64), Refusal> {
        if let Some(shape) = self.alone(value, order, parts)? {
            return Ok((shape, order, threshold.amount));
        }
        let text = self.value(value, order)?;
        let mut needed = std::mem::take(&mut self.present);
        for condition in &parts.needed {
            needed.push(self.holds(condition)?);
        }
        let excuses = parts.excuses.iter().map(|excuse| self.holds(excuse)).collect::<Result<Vec<_>, _>>()?;
        if needed.is_empty() && !excuses.is_empty() {
            needed.push(compared(&text, order, threshold.amount));
        }
        // People read shares as percentages.
        let (text, threshold) = match value {
            Value::Ratio { .. } => (format!("100 * {text}"), rounded(100.0 * threshold.amount)),
            _ => (text, threshold.amount),
        };
        let expression = match (needed.is_empty(), excuses.is_empty()) {
            (true, _) => text,
            (false, true) => format!("IF({}, {text}, {})", joined(needed, "AND"), harmless(order, threshold)),
            (false, false) => {
                let holds = unless(&joined(needed, "AND"), &joined(excuses, "OR"));
                format!("IF({holds}, {text}, {})", harmless(order, threshold))
            }
        };
        Ok((self.math(expression), order, threshold))
    }

    /// What needs no expression: one statistic of one metric, and nothing else.
    fn alone(&mut self, value: &Value, order: Order, parts: &Parts<'_>) -> Result<Option<Shape>, Refusal> {
        if !parts.excuses.is_empty() {
            return Ok(None);
        }
        if let Value::Quantile { of, quantile, .. } = value {
            let few_samples = match parts.needed[..] {
                [] => FewSamples::Evaluated,
                [guard] if is_implied(guard, value) => FewSamples::Ignored,
                _ => return Ok(None),
            };
            let term = self.single(of, percentile(*quantile)?)?;
            return Ok(Some(Shape::Percentile(term, few_samples)));
        }
        if !parts.needed.is_empty() || self.data_of_a_replica() != 1.0 && matches!(value, Value::Latest { .. }) {
            return Ok(None);
        }
        let (Value::Latest { of, across } | Value::Increase { of, across, .. } | Value::Events { of, across, .. }) =
            value
        else {
            return Ok(None);
        };
        self.look_for_hiding(value, order);
        let statistic = self.statistic(of, *across)?;
        Ok(Some(Shape::Statistic(self.single(of, statistic)?)))
    }

    /// What is true or not, as a time series of 1 and 0.
    fn holds(&mut self, condition: &Condition) -> Result<String, Refusal> {
        match condition {
            Condition::Compare { value, order, threshold } => {
                let others = std::mem::take(&mut self.present);
                let text = self.value(value, *order)?;
                let mut all = std::mem::replace(&mut self.present, others);
                all.push(compared(&text, *order, threshold.amount));
                Ok(joined(all, "AND"))
            }
            Condition::Overdue { timestamp, interval, intervals } => {
                let (expected, age) = self.overdue(timestamp, interval)?;
                let late = format!("{age} > {} * {expected}", decimal(*intervals));
                Ok(joined(vec![format!("{expected} > 0"), late], "AND"))
            }
            Condition::All(parts) => Ok(joined(self.each(parts)?, "AND")),
            Condition::Any(parts) => Ok(joined(self.each(parts)?, "OR")),
            Condition::Unless(first, second) => Ok(unless(&self.holds(first)?, &self.holds(second)?)),
            Condition::Gone { .. } => Err(Refusal::PartlyGone),
            Condition::Always => Err(Refusal::Always),
        }
    }

    fn each(&mut self, parts: &[Condition]) -> Result<Vec<String>, Refusal> {
        parts.iter().map(|part| self.holds(part)).collect()
    }

    /// The interval, and the age. Where there is no timestamp yet it counts as 0, and so as very old.
    fn overdue(&mut self, timestamp: &Selector, interval: &Selector) -> Result<(String, String), Refusal> {
        self.hides = true;
        let expected = self.term(interval, "Maximum".to_owned())?;
        let last = self.term(timestamp, "Maximum".to_owned())?;
        let age = format!("EPOCH({expected}) - {last}");
        Ok((expected, age))
    }

    fn value(&mut self, value: &Value, order: Order) -> Result<String, Refusal> {
        self.look_for_hiding(value, order);
        match value {
            Value::Latest { of, across } => {
                let statistic = self.statistic(of, *across)?;
                let term = self.term(of, statistic)?;
                let data = self.data_of_a_replica();
                let is_more = *across == Across::Sum && data != 1.0;
                Ok(if is_more { format!("{term} / {}", decimal(data)) } else { term })
            }
            Value::Increase { of, across, .. } | Value::Events { of, across, .. } => {
                let statistic = self.statistic(of, *across)?;
                self.term(of, statistic)
            }
            Value::Rate { of, across, .. } => {
                let statistic = self.statistic(of, *across)?;
                let seconds = decimal(self.span.period.as_secs_f64());
                Ok(format!("{} / {seconds}", self.term(of, statistic)?))
            }
            Value::Quantile { of, quantile, .. } => self.term(of, percentile(*quantile)?),
            Value::Age { of } => {
                let term = self.term(of, "Maximum".to_owned())?;
                self.present.push(format!("{term} > 0"));
                Ok(format!("EPOCH({term}) - {term}"))
            }
            Value::Until { of } => {
                let term = self.term(of, "Minimum".to_owned())?;
                self.present.push(format!("{term} > 0"));
                Ok(format!("{term} - EPOCH({term})"))
            }
            Value::Ratio { of, to } => {
                let (of, to) = (self.value(of, order)?, self.value(to, order)?);
                self.present.push(format!("{to} > 0"));
                Ok(format!("{} / {}", operand(&of), operand(&to)))
            }
            Value::Highest { of, .. } => self.refused(of, Refusal::Peak),
            Value::Forecast { of, .. } => self.refused(of, Refusal::Forecast),
            Value::Distinct { of, .. } => self.refused(of, Refusal::Distinct),
        }
    }

    /// What is wrong with the series comes first.
    fn refused(&self, of: &Selector, why: Refusal) -> Result<String, Refusal> {
        self.scope.metric(of).and(Err(why))
    }

    fn statistic(&self, of: &Selector, across: Across) -> Result<String, Refusal> {
        let is_histogram = match &of.source {
            Source::Metric(name) => self.scope.rule.metric(name).is_some_and(|metric| metric.kind == Kind::Histogram),
            _ => return Err(Refusal::OnlyPrometheus),
        };
        let statistic = match (across, is_histogram) {
            (Across::Sum, true) => "SampleCount",
            (_, true) => return Err(Refusal::SamplesOfOne),
            (Across::Sum, false) => "Sum",
            (Across::Max, false) => "Maximum",
            (Across::Min, false) => "Minimum",
            (Across::Mean, false) => "Average",
        };
        Ok(statistic.to_owned())
    }

    /// How many data of one gauge of one replica are in a period.
    fn data_of_a_replica(&self) -> f64 {
        self.span.period.as_secs_f64() / self.scope.options.period.as_secs_f64()
    }

    /// The name of a statistic in the expression.
    fn term(&mut self, of: &Selector, statistic: String) -> Result<String, Refusal> {
        let term = self.single(of, statistic)?;
        let known = self.terms.iter().position(|known| *known == term);
        let at = known.unwrap_or_else(|| {
            self.terms.push(term);
            self.terms.len() - 1
        });
        Ok(format!("m{}", at + 1))
    }

    fn single(&mut self, of: &Selector, statistic: String) -> Result<Term, Refusal> {
        let (metric, publication) = self.scope.metric(of)?;
        self.publications.push(publication);
        Ok(Term { metric, statistic })
    }

    fn math(&mut self, expression: String) -> Shape {
        Shape::Math { terms: std::mem::take(&mut self.terms), expression }
    }

    /// A value of all values of a label together may be bad later than that of one. It must not be well for as long as
    /// another one is.
    fn look_for_hiding(&mut self, value: &Value, order: Order) {
        self.hides |= match value {
            Value::Latest { across: Across::Max, .. } => order == Order::Below,
            Value::Latest { across: Across::Min, .. } | Value::Until { .. } => order != Order::Below,
            Value::Latest { across: Across::Mean, .. } | Value::Age { .. } => true,
            _ => false,
        };
    }
}

/// Whether CloudWatch asks for at least as many samples by itself. For a percentile p of one half or more it ignores periods
/// of fewer than 10 / (1 - p), below that of fewer than 10 / p.
fn is_implied(guard: &Condition, quantile: &Value) -> bool {
    let Value::Quantile { of: samples, quantile, within: window } = quantile else { return false };
    let Condition::Compare { value, order: Order::AtLeast, threshold } = guard else { return false };
    let (Value::Increase { of, across, within } | Value::Events { of, across, within }) = value else { return false };
    let enough = rounded(10.0 / quantile.min(1.0 - quantile));
    of == samples && *across == Across::Sum && within == window && threshold.amount <= enough
}

fn percentile(quantile: f64) -> Result<String, Refusal> {
    if !(quantile > 0.0 && quantile < 1.0) {
        return Err(super::limit::Limit::Quantile { quantile }.into());
    }
    Ok(format!("p{}", decimal(100.0 * quantile)))
}

fn compared(text: &str, order: Order, threshold: f64) -> String {
    let sign = match order {
        Order::Above => ">",
        Order::AtLeast => ">=",
        Order::Below => "<",
    };
    format!("{text} {sign} {}", decimal(threshold))
}

fn operand(text: &str) -> String {
    if text.contains(' ') { format!("({text})") } else { text.to_owned() }
}

fn joined(parts: Vec<String>, word: &str) -> String {
    match &parts[..] {
        [one] => one.clone(),
        parts => parts.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(&format!(" {word} ")),
    }
}

/// Metric math knows no `NOT`. What is missing in a difference counts as 0, so that an excuse nobody publishes excuses nothing.
fn unless(holds: &str, excuse: &str) -> String {
    format!("({holds}) - ({excuse}) > 0")
}

/// A value that does not breach: 0, which is what people expect to see, if it will do.
fn harmless(order: Order, threshold: f64) -> String {
    decimal(match order {
        _ if !order.holds(0.0, threshold) => 0.0,
        Order::Above | Order::Below => threshold,
        Order::AtLeast => threshold - 1.0,
    })
}

/// Without the noise of binary fractions.
fn rounded(number: f64) -> f64 {
    decimal(number).parse().unwrap_or(number)
}
