//! Random rules.

use std::time::Duration;

use aistm7_monitoring::alert::{
    Across, Condition, Measure, Missing, Order, Pack, Quantity, Rule, Selector, Value, metric,
};
use fastrand::Rng;

use super::scene::Metric;

/// A rule about series of its own.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) rule: Rule,
    /// What it looks at.
    pub(super) metrics: Vec<Metric>,
}

pub(super) const RUNBOOK: &str = "https://runbooks.example.com/case";

pub(super) fn case(number: usize, random: &mut Rng) -> Case {
    let name = format!("c{number}");
    let by_lane = random.bool();
    let mut maker = Maker { case: &name, random, by_lane, metrics: Vec::new() };
    let condition = maker.condition();
    let clear = maker.clear(&condition);
    let metrics = maker.metrics;
    let seconds = |steps| Duration::from_secs(30 * steps);
    let by: &[&str] = if by_lane { &["service", "environment", "lane"] } else { &["environment", "service"] };
    let rule = Rule::new(format!("Case{number}"), Pack::Service, condition)
        .by(by.iter().copied())
        .lasting(seconds([0, 0, 1, 2, 5][random.usize(..5)]))
        .keep_firing(seconds([0, 0, 2, 5][random.usize(..4)]))
        .summary("It is so.")
        .description("It is {value} of {service}.")
        .runbook_url(RUNBOOK);
    let rule = match random.u8(..4) {
        0 => rule.missing(Missing::Holds(seconds(random.u64(1..6)))),
        _ => rule,
    };
    Case { name, rule: clear.into_iter().fold(rule, Rule::clear_at), metrics }
}

struct Maker<'a> {
    case: &'a str,
    random: &'a mut Rng,
    by_lane: bool,
    metrics: Vec<Metric>,
}

impl Maker<'_> {
    fn condition(&mut self) -> Condition {
        match self.random.u8(..20) {
            0 | 1 => Condition::Overdue {
                timestamp: self.of(Metric::Seen),
                interval: self.of(Metric::Every),
                intervals: f64::from(self.random.u8(10..40)) / 10.0,
            },
            2 => Condition::Gone { of: self.of(Metric::Level), within: self.window(), since: self.window() },
            3 | 4 => self.comparison().and(self.comparison()),
            5 | 6 => self.comparison().or(self.comparison()),
            7 | 8 => self.comparison().unless(self.comparison()),
            9 => {
                let excused = self.comparison().or(self.comparison());
                self.comparison().unless(excused).and(self.comparison())
            }
            _ => self.comparison(),
        }
    }

    fn comparison(&mut self) -> Condition {
        let (value, measure, from, to) = self.value();
        // Of six places, so that rules hold what is compared here, and hardly ever what is measured.
        let amount = ((from + self.random.f64() * (to - from)) * 1e6).round() / 1e6;
        let threshold = Quantity { amount, measure };
        match self.random.u8(..3) {
            0 => value.above(threshold),
            1 => value.at_least(threshold),
            _ => value.below(threshold),
        }
    }

    /// A value, what it is of, and between what it lies more or less.
    fn value(&mut self) -> (Value, Measure, f64, f64) {
        let across = self.across();
        let within = self.window();
        match self.random.u8(..14) {
            0 | 1 => (Value::Latest { of: self.of(Metric::Level), across }, Measure::Count, 1.0, 12.0),
            2 => {
                let until = Duration::from_secs(30 * self.random.u64(1..6));
                (Value::Highest { of: self.of(Metric::Level), across, within, until }, Measure::Count, 4.0, 14.0)
            }
            3 | 4 => (Value::Increase { of: self.of(Metric::Events), across, within }, Measure::Count, 0.3, 10.0),
            5 | 6 => (Value::Events { of: self.of(Metric::Events), across, within }, Measure::Count, 0.3, 10.0),
            7 => (Value::Rate { of: self.of(Metric::Events), across, within }, Measure::PerSecond, 0.005, 0.05),
            8 => {
                let quantile = [0.0, 0.5, 0.9, 0.95, 0.99, 1.0][self.random.usize(..6)];
                (Value::Quantile { of: self.of(Metric::Wait), quantile, within }, Measure::Seconds, 0.05, 1.5)
            }
            9 => (Value::Increase { of: self.of(Metric::Wait), across, within }, Measure::Count, 1.0, 20.0),
            10 => (Value::Age { of: self.of(Metric::Seen) }, Measure::Seconds, 10.0, 300.0),
            11 => {
                let ahead = Duration::from_secs(self.random.u64(60..600));
                (Value::Forecast { of: self.of(Metric::Level), across, within, ahead }, Measure::Count, -5.0, 15.0)
            }
            12 if !self.by_lane => {
                let of = metric("level").is("case", self.case);
                self.metrics.push(Metric::Level);
                (Value::Distinct { of, label: "lane".to_owned() }, Measure::Count, 0.5, 2.5)
            }
            12 => (Value::Until { of: self.of(Metric::Seen) }, Measure::Seconds, -300.0, -10.0),
            _ => {
                let of = Value::Increase { of: self.of(Metric::Events).is("lane", "a"), across, within };
                let to = Value::Increase { of: self.of(Metric::Wait), across, within };
                (of.over(to), Measure::Ratio, 0.05, 1.5)
            }
        }
    }

    fn of(&mut self, of: Metric) -> Selector {
        self.metrics.push(of);
        let selector = metric(of.name()).is("case", self.case);
        match self.random.u8(..6) {
            0 => selector.none_of("lane", ["b"]),
            1 => selector.one_of("lane", ["a", "b"]),
            _ => selector,
        }
    }

    fn across(&mut self) -> Across {
        [Across::Sum, Across::Max, Across::Min, Across::Mean][self.random.usize(..4)]
    }

    fn window(&mut self) -> Duration {
        Duration::from_secs([60, 90, 120, 300, 600][self.random.usize(..5)])
    }

    /// Where it clears, if its first comparison has a harmless side.
    fn clear(&mut self, condition: &Condition) -> Option<f64> {
        let mut first = condition;
        while let Condition::All(parts) | Condition::Any(parts) = first {
            first = parts.first()?;
        }
        let (order, amount) = match first {
            Condition::Compare { order, threshold, .. } => (*order, threshold.amount),
            _ => return None,
        };
        let away = (amount.abs() * 0.3 * 1e6).round() / 1e6;
        self.random.bool().then_some(if order == Order::Below { amount + away } else { amount - away })
    }
}
