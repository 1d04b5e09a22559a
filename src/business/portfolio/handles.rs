//! The entrance to portfolio metrics.

use std::sync::Arc;

use super::checks::{Checks, DataChecks, OpenBreaks};
use super::instruments::Instruments;
use super::labels::{Calculation, CheckResult, Component, Operation, Provider, Reference};
use super::reconciliation::Reconciled;
use crate::business::counted::Counts;
use crate::business::quota::{Quota, QuotaUse, Spending};
use crate::business::sampled::sample;
use crate::business::{Counted, Freshness, Source, Timed};
use crate::clock::Clock;
use crate::metrics::{AskOptions, CollectFailure, Collection, CollectorError, DefinitionError, LabelValue, Meter};
use crate::work::{PerValue, counters_by_outcome, set_count, set_duration, timed};

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
        Counted::new(Counts { base: self.0.base.clone(), by_outcome: counters, refreshes, spends: None })
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
            reference,
            by_result: PerValue::resolve(by_result),
            deviation: self.0.data_deviation.series([source.clone(), reference.into()]),
        }))
    }

    /// The unresolved differences of a component from a reference.
    pub fn open_breaks(&self, reference: Reference, component: Component) -> OpenBreaks {
        OpenBreaks(Arc::new(self.0.books.open_breaks.series([reference.into(), component.into()])))
    }

    /// The calls of one operation of a provider, by outcome.
    pub fn api_calls(&self, provider: impl Into<Provider>, operation: impl Into<Operation>) -> Counted {
        let provider = provider.into().resolve(&self.0.base.diagnostics);
        let operation = operation.into().resolve(&self.0.base.diagnostics);
        let counters = counters_by_outcome(&self.0.api_calls, |outcome| [provider.clone(), operation.clone(), outcome]);
        let spends = Some(self.spending_of(provider.clone()));
        Counted::new(Counts { base: self.0.base.clone(), by_outcome: counters, refreshes: None, spends })
    }

    /// Declares what a provider allows. From now on its calls, of all operations, are counted against it; of several
    /// declarations the first holds. What is used is computed when it is read, which a recorder of the host's never does.
    pub fn quota(&self, provider: impl Into<Provider>, quota: Quota) -> QuotaUse {
        let provider = provider.into().resolve(&self.0.base.diagnostics);
        let spending = self.spending_of(provider.clone());
        if spending.declare(quota) {
            set_count(&self.0.quota_limit.series([provider.clone()]), quota.calls);
            set_duration(&self.0.quota_window.series([provider.clone()]), quota.window);
            let used = Arc::clone(&spending);
            // The cast is exact up to 2^53 calls.
            self.0.quota_used.observe([provider.clone()], move || used.used().map(|calls| calls as f64));
            let left = Arc::clone(&spending);
            self.0.quota_headroom.observe([provider], move || left.headroom());
        }
        QuotaUse(spending)
    }

    /// Asks regularly for the state of the books against a reference, by one replica for all, and shows it: open breaks by
    /// component, since when the oldest is open, amounts, coverage. The question is asked when somebody scrapes, on the
    /// runtime that this is called in; the next scrape shows the answer. One that fails or does not come in time is
    /// counted in `monitoring_collector_runs_total`, of the collector `portfolio-breaks-` and the reference, and shows
    /// nothing, never 0, once what was known is too old. Breaks that are set by hand stay as they are.
    ///
    /// `ask` must keep neither the monitoring nor this handle: it would keep itself.
    ///
    /// ```no_run
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use aistm7_monitoring::business::portfolio::{Break, Reconciled, Reference};
    /// # async fn open_breaks() -> std::io::Result<Vec<Break>> { Ok(Vec::new()) }
    /// # let monitoring = aistm7_monitoring::Monitoring::builder("books").build()?;
    /// use aistm7_monitoring::metrics::AskOptions;
    ///
    /// monitoring.portfolio().sample_breaks(Reference::BrokerStatement, AskOptions::new(), || async {
    ///     let breaks = open_breaks().await?; // from the store
    ///     Ok::<_, std::io::Error>(Reconciled { breaks, coverage: None })
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When there is no runtime, when they are asked for already, or when the numbers go to a recorder of the host's.
    pub fn sample_breaks<A, F, E>(
        &self,
        reference: Reference,
        options: AskOptions,
        ask: A,
    ) -> Result<(), CollectorError>
    where
        A: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<Reconciled, E>>,
        E: Into<CollectFailure>,
    {
        let (base, books) = (&self.0.base, self.0.books.clone());
        let give = move |reconciled: Reconciled, collection: &mut Collection| {
            reconciled.give(&books, reference, collection);
        };
        let name = format!("portfolio-breaks-{}", reference.as_str());
        sample((&self.0.meter, base), &name, options, ask, give)
    }

    /// The full synchronisations with a source, by outcome.
    pub fn syncs(&self, source: impl Into<Source>) -> Counted {
        let source = source.into().resolve(&self.0.base.diagnostics);
        let counters = counters_by_outcome(&self.0.syncs, |outcome| [source.clone(), outcome]);
        Counted::new(Counts { base: self.0.base.clone(), by_outcome: counters, refreshes: None, spends: None })
    }

    fn spending_of(&self, provider: LabelValue) -> Arc<Spending> {
        self.0.spending.of(provider, |_| Spending::new(&self.0.base.clock))
    }

    fn freshness_of(&self, source: LabelValue) -> Freshness {
        Freshness {
            base: self.0.base.clone(),
            last_update: self.0.last_update.series([source.clone()]),
            expected_interval: self.0.expected_interval.series([source]),
        }
    }
}
