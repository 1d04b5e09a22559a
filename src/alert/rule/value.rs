//! Numbers that rules look at: one for each group of series, and what is said about it.

use std::time::Duration;

use super::quantity::Quantity;
use super::selector::Selector;

/// How the series of a group become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Across {
    /// Added up: what each replica counts for itself.
    Sum,
    /// The largest: what all replicas show alike, or where the worst one counts.
    Max,
    /// The smallest.
    Min,
    /// The average: shares of replicas.
    Mean,
}

/// One number for each group; the rule says by which labels groups are made.
///
/// A closed set, each of which an evaluator of snapshots, a query language and metric math can say.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// What gauges show now.
    Latest {
        /// Gauges.
        of: Selector,
        /// How a group becomes one number.
        across: Across,
    },
    /// The highest that [`Value::Latest`] was, from `within` + `until` ago to `until` ago.
    Highest {
        /// Gauges.
        of: Selector,
        /// How a group becomes one number.
        across: Across,
        /// For how long it is looked at.
        within: Duration,
        /// When that ended.
        until: Duration,
    },
    /// How much counters rose, or how many samples histograms got. What a counter had when it was first seen is not in it.
    Increase {
        /// Counters or histograms.
        of: Selector,
        /// How a group becomes one number.
        across: Across,
        /// In how long a time.
        within: Duration,
    },
    /// The same, and what a counter had when it was first seen counts too, since it was born with it: for events of which a
    /// single one matters. A counter is born when it was not there for an hour before.
    Events {
        /// Counters or histograms.
        of: Selector,
        /// How a group becomes one number.
        across: Across,
        /// In how long a time.
        within: Duration,
    },
    /// How fast counters rise, a second.
    Rate {
        /// Counters or histograms.
        of: Selector,
        /// How a group becomes one number.
        across: Across,
        /// Averaged over how long a time.
        within: Duration,
    },
    /// A quantile of the samples that histograms got.
    Quantile {
        /// Histograms.
        of: Selector,
        /// From 0 to 1.
        quantile: f64,
        /// In how long a time.
        within: Duration,
    },
    /// Seconds since the latest of timestamps.
    Age {
        /// Gauges called `*_timestamp_seconds`.
        of: Selector,
    },
    /// Seconds until the earliest of timestamps.
    Until {
        /// Gauges called `*_timestamp_seconds`.
        of: Selector,
    },
    /// What a gauge will be if it goes on as it did.
    Forecast {
        /// Gauges.
        of: Selector,
        /// How a group becomes one number.
        across: Across,
        /// Since when it is looked at.
        within: Duration,
        /// How far ahead.
        ahead: Duration,
    },
    /// How many values a label has.
    Distinct {
        /// Gauges.
        of: Selector,
        /// The label.
        label: String,
    },
    /// One number over another; nothing where that is 0 or less.
    Ratio {
        /// What is shared.
        of: Box<Value>,
        /// What it is a share of.
        to: Box<Value>,
    },
}

impl Value {
    /// [`Value::Latest`].
    pub fn latest(of: Selector, across: Across) -> Self {
        Self::Latest { of, across }
    }

    /// [`Value::Increase`], added up.
    pub fn increase(of: Selector, within: Duration) -> Self {
        Self::Increase { of, across: Across::Sum, within }
    }

    /// [`Value::Events`], added up.
    pub fn events(of: Selector, within: Duration) -> Self {
        Self::Events { of, across: Across::Sum, within }
    }

    /// [`Value::Quantile`].
    pub fn quantile(of: Selector, quantile: f64, within: Duration) -> Self {
        Self::Quantile { of, quantile, within }
    }

    /// [`Value::Ratio`] of this one.
    #[must_use]
    pub fn over(self, to: Self) -> Self {
        Self::Ratio { of: Box::new(self), to: Box::new(to) }
    }

    /// True while it is larger.
    pub fn above(self, threshold: Quantity) -> Condition {
        self.compared(Order::Above, threshold)
    }

    /// True while it is as large or larger.
    pub fn at_least(self, threshold: Quantity) -> Condition {
        self.compared(Order::AtLeast, threshold)
    }

    /// True while it is smaller.
    pub fn below(self, threshold: Quantity) -> Condition {
        self.compared(Order::Below, threshold)
    }

    fn compared(self, order: Order, threshold: Quantity) -> Condition {
        Condition::Compare { value: self, order, threshold }
    }

