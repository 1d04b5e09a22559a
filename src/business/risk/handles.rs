//! The entrance to risk metrics.

use std::sync::Arc;

use super::batch::Batches;
use super::instruments::Instruments;
use super::labels::{Batch, Horizon, Model};
use super::model::ModelExecutions;
use super::prediction::{Errors, Predictions};
use crate::clock::Clock;
use crate::metrics::{DefinitionError, Meter};

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
        let labels = [model.into().resolve(diagnostics), horizon.into().resolve(diagnostics)];
        Predictions(Arc::new(Errors { base: self.0.base.clone(), ratio: self.0.prediction_error.series(labels) }))
    }

    /// The runs of a batch job.
    pub fn batch(&self, batch: impl Into<Batch>) -> Batches {
        Batches::new(&self.0, batch.into().resolve(&self.0.base.diagnostics))
    }
}
