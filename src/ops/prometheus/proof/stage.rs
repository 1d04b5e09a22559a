//! What metrics show in one phase of a test.

use std::time::Duration;

use crate::alert::{BoundRule, Selector, Source};
use crate::metrics::Kind;

/// What is known of the series that one selector finds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Atom {
    pub(super) of: Selector,
    /// Of a gauge, what it shows at the end of the phase; of a counter or histogram, its rise a second.
    pub(super) level: Option<f64>,
    pub(super) kind: Kind,
    /// What a gauge showed in the lead, before the first phase.
    pub(super) before: Option<f64>,
    /// How a gauge changes, a second.
    pub(super) slope: f64,
    /// What a timestamp's distance from the end of the phase is, into the future.
    pub(super) distance: Option<f64>,
    /// In which bucket of a histogram all samples are.
    pub(super) bucket: Option<usize>,
    /// A label of which there are so many values.
    pub(super) distinct: Option<(String, usize)>,
    /// Whether the series have gone.
    pub(super) gone: bool,
}

/// One phase: every metric of a rule has a number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stage {
    pub(super) atoms: Vec<Atom>,
    /// What the rule compares then.
    pub(super) value: f64,
}

impl Stage {
    /// What is known of a selector; nothing yet if it is asked for the first time.
    pub(super) fn atom(&mut self, rule: &BoundRule, of: &Selector) -> &mut Atom {
        let at = self.atoms.iter().position(|atom| atom.of == *of).unwrap_or_else(|| {
            self.atoms.push(Atom {
                of: of.clone(),
                level: None,
                kind: kind(rule, of),
                before: None,
                slope: 0.0,
                distance: None,
                bucket: None,
                distinct: None,
                gone: false,
            });
            self.atoms.len() - 1
        });
        &mut self.atoms[at]
    }

    pub(super) fn level(&self, of: &Selector) -> Option<f64> {
        self.atoms.iter().find(|atom| atom.of == *of)?.level
    }

    pub(super) fn before(&self, of: &Selector) -> Option<f64> {
        self.atoms.iter().find(|atom| atom.of == *of)?.before
    }
}

fn kind(rule: &BoundRule, of: &Selector) -> Kind {
    match &of.source {
        Source::Metric(name) => rule.metric(name).map_or(Kind::Gauge, |metric| metric.kind),
        _ => Kind::Gauge,
    }
}

/// In which bucket samples are for a quantile to be in it: the bounds of its middle share.
pub(super) fn interpolated(edges: &[f64], bucket: usize, quantile: f64) -> Option<f64> {
    let lower = if bucket == 0 { 0.0 } else { *edges.get(bucket - 1)? };
    let upper = *edges.get(bucket)?;
    Some(lower + (upper - lower) * quantile)
}

/// How long a phase is, in whole steps.
pub(super) fn steps(duration: Duration) -> u64 {
    duration.as_secs().div_ceil(super::STEP.as_secs())
}
