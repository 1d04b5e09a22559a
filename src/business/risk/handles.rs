//! The entrance to risk metrics.

use std::sync::Arc;

use super::batch::Batches;
use super::instruments::Instruments;
use super::labels::{Batch, Book, Horizon, Input, Limit, Model, ModelVersion};
use super::model::ModelExecutions;
use super::oversight::{RiskCoverage, RiskLimit, RiskPortfolios};
use super::prediction::Predictions;
use super::var::{VarBackTest, VarSpec, WindowSize};
use crate::business::Freshness;
use crate::clock::Clock;
use crate::error::InvalidValue;
use crate::metrics::{AskOptions, CollectFailure, CollectorError, DefinitionError, Meter};

/// Gives the handles of risk metrics. Cloning shares it.
///
/// Resolving a handle takes a lock, look-ups and allocations: do it once and keep the handle.
///
/// ```
/// use std::convert::Infallible;
/// use aistm7_monitoring::business::risk::Risk;
/// use aistm7_monitoring::clock::Clock;
/// use aistm7_monitoring::metrics::{Meter, Registry};
///
/// let registry = Registry::new();
/// let risk = Risk::new(&Meter::new(&registry), Clock::system())?;
/// let var = risk.model("historical-var");
/// let Ok(loss) = var.execute(|| Ok::<_, Infallible>(12.5));
/// assert_eq!(loss, 12.5);
/// let series = "risk_model_execution_duration_seconds_count{model=\"historical-var\",outcome=\"ok\"} 1\n";
/// assert!(registry.render().contains(series));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Risk(Arc<Instruments>);

impl Risk {
    /// Registers the risk metrics.
    ///
    /// # Errors
    /// When the registry holds another metric of one of their names.
    pub fn new(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        Ok(Self(Arc::new(Instruments::register(meter, clock)?)))
    }

    /// The executions of a model.
    pub fn model(&self, model: impl Into<Model>) -> ModelExecutions {
        ModelExecutions::new(&self.0, model.into().resolve(&self.0.base.diagnostics))
    }

    /// The forecasts of a model for a horizon, against what came.
    pub fn predictions(&self, model: impl Into<Model>, horizon: impl Into<Horizon>) -> Predictions {
        let diagnostics = &self.0.base.diagnostics;
        Predictions::new(&self.0, model.into().resolve(diagnostics), horizon.into().resolve(diagnostics))
    }

    /// The back-test of value-at-risk forecasts, over the latest 250 observations.
    ///
    /// # Errors
    /// When the name of the model or the book breaks the rule of [`check_name`](crate::error::check_name): elsewhere such a
    /// name becomes `_other`, which would pool books here.
    pub fn var(&self, spec: VarSpec) -> Result<VarBackTest, InvalidValue> {
        self.var_over(spec, WindowSize::DEFAULT)
    }

    /// As [`Risk::var`] with a window of another size. The size that a spec is first asked for with stays.
    ///
    /// # Errors
    /// As [`Risk::var`].
    pub fn var_over(&self, spec: VarSpec, window: WindowSize) -> Result<VarBackTest, InvalidValue> {
        self.0.var_tests.of(spec, window)
    }

    /// How many portfolios have a figure, and how many do not.
    pub fn portfolios(&self) -> RiskPortfolios {
        RiskPortfolios::new(&self.0)
    }

    /// Asks the store regularly how many portfolios have a figure, with the collector `risk-portfolios`: where replicas have
    /// a lease, its holder asks for all. What the store does not answer is absent once it is stale, never 0.
    ///
    /// ```
    /// # #[cfg(feature = "sqlx-0_9")]
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use sqlx_0_9 as sqlx;
    /// # let monitoring = aistm7_monitoring::Monitoring::builder("trading").build()?;
    /// # let pool = sqlx::PgPool::connect_lazy("postgres://localhost/trading")?;
    /// use aistm7_monitoring::business::risk::RiskCoverage;
    /// use aistm7_monitoring::metrics::AskOptions;
    ///
    /// const FIGURES: &str = "SELECT count(*) FILTER (WHERE calculated_at > now() - interval '1 day'),
    ///     count(*) FILTER (WHERE calculated_at <= now() - interval '1 day') FROM risk_figures";
    ///
    /// monitoring.risk().sample_portfolios(AskOptions::new(), move || {
    ///     let pool = pool.clone();
    ///     async move {
    ///         let (fresh, stale): (i64, i64) = sqlx::query_as(FIGURES).fetch_one(&pool).await?;
    ///         let [fresh, stale] = [fresh, stale].map(i64::unsigned_abs);
    ///         Ok::<_, sqlx::Error>(RiskCoverage { fresh, stale, ..RiskCoverage::default() })
    ///     }
    /// })?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlx-0_9"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// When there is no runtime, when they are asked for already, or when the numbers go to a recorder of the host's.
    pub fn sample_portfolios<A, F, E>(&self, options: AskOptions, ask: A) -> Result<(), CollectorError>
    where
        A: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<RiskCoverage, E>>,
        E: Into<CollectFailure>,
    {
        self.0.oversight.sample_portfolios((&self.0.meter, &self.0.base), options, ask)
    }

    /// The freshness of something that models read.
    pub fn input(&self, input: impl Into<Input>) -> Freshness {
        self.0.oversight.input(&self.0.base, input.into().resolve(&self.0.base.diagnostics))
    }

    /// So many of all inputs stand in for something that is missing: `risk_input_proxied_ratio`. No inputs at all, or more
    /// of them proxied than there are, is refused and counted as `sample_rejected`.
    pub fn set_inputs_proxied(&self, proxied: u64, inputs: u64) {
        self.0.oversight.set_inputs_proxied(&self.0.base, proxied, inputs);
    }

    /// A limit of a book.
    pub fn limit(&self, book: impl Into<Book>, limit: impl Into<Limit>) -> RiskLimit {
        let diagnostics = &self.0.base.diagnostics;
        RiskLimit::new(&self.0, book.into().resolve(diagnostics), limit.into().resolve(diagnostics))
    }

    /// This version of a model is in use from now on; another one of it no longer is: `risk_model_info`.
    pub fn set_model_version(&self, model: impl Into<Model>, version: impl Into<ModelVersion>) {
        let diagnostics = &self.0.base.diagnostics;
        self.0.oversight.set_version(model.into().resolve(diagnostics), version.into().resolve(diagnostics));
    }

    /// The runs of a batch job.
    pub fn batch(&self, batch: impl Into<Batch>) -> Batches {
        let name = batch.into().resolve(&self.0.base.diagnostics);
        self.0.batches.of(name, |name| Batches::new(&self.0, name))
    }
}
