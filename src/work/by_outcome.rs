//! Handles for each outcome, resolved together.

use std::sync::Arc;

use super::base::Base;
use super::label::PerValue;
use super::outcome::Outcome;
use super::timed::{Durations, Timed};
use crate::metrics::{Counter, Family, Histogram, LabelValue};

/// The counters of a family whose last label is `outcome`.
pub(crate) fn counters_by_outcome<const N: usize>(
    family: &Family<Counter, N>,
    labels: impl Fn(LabelValue) -> [LabelValue; N],
) -> PerValue<Outcome, Counter> {
    PerValue::resolve(|outcome: Outcome| family.series(labels(outcome.into())))
}

/// The histograms of a family whose last label is `outcome`.
pub(crate) fn durations_by_outcome<const N: usize>(
    family: &Family<Histogram, N>,
    labels: impl Fn(LabelValue) -> [LabelValue; N],
) -> PerValue<Outcome, Histogram> {
    PerValue::resolve(|outcome: Outcome| family.series(labels(outcome.into())))
}

/// Work whose durations are kept by outcome, and nothing else.
pub(crate) fn timed<const N: usize>(
    base: &Base,
    family: &Family<Histogram, N>,
    labels: impl Fn(LabelValue) -> [LabelValue; N],
) -> Timed {
    Timed::new(Arc::new(Durations { base: base.clone(), by_outcome: durations_by_outcome(family, labels) }))
}
