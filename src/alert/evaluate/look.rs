//! What the condition of a rule says at one moment, as its PromQL would.

use std::time::Duration;

use super::history::{History, Samples, Series, milliseconds};
use super::need::{Need, Part, with_label};
use super::quantile::quantile;
use super::vector::{Group, Vector};
use crate::alert::rule::{Across, BoundRule, Condition, Missing, Selector, UNBORN_FOR, Value};

/// A look at the history for one rule.
pub(super) struct Look<'a> {
    pub(super) history: &'a History,
    pub(super) rule: &'a BoundRule,
    /// In milliseconds of monotonic time.
    pub(super) now: i64,
    /// The same moment as milliseconds since the Unix epoch.
    pub(super) unix: i64,
}

/// What a condition says.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// The groups that it is true of, with the value that is shown.
    pub(super) holds: Vector,
    /// The groups that its first part has a number for, whatever it is.
    pub(super) seen: Vector,
}

/// In what steps [`Value::Highest`] looks back.
const STEP: i64 = 60_000;

impl Look<'_> {
    /// What must be true, or, for a group whose alert fires, what must be true for it to go on.
    pub(super) fn verdict(&self, fires: impl Fn(&Group) -> bool) -> Verdict {
        let mut verdict = self.condition(self.rule.condition());
        if let Some(clear) = self.rule.clear_condition() {
            let held = self.condition(&clear).holds;
            let held = Vector::sorted(
                held.iter().filter(|(group, _)| fires(group)).map(|(group, value)| (group.clone(), value)),
            );
            verdict.holds = verdict.holds.or(held);
        }
        verdict
    }

    fn condition(&self, condition: &Condition) -> Verdict {
        match condition {
            Condition::Compare { value, order, threshold } => {
                let value = self.value(value);
                let seen = value.clone().filter(|value| !value.is_nan());
                Verdict { holds: value.filter(|value| order.holds(value, threshold.amount)), seen }
            }
            Condition::Overdue { timestamp, interval, intervals } => {
                let timestamps = self.latest(timestamp, Across::Max, self.now);
                let expected = self.latest(interval, Across::Max, self.now).filter(|interval| interval > 0.0);
                let age = timestamps.clone().map(|timestamp| self.unix_seconds() - timestamp);
                let late = age.joined(&expected, |age, interval| (age > intervals * interval).then_some(age));
                Verdict { holds: late.or(expected.clone().unless(&timestamps)), seen: expected }
            }
            Condition::Gone { of, within, since } => {
                let until = self.now - milliseconds(*since);
                let from = until - milliseconds(*within);
                let one = |is: bool| is.then_some(1.0);
                let before = self.of_each(&self.number(of), Across::Max, |series| {
                    one(!self.history.samples(series.number(), from, until).is_empty())
                });
                let now = self.instant(of, Across::Max, self.now).map(|_| 1.0);
                Verdict { holds: before.clone().unless(&now), seen: before.or(now) }
            }
            Condition::Always => {
                let all = Vector::sorted([(self.rule.by().iter().map(|_| String::new()).collect(), 1.0)]);
                Verdict { holds: all.clone(), seen: all }
            }
            Condition::All(parts) => self.joined(parts, |all, part| all.and(&part)),
            Condition::Any(parts) => self.joined(parts, Vector::or),
            Condition::Unless(first, second) => {
                let Verdict { holds, seen } = self.condition(first);
                Verdict { holds: holds.unless(&self.condition(second).holds), seen }
            }
        }
    }

    fn joined(&self, parts: &[Condition], join: impl Fn(Vector, Vector) -> Vector) -> Verdict {
        let verdicts = parts.iter().map(|part| self.condition(part));
        let joined = verdicts.reduce(|all, part| Verdict { holds: join(all.holds, part.holds), seen: all.seen });
        joined.unwrap_or_default()
    }

    fn value(&self, value: &Value) -> Vector {
        match value {
            Value::Latest { of, across } => self.latest(of, *across, self.now),
            Value::Highest { of, across, within, until } => self.highest(of, *across, *within, *until),
            Value::Increase { of, across, within } => {
                self.over_time(of, *across, *within, |samples| Some(samples.rise()?.increase()))
            }
            Value::Events { of, across, within } => self.events(of, *across, *within),
            Value::Rate { of, across, within } => {
                self.over_time(of, *across, *within, |samples| Some(samples.rise()?.rate()))
            }
            Value::Quantile { of, quantile, within } => self.quantile(of, *quantile, *within),
            Value::Age { of } => {
                self.latest(of, Across::Max, self.now).map(|timestamp| self.unix_seconds() - timestamp)
            }
            Value::Until { of } => {
                self.latest(of, Across::Min, self.now).map(|timestamp| timestamp - self.unix_seconds())
            }
            Value::Forecast { of, across, within, ahead } => {
                self.over_time(of, *across, *within, |samples| samples.forecast(ahead.as_secs_f64()))
            }
            Value::Distinct { of, label } => self.distinct(of, label),
            Value::Ratio { of, to } => self.value(of).joined(&self.value(to), |of, to| (to > 0.0).then(|| of / to)),
        }
    }

    /// Gauges at a moment, with what vanished held for as long as the rule says.
    fn latest(&self, of: &Selector, across: Across, at: i64) -> Vector {
        match self.rule.missing() {
            Missing::Resolves => self.instant(of, across, at),
            Missing::Holds(time) => self.of_each(&self.number(of), across, |series| {
                self.history.samples(series.number(), at - milliseconds(time), at).last()
            }),
        }
    }

    fn instant(&self, of: &Selector, across: Across, at: i64) -> Vector {
        self.of_each(&self.number(of), across, |series| self.history.instant(series.number(), at))
    }

    fn highest(&self, of: &Selector, across: Across, within: Duration, until: Duration) -> Vector {
        let end = self.unix - milliseconds(until);
        let start = end - milliseconds(within);
        // At whole steps of wall time, as PromQL's subqueries.
        let steps = (start.div_euclid(STEP)..=end.div_euclid(STEP)).map(|step| step * STEP).filter(|at| *at >= start);
        let vectors = steps.map(|unix| self.latest(of, across, unix - self.unix + self.now));
        let higher = |a: f64, b: f64| if b > a || a.is_nan() { b } else { a };
        vectors
            .reduce(|all, one| all.clone().joined(&one, |a, b| Some(higher(a, b))).or(all).or(one))
            .unwrap_or_default()
    }

    fn over_time(
        &self,
        of: &Selector,
        across: Across,
        within: Duration,
        number: impl Fn(Samples<'_>) -> Option<f64>,
    ) -> Vector {
        let from = self.now - milliseconds(within);
        self.of_each(&self.number(of), across, |series| number(self.history.samples(series.number(), from, self.now)))
    }

    /// What was born in the window counts with what it was born with.
    fn events(&self, of: &Selector, across: Across, within: Duration) -> Vector {
        let from = self.now - milliseconds(within);
        self.of_each(&self.number(of), across, |series| {
            let column = series.number();
            let before = self.history.samples(column, from - milliseconds(UNBORN_FOR), from);
            let born = self.history.instant(column, self.now).filter(|_| before.is_empty());
            born.or_else(|| Some(self.history.samples(column, from, self.now).rise()?.increase()))
        })
    }

    fn quantile(&self, of: &Selector, q: f64, within: Duration) -> Vector {
        let from = self.now - milliseconds(within);
        let need = self.need(of, Part::Buckets);
        let edges = self.history.edges(&need.metric);
        let groups = self.history.groups(&need).filter_map(|(group, members)| {
            let mut buckets = vec![None; edges.len() + 1];
            for series in members {
                for (sum, column) in buckets.iter_mut().zip(&series.columns) {
                    if let Some(rise) = self.history.samples(column, from, self.now).rise() {
                        *sum = Some(sum.unwrap_or(0.0) + rise.rate());
                    }
                }
            }
            // Buckets are sampled together, so that all of them have a rate or none.
            let mut cumulative: Vec<f64> = buckets.into_iter().collect::<Option<_>>()?;
            Some((group.clone(), quantile(q, edges, &mut cumulative)))
        });
        Vector::sorted(groups)
    }

    fn distinct(&self, of: &Selector, label: &str) -> Vector {
        let need = Need::new(of, &with_label(self.rule.by(), label), Part::Number, Duration::ZERO);
        let finer = self.of_each(&need, Across::Max, |series| self.history.instant(series.number(), self.now));
        let mut groups: Vec<(Group, f64)> = Vec::new();
        for (group, _) in finer.iter() {
            let by = &group[..group.len() - 1];
            match groups.last_mut() {
                Some((last, count)) if **last == *by => *count += 1.0,
                _ => groups.push((by.into(), 1.0)),
            }
        }
        Vector::sorted(groups)
    }

    /// The groups of a need, each of its series that have a number added up or whatever `across` says.
    fn of_each(&self, need: &Need, across: Across, number: impl Fn(&Series) -> Option<f64>) -> Vector {
        let groups = self.history.groups(need).filter_map(|(group, members)| {
            let numbers = members.into_iter().filter_map(&number);
            Some((group.clone(), aggregated(across, numbers)?))
        });
        Vector::sorted(groups)
    }

    fn number(&self, of: &Selector) -> Need {
        self.need(of, Part::Number)
    }

    fn need(&self, of: &Selector, part: Part) -> Need {
        Need::new(of, self.rule.by(), part, Duration::ZERO)
    }

    /// Exact to the millisecond, as PromQL's `time()`.
    fn unix_seconds(&self) -> f64 {
        self.unix as f64 / 1_000.0
    }
}

/// `None` of none. What is no number is passed over by the largest and the smallest, and spoils a sum.
fn aggregated(across: Across, numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let of_two = |pick: fn(f64, f64) -> bool| move |a: f64, b: f64| if pick(b, a) || a.is_nan() { b } else { a };
    match across {
        Across::Sum => numbers.reduce(|sum, number| sum + number),
        Across::Max => numbers.reduce(of_two(|new, old| new > old)),
        Across::Min => numbers.reduce(of_two(|new, old| new < old)),
        Across::Mean => {
            let mut count = 0.0;
            let sum = numbers.inspect(|_| count += 1.0).reduce(|sum, number| sum + number)?;
            Some(sum / count)
        }
    }
}
