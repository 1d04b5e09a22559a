//! Rules that a process cannot evaluate, and why.

use std::time::Duration;

use super::need::{Need, needs};
use super::options::Evaluation;
use super::share;
use crate::alert::rule::{BoundRule, Condition, Selector, Source, Value};

/// A rule that is not evaluated in the process.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("alert rule {rule} is not evaluated in the process: {reason}")]
#[non_exhaustive]
pub struct Refused {
    /// Its name.
    pub rule: String,
    /// Why.
    #[source]
    pub reason: Refusal,
}

/// Why a process cannot evaluate a rule.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Its windows are longer than what is remembered.
    #[error("it looks back {needed:?}, and a process remembers {longest:?} at most")]
    LongHistory {
        /// How far back it looks.
        needed: Duration,
        /// How far back it may.
        longest: Duration,
    },
    /// It looks at what Prometheus says of its targets.
    #[error("whether a process can be scraped is not for itself to say")]
    Up,
    /// It looks at what a prober says of its endpoints.
    #[error("whether a service can be reached from outside is not for itself to say")]
    Probe,
    /// It says that the process is gone.
    #[error("a process that is gone evaluates nothing")]
    OwnAbsence,
    /// It compares replicas with each other.
    #[error("it compares replicas, and a process sees one")]
    ComparesReplicas,
    /// What one replica sees of it says nothing about all: when something last succeeded in any, or whether all of them
    /// together have too little.
    #[error("it is about all replicas together ({replicas} or more), and what one sees of it does not say")]
    SeveralReplicas {
        /// How many there are at least: a delivery of several says that it is two.
        replicas: u32,
    },
}

/// What every process shows of itself, always and once.
const OWN: &str = "service_info";

impl Refusal {
    /// What stands against evaluating a rule; `Ok` with what it looks at if nothing does.
    pub(super) fn of(rule: &BoundRule, options: &Evaluation) -> Result<Vec<Need>, Self> {
        for part in rule.condition().parts() {
            match part {
                Condition::Compare { value, .. } => check(value)?,
                Condition::Overdue { timestamp, interval, .. } => {
                    check_source(timestamp)?;
                    check_source(interval)?;
                }
                Condition::Gone { of, .. } if is_own(of) => return Err(Self::OwnAbsence),
                Condition::Gone { of, .. } => check_source(of)?,
                Condition::Always | Condition::All(_) | Condition::Any(_) | Condition::Unless(..) => {}
            }
        }
        let needs = needs(rule);
        let (needed, longest) = (needs.iter().map(|need| need.back).max().unwrap_or_default(), options.longest);
        if needed > longest {
            return Err(Self::LongHistory { needed, longest });
        }
        let is_of_one = rule.by().iter().any(|label| label == INSTANCE);
        let replicas = options.known_replicas();
        if replicas > 1 && !is_of_one && !share::answers(rule.condition()) {
            return Err(Self::SeveralReplicas { replicas });
        }
        Ok(needs)
    }
}

/// The label that tells replicas apart.
pub(in crate::alert) const INSTANCE: &str = "instance";

fn check(value: &Value) -> Result<(), Refusal> {
    match value {
        Value::Distinct { of, .. } if is_own(of) => Err(Refusal::ComparesReplicas),
        Value::Ratio { of, to } => check(of).and_then(|()| check(to)),
        Value::Latest { of, .. }
        | Value::Highest { of, .. }
        | Value::Increase { of, .. }
        | Value::Events { of, .. }
        | Value::Rate { of, .. }
        | Value::Quantile { of, .. }
        | Value::Age { of }
        | Value::Until { of }
        | Value::Forecast { of, .. }
        | Value::Distinct { of, .. } => check_source(of),
    }
}

fn check_source(of: &Selector) -> Result<(), Refusal> {
    match of.source {
        Source::Up => Err(Refusal::Up),
        Source::Probe => Err(Refusal::Probe),
        Source::Metric(_) | Source::Role(_) => Ok(()),
    }
}

fn is_own(of: &Selector) -> bool {
    of.source == Source::Metric(OWN.to_owned())
}
