//! Risk: how long models run and why they fail, how right they are, how batches go.
//!
//! | metric | what it says |
//! |---|---|
//! | `risk_model_execution_duration_seconds{model,outcome}` | how long executions take |
//! | `risk_model_cpu_seconds_total{model}` | processor time that the caller measured |
//! | `risk_calculation_failures_total{model,reason,fault}` | failed and panicked executions, by reason |
//! | `risk_prediction_error_ratio{model,horizon}` | how far forecasts were off, in units of their own dispersion |
//! | `risk_batch_duration_seconds{batch,outcome}` | how long batches take |
//! | `risk_batch_running{batch}` | runs under way in this process |
//! | `risk_batch_{started,last_success,deadline}_timestamp_seconds{batch}` | absent until known |
//! | `risk_batch_items_total{batch,outcome}`, `risk_batch_items_expected{batch}` | progress |

mod batch;
mod handles;
mod instruments;
mod labels;
mod model;
mod prediction;

#[cfg(test)]
mod tests;

pub use batch::Batches;
pub use handles::Risk;
pub use labels::{Batch, Horizon, Model};
pub use model::{ModelExecutions, ModelTimer};
pub use prediction::{Prediction, Predictions};
