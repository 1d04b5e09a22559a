//! What the instruments of all areas share.

use std::sync::Arc;

use super::base::Base;
use super::label::PerValue;
use super::outcome::Outcome;
use super::timed::{Durations, Timed};
use crate::metrics::{Counter, Family, Histogram, LabelValue};

/// Upper bounds in seconds for calculations. Chosen: from a look-up in memory to a simulation of five minutes, with
/// the guide's edges between a quarter of a second and one second.
pub(super) const CALCULATION_EDGES: &[f64] =
    &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// The counters of a family whose last label is `outcome`.
pub(super) fn counters_by_outcome<const N: usize>(
    family: &Family<Counter, N>,
    labels: impl Fn(LabelValue) -> [LabelValue; N],
) -> PerValue<Outcome, Counter> {
    PerValue::resolve(|outcome: Outcome| family.series(labels(outcome.into())))
}

/// The histograms of a family whose last label is `outcome`.
pub(super) fn durations_by_outcome<const N: usize>(
    family: &Family<Histogram, N>,
    labels: impl Fn(LabelValue) -> [LabelValue; N],
) -> PerValue<Outcome, Histogram> {
    PerValue::resolve(|outcome: Outcome| family.series(labels(outcome.into())))
}

/// Work whose durations are kept by outcome, and nothing else.
pub(super) fn timed<const N: usize>(
    base: &Base,
    family: &Family<Histogram, N>,
    labels: impl Fn(LabelValue) -> [LabelValue; N],
) -> Timed {
    Timed::new(Arc::new(Durations { base: base.clone(), by_outcome: durations_by_outcome(family, labels) }))
}
