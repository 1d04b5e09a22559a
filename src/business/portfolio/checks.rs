//! How right portfolio data is: comparisons with a reference, and the differences that stay open.

use std::sync::Arc;

use super::labels::{CheckResult, Reference};
use crate::business::sampled::StateGauge;
use crate::metrics::{Counter, Histogram};
use crate::work::{Base, PerValue};

/// What came of one comparison of our value with the reference's.
///
/// A deviation is |ours − reference| / max(gross exposure, floor): the gross exposure and not the value, because a net
/// value may be near zero. It is known only for a pair of the same time (60 seconds apart at most for live data, the
/// same business date for statements) and currency.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum DataCheck {
    /// The values agree within the caller's tolerance.
    Match {
        /// How far they are apart, as a fraction.
        deviation: f64,
    },
    /// The values are further apart than the caller's tolerance.
    Mismatch {
        /// How far they are apart, as a fraction.
        deviation: f64,
    },
    /// The reference has a value and we have none.
    MissingOurs,
    /// We have a value and the reference has none.
    MissingReference,
    /// The values are not of the same time, so that nothing can be said.
    StalePair,
}

/// Comparisons of one source with one reference. Cloning shares it; recording allocates nothing.
///
/// ```
/// use aistm7_monitoring::business::portfolio::{DataCheck, Reference};
/// # use aistm7_monitoring::{business::portfolio::Portfolio, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let portfolio = Portfolio::new(&Meter::new(&registry), Clock::system())?;
/// let checks = portfolio.data_checks("ibkr", Reference::BrokerStatement);
/// checks.record(DataCheck::Match { deviation: 0.00002 });
/// checks.record(DataCheck::StalePair);
/// # registry.snapshot().assert_sum("portfolio_data_checks_total", &[], 2);
/// # registry.snapshot().assert_samples("portfolio_data_deviation_ratio", &[], 1);
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DataChecks(pub(super) Arc<Checks>);

#[derive(Debug)]
pub(super) struct Checks {
    pub(super) base: Base,
    pub(super) reference: Reference,
    pub(super) by_result: PerValue<CheckResult, Counter>,
    pub(super) deviation: Histogram,
}

impl DataChecks {
    /// Counts a comparison, with its deviation if it has one.
    ///
    /// A deviation that is negative or no finite number is refused and counted as `sample_rejected`; the comparison
    /// itself still counts.
    pub fn record(&self, check: DataCheck) {
        let (result, deviation) = match check {
            DataCheck::Match { deviation } => (CheckResult::Match, Some(deviation)),
            DataCheck::Mismatch { deviation } => (CheckResult::Mismatch, Some(deviation)),
            DataCheck::MissingOurs => (CheckResult::MissingOurs, None),
            DataCheck::MissingReference => (CheckResult::MissingReference, None),
            DataCheck::StalePair => (CheckResult::StalePair, None),
        };
        self.0.by_result.of(result).increment();
        match deviation {
            Some(deviation) if deviation.is_finite() && deviation >= 0.0 => self.0.deviation.record(deviation),
            Some(_) => self.0.base.reject("a deviation is negative or no finite number"),
            None => {}
        }
    }
}

/// The differences of one component that are not resolved yet: a state, absent until it is first set. Cloning shares it.
#[derive(Clone, Debug)]
pub struct OpenBreaks(pub(super) Arc<StateGauge<2>>);

impl OpenBreaks {
    /// So many are open, as the last reconciliation found.
    pub fn set(&self, open: u64) {
        self.0.set(open);
    }
}
