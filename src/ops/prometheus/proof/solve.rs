//! Which numbers metrics must have for a condition to be as it is wished.

use super::stage::{Stage, interpolated};
use crate::alert::{BoundRule, Condition, Match, Matcher, Measure, Order, Quantity, Selector, Source, Value};

/// How a rule's first comparison is to end, and which other part is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Everything true.
    Met,
    /// Between the threshold and where it clears.
    Held,
    /// The first part is false, all others are true.
    Unmet,
    /// Everything is true but this part of several.
    Without(usize),
    /// Everything is true, and so is what excuses it.
    Excused,
    /// True because something is expected of which there is no time yet.
    Never,
    /// Late, and nothing is expected.
    Closed,
}

/// What rates and gauges are where nothing says so. Chosen: round, and large enough to be shared.
const BASE: f64 = 100.0;

/// The interval that updates are expected at.
const INTERVAL: f64 = 60.0;

/// The numbers; `None` where there are none, or nothing to be wished so.
pub(super) fn solve(rule: &BoundRule, wish: Wish) -> Option<Stage> {
    let mut solver = Solver { rule, stage: Stage::default(), wish, granted: false };
    solver.condition(rule.condition(), Place::First)?;
    let is_special = matches!(wish, Wish::Without(_) | Wish::Excused | Wish::Never | Wish::Closed);
    (solver.granted || !is_special).then_some(solver.stage)
}

/// Whether a condition is the one that alerts are about, or stands beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Beside { met: bool },
}

struct Solver<'a> {
    rule: &'a BoundRule,
    stage: Stage,
    wish: Wish,
    /// Whether there was what a special wish is about.
    granted: bool,
}

