//! The entrance to portfolio metrics.

use std::sync::Arc;

use super::checks::{Checks, DataChecks, OpenBreaks};
use super::instruments::Instruments;
use super::labels::{Calculation, CheckResult, Component, Operation, Provider, Reference};
use crate::business::counted::Counts;
use crate::business::{Counted, Freshness, Source, Timed};
use crate::clock::Clock;
use crate::metrics::{DefinitionError, LabelValue, Meter};
use crate::work::{PerValue, counters_by_outcome, timed};

/// Gives the handles of portfolio metrics. Cloning shares it.
///
/// Resolving a handle takes a lock, look-ups and allocations: do it once and keep the handle.
///
/// ```
/// use aistm7_monitoring::business::portfolio::Portfolio;
/// use aistm7_monitoring::clock::Clock;
/// use aistm7_monitoring::metrics::{Meter, Registry};
///
/// let registry = Registry::new();
/// let portfolio = Portfolio::new(&Meter::new(&registry), Clock::system())?;
/// let valuation = portfolio.calculation("valuation");
/// let total = valuation.execute(|| Ok::<_, String>(100 + 23)).unwrap();
/// assert_eq!(total, 123);
/// let series = "portfolio_calculation_duration_seconds_count{calculation=\"valuation\",outcome=\"ok\"} 1\n";
/// assert!(registry.render().contains(series));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Portfolio(Arc<Instruments>);

impl Portfolio {
    /// Registers the portfolio metrics.
    ///
    /// # Errors
    /// When the registry holds another metric of one of their names.
    pub fn new(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        Ok(Self(Arc::new(Instruments::register(meter, clock)?)))
    }

    /// A kind of calculation: how long it takes, by outcome.
    pub fn calculation(&self, calculation: impl Into<Calculation>) -> Timed {
        let calculation = calculation.into().resolve(&self.0.base.diagnostics);
        timed(&self.0.base, &self.0.calculation_duration, |outcome| [calculation.clone(), outcome])
    }

    /// The updates from a source, by outcome. A success sets the time of the last update.
    pub fn updates(&self, source: impl Into<Source>) -> Counted {
        let source = source.into().resolve(&self.0.base.diagnostics);
        let counters = counters_by_outcome(&self.0.updates, |outcome| [source.clone(), outcome]);
        let refreshes = Some(self.freshness_of(source.clone()));
        Counted::new(Counts { base: self.0.base.clone(), by_outcome: counters, refreshes })
    }

    /// When a source last gave an update, and how often it is expected to.
    pub fn freshness(&self, source: impl Into<Source>) -> Freshness {
        self.freshness_of(source.into().resolve(&self.0.base.diagnostics))
    }

    /// Comparisons of the data from a source with a reference.
    pub fn data_checks(&self, source: impl Into<Source>, reference: Reference) -> DataChecks {
        let source = source.into().resolve(&self.0.base.diagnostics);
        let by_result =
            |result: CheckResult| self.0.data_checks.series([source.clone(), reference.into(), result.into()]);
        DataChecks(Arc::new(Checks {
            base: self.0.base.clone(),
            by_result: PerValue::resolve(by_result),
            deviation: self.0.data_deviation.series([source.clone(), reference.into()]),
        }))
    }

    /// The unresolved differences of a component from a reference.
    pub fn open_breaks(&self, reference: Reference, component: Component) -> OpenBreaks {
        OpenBreaks(self.0.open_breaks.series([reference.into(), component.into()]))
    }

    /// The calls of one operation of a provider, by outcome.
    pub fn api_calls(&self, provider: impl Into<Provider>, operation: impl Into<Operation>) -> Counted {
        let provider = provider.into().resolve(&self.0.base.diagnostics);
        let operation = operation.into().resolve(&self.0.base.diagnostics);
        let counters = counters_by_outcome(&self.0.api_calls, |outcome| [provider.clone(), operation.clone(), outcome]);
        Counted::new(Counts { base: self.0.base.clone(), by_outcome: counters, refreshes: None })
    }

    /// The full synchronisations with a source, by outcome.
    pub fn syncs(&self, source: impl Into<Source>) -> Counted {
        let source = source.into().resolve(&self.0.base.diagnostics);
        let counters = counters_by_outcome(&self.0.syncs, |outcome| [source.clone(), outcome]);
        Counted::new(Counts { base: self.0.base.clone(), by_outcome: counters, refreshes: None })
    }

    fn freshness_of(&self, source: LabelValue) -> Freshness {
        Freshness {
            base: self.0.base.clone(),
            last_update: self.0.last_update.series([source.clone()]),
            expected_interval: self.0.expected_interval.series([source]),
        }
    }
}