    /// The selectors in it.
    pub(crate) fn selectors_mut(&mut self) -> Vec<&mut Selector> {
        match self {
            Self::Latest { of, .. }
            | Self::Highest { of, .. }
            | Self::Increase { of, .. }
            | Self::Events { of, .. }
            | Self::Rate { of, .. }
            | Self::Quantile { of, .. }
            | Self::Age { of }
            | Self::Until { of }
            | Self::Forecast { of, .. }
            | Self::Distinct { of, .. } => vec![of],
            Self::Ratio { of, to } => [of.selectors_mut(), to.selectors_mut()].into_iter().flatten().collect(),
        }
    }
}

/// How a number is compared with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
}

impl Order {
    /// Whether a number compares so. What is no number does not.
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Below => value < threshold,
        }
    }
}

/// What is true or not of each group. Its value, which descriptions show, is that of its first part.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Condition {
    /// A number compares so.
    Compare {
        /// The number.
        value: Value,
        /// How it is compared.
        order: Order,
        /// With what.
        threshold: Quantity,
    },
    /// The latest of timestamps is older than so many intervals, or there is none although an interval is expected. Nothing
    /// while the interval is 0: then none is expected. Its value is the age, or the interval if there is no timestamp.
    Overdue {
        /// Gauges called `*_timestamp_seconds`.
        timestamp: Selector,
        /// Gauges of seconds.
        interval: Selector,
        /// How many.
        intervals: f64,
    },
    /// Series that were there are gone: in the time `within` before `since` ago there were some, and now there is none.
    Gone {
        /// Which.
        of: Selector,
        /// For how long they are remembered.
        within: Duration,
        /// What is too new to count.
        since: Duration,
    },
    /// True.
    Always,
    /// All of them.
    All(Vec<Condition>),
    /// Any of them.
    Any(Vec<Condition>),
    /// The first, where the second is not true.
    Unless(Box<Condition>, Box<Condition>),
}

impl Condition {
    /// This and another.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut all) => {
                all.push(other);
                Self::All(all)
            }
            one => Self::All(vec![one, other]),
        }
    }

    /// This or another.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Any(mut any) => {
                any.push(other);
                Self::Any(any)
            }
            one => Self::Any(vec![one, other]),
        }
    }

    /// This where another is not true.
    #[must_use]
    pub fn unless(self, other: Self) -> Self {
        Self::Unless(Box::new(self), Box::new(other))
    }

    /// The conditions that make it up, itself included, in order.
    pub(crate) fn parts(&self) -> Vec<&Self> {
        let below: Vec<&Self> = match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::parts).collect(),
            Self::Unless(a, b) => [a, b].into_iter().flat_map(|part| part.parts()).collect(),
            _ => Vec::new(),
        };
        [self].into_iter().chain(below).collect()
    }

    /// The first threshold, which switches and hysteresis are about.
    pub(crate) fn threshold_mut(&mut self) -> Option<&mut Quantity> {
        match self {
            Self::Compare { threshold, .. } => Some(threshold),
            Self::All(parts) | Self::Any(parts) => parts.first_mut()?.threshold_mut(),
            Self::Unless(first, _) => first.threshold_mut(),
            Self::Overdue { .. } | Self::Gone { .. } | Self::Always => None,
        }
    }

    /// The first comparison.
    pub(crate) fn first_comparison(&self) -> Option<(&Value, Order, Quantity)> {
        match self {
            Self::Compare { value, order, threshold } => Some((value, *order, *threshold)),
            Self::All(parts) | Self::Any(parts) => parts.first()?.first_comparison(),
            Self::Unless(first, _) => first.first_comparison(),
            Self::Overdue { .. } | Self::Gone { .. } | Self::Always => None,
        }
    }

    /// The values compared in it.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.parts().into_iter().filter_map(|part| match part {
            Self::Compare { value, .. } => Some(value),
            _ => None,
        })
    }

    /// The selectors in it.
    pub(crate) fn selectors_mut(&mut self) -> Vec<&mut Selector> {
        match self {
            Self::Compare { value, .. } => value.selectors_mut(),
            Self::Overdue { timestamp, interval, .. } => vec![timestamp, interval],
            Self::Gone { of, .. } => vec![of],
            Self::Always => Vec::new(),
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().flat_map(Self::selectors_mut).collect(),
            Self::Unless(a, b) => [a.selectors_mut(), b.selectors_mut()].into_iter().flatten().collect(),
        }
    }
}

/// How long before its window a counter must not have been there to count as born in it. Longer than a target that a network
/// lost is usually away, so that one that comes back is not taken for new.
pub(crate) const UNBORN_FOR: Duration = Duration::from_secs(3600);