impl Solver<'_> {
    fn condition(&mut self, condition: &Condition, place: Place) -> Option<()> {
        match condition {
            Condition::Compare { value, order, threshold } => {
                if let (Some(actual), Place::Beside { met }) = (self.fixed(value), place) {
                    return (order.holds(actual, threshold.amount) == met).then_some(());
                }
                let target = self.target(value, *order, *threshold, place)?;
                if place == Place::First {
                    self.stage.value = target;
                }
                self.assign(value, target)
            }
            Condition::Overdue { timestamp, interval, intervals } => {
                let wish = self.first(place)?;
                self.granted |= matches!(wish, Wish::Never | Wish::Closed);
                let expected = if wish == Wish::Closed { 0.0 } else { INTERVAL };
                self.stage.atom(self.rule, interval).level = Some(expected);
                let age = match wish {
                    Wish::Never => {
                        self.stage.value = INTERVAL;
                        return Some(());
                    }
                    Wish::Unmet => intervals * INTERVAL / 2.0,
                    Wish::Held => return None,
                    _ => intervals * INTERVAL * 3.0 + self.rule.lasting().as_secs_f64() * 2.0,
                };
                self.stage.atom(self.rule, timestamp).distance = Some(-age);
                self.stage.value = age;
                Some(())
            }
            Condition::Gone { of, .. } => {
                let wish = self.first(place)?;
                let atom = self.stage.atom(self.rule, of);
                (atom.before, atom.level, atom.gone) = (Some(1.0), Some(1.0), wish == Wish::Met);
                self.stage.value = 1.0;
                (wish != Wish::Held).then_some(())
            }
            Condition::Always => {
                self.stage.value = 1.0;
                (self.first(place)? == Wish::Met).then_some(())
            }
            // Counts beside come first, since they fix what the first part is a share of.
            Condition::All(parts) => {
                let (first, others) = parts.split_first()?;
                let fails = |at: usize| self.wish == Wish::Without(at + 1) && place == Place::First;
                let others: Vec<_> = others.iter().enumerate().map(|(at, part)| (part, !fails(at))).collect();
                self.granted |= others.iter().any(|(_, met)| !met);
                let (later, sooner): (Vec<_>, Vec<_>) = others.into_iter().partition(|(part, _)| follows(part));
                for (part, met) in sooner {
                    self.condition(part, Place::Beside { met })?;
                }
                self.condition(first, place)?;
                later.into_iter().try_for_each(|(part, met)| self.condition(part, Place::Beside { met }))
            }
            // If one alternative fails, another may not.
            Condition::Any(_) if matches!(self.wish, Wish::Without(_) | Wish::Excused) => None,
            Condition::Any(parts) => self.condition(parts.first()?, place),
            Condition::Unless(first, excuse) => {
                self.condition(first, place)?;
                match (self.wish, place) {
                    (Wish::Excused, Place::First) => {
                        self.granted = true;
                        self.condition(excuse, Place::Beside { met: true })
                    }
                    _ => Some(()),
                }
            }
        }
    }

    /// What is wished of something that is true or false; `None` if it cannot stand here.
    fn first(&self, place: Place) -> Option<Wish> {
        match (place, self.wish) {
            (Place::First, Wish::Without(_) | Wish::Excused) => Some(Wish::Met),
            (Place::First, wish) => Some(wish),
            (Place::Beside { .. }, _) => None,
        }
    }

    fn target(&self, value: &Value, order: Order, threshold: Quantity, place: Place) -> Option<f64> {
        let t = threshold.amount;
        let wish = match place {
            Place::First => self.first(place)?,
            Place::Beside { met: true } => Wish::Met,
            Place::Beside { met: false } => Wish::Unmet,
        };
        let clear = self.rule.clear_condition();
        let clear = clear.as_ref().and_then(|c| c.first_comparison()).map(|(_, _, threshold)| threshold.amount);
        if let Value::Quantile { of, quantile, .. } = value {
            return self.quantile_target(of, *quantile, order, t, clear, wish);
        }
        let is_share = threshold.measure == Measure::Ratio;
        // An age grows while time goes by, and must have been too much for long enough.
        let grown =
            if matches!(value, Value::Age { .. }) { self.rule.lasting().as_secs_f64() * 2.0 + 120.0 } else { 0.0 };
        Some(match (wish, order) {
            (Wish::Held, _) => (t + clear?) / 2.0,
            (Wish::Unmet, Order::Below) if is_share && t < 1.0 => 1.0,
            (Wish::Unmet, Order::Below) if t == 0.0 => BASE,
            (Wish::Unmet, Order::Below) => t * 2.0,
            // Also below where it clears.
            (Wish::Unmet, _) => clear.unwrap_or(t) / 2.0,
            (_, Order::Below) if t == 0.0 => -BASE / 10.0,
            (_, Order::Below) => t / 2.0,
            (_, _) if is_share && t == 0.0 => 0.5,
            (_, _) if is_share => (t * 1.5).min((t + 1.0) / 2.0),
            (_, _) if t == 0.0 => 2.0 + grown,
            (_, _) => t * 2.0 + grown,
        })
    }

    /// The value of a quantile whose samples are all in one bucket.
    fn quantile_target(
        &self,
        of: &Selector,
        quantile: f64,
        order: Order,
        threshold: f64,
        clear: Option<f64>,
        wish: Wish,
    ) -> Option<f64> {
        let fits = |value: f64| {
            let (meets, holds) = (order.holds(value, threshold), clear.is_some_and(|clear| order.holds(value, clear)));
            match wish {
                Wish::Held => !meets && holds,
                Wish::Unmet => !meets && !holds,
                _ => meets,
            }
        };
        let edges = self.edges(of)?;
        let values = (0..edges.len()).filter_map(|bucket| interpolated(edges, bucket, quantile));
        values.into_iter().find(|value| fits(*value))
    }

    fn edges(&self, of: &Selector) -> Option<&[f64]> {
        match &of.source {
            Source::Metric(name) => self.rule.metric(name).map(|metric| metric.edges.as_slice()),
            _ => None,
        }
    }

    fn assign(&mut self, value: &Value, target: f64) -> Option<()> {
        let rule = self.rule;
        match value {
            Value::Latest { of, .. } => self.stage.atom(rule, of).level = Some(target),
            Value::Highest { of, .. } => self.stage.atom(rule, of).before = Some(target),
            Value::Increase { of, within, .. } | Value::Events { of, within, .. } => {
                self.stage.atom(rule, of).level = Some(target / within.as_secs_f64());
            }
            Value::Rate { of, .. } => self.stage.atom(rule, of).level = Some(target),
            Value::Quantile { of, quantile, .. } => {
                let edges = self.edges(of)?;
                let bucket = (0..edges.len()).find(|bucket| interpolated(edges, *bucket, *quantile) == Some(target))?;
                let atom = self.stage.atom(rule, of);
                atom.bucket = Some(bucket);
                atom.level = atom.level.or(Some(1.0));
            }
            Value::Age { of } => self.stage.atom(rule, of).distance = Some(-target),
            Value::Until { of } => self.stage.atom(rule, of).distance = Some(target),
            Value::Forecast { of, ahead, .. } => {
                let atom = self.stage.atom(rule, of);
                let level = *atom.level.get_or_insert(BASE);
                atom.slope = (target - level) / ahead.as_secs_f64();
            }
            Value::Distinct { of, label } => {
                let atom = self.stage.atom(rule, of);
                // The cast is of a small whole number, at least 1.
                atom.distinct = Some((label.clone(), target.max(1.0) as usize));
                atom.level = Some(1.0);
            }
            Value::Ratio { of, to } => match (self.known(of), self.known(to)) {
                (Some(_), Some(_)) => {}
                (None, Some(to)) => self.assign(of, target * to)?,
                (Some(known), None) if target != 0.0 => self.assign(to, known / target)?,
                _ => {
                    // What is a part of the whole is not to be counted twice.
                    let beside = if is_part(of, to) { 1.0 - target } else { 1.0 };
                    self.assign(to, BASE * beside)?;
                    self.assign(of, BASE * target)?;
                }
            },
        }
        Some(())
    }

    /// What a share is already, because both of its sides are.
    fn fixed(&self, value: &Value) -> Option<f64> {
        match value {
            Value::Ratio { of, to } => Some(self.known(of)? / self.known(to)?),
            _ => None,
        }
    }

    /// What a value is already.
    fn known(&self, value: &Value) -> Option<f64> {
        match value {
            Value::Latest { of, .. } | Value::Rate { of, .. } => self.stage.level(of),
            Value::Highest { of, .. } => self.stage.before(of),
            Value::Increase { of, within, .. } | Value::Events { of, within, .. } => {
                Some(self.stage.level(of)? * within.as_secs_f64())
            }
            _ => None,
        }
    }
}

/// Whether a part goes by what the first one is: a share of the same counts over another window, or what a gauge will be.
fn follows(condition: &Condition) -> bool {
    matches!(condition, Condition::Compare { value: Value::Forecast { .. } | Value::Ratio { .. }, .. })
}

/// Whether the gauges of one value are among those of the other.
fn is_part(of: &Value, to: &Value) -> bool {
    let (Value::Latest { of, .. }, Value::Latest { of: to, .. }) = (of, to) else { return false };
    let among = |matcher: &Matcher| {
        let own = of.matchers.iter().find(|own| own.label == matcher.label);
        match (own.map(|own| &own.values), &matcher.values) {
            (Some(Match::OneOf(own)), Match::OneOf(all)) => own.iter().all(|value| all.contains(value)),
            (Some(Match::OneOf(own)), Match::NoneOf(all)) => !own.iter().any(|value| all.contains(value)),
            _ => false,
        }
    };
    of.source == to.source && to.matchers.iter().all(among)
}
