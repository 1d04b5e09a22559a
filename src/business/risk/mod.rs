//! Risk: how long models run and why they fail, how right they are, how batches go.
//!
//! | metric | what it says |
//! |---|---|
//! | `risk_model_execution_duration_seconds{model,outcome}` | how long executions take |
//! | `risk_model_cpu_seconds_total{model}` | processor time that the caller measured |
//! | `risk_calculation_failures_total{model,reason,fault}` | failed and panicked executions, by reason |
//! | `risk_prediction_error_ratio{model,horizon}` | how far forecasts were off, in units of their own dispersion |
//! | `risk_prediction_bias_total{model,sign}` | on which side |
//! | `risk_var_{observations,breaches,rejections}_total{model,book,confidence,horizon,pnl}` | value at risk against what came |
//! | `risk_var_breach_severity_ratio{same}` | how much larger losses were than forecast |
//! | `risk_var_window_{observations,breaches,expected_breaches}{same}` | what the back-test looks at |
//! | `risk_var_{kupiec,christoffersen_independence,christoffersen_conditional}_p_value{same}`, `risk_var_kupiec_statistic{same}` | whether a right model would look like this |
//! | `risk_var_traffic_light{same}` | 0 green, 1 yellow, 2 red |
//! | `risk_portfolios{state}` | how many portfolios have a figure |
//! | `risk_input_{last_update_timestamp,update_expected_interval}_seconds{input}`, `risk_input_proxied_ratio` | what models read |
//! | `risk_limit_utilization_ratio{book,limit}` | how much of a limit is used |
//! | `risk_model_info{model,version}` | the version that is in use |
//! | `risk_batch_duration_seconds{batch,outcome}` | how long batches take |
//! | `risk_batch_running{batch}` | runs under way in this process |
//! | `risk_batch_{started,last_success,deadline}_timestamp_seconds{batch}` | absent until known |
//! | `risk_batch_items_total{batch,outcome}`, `risk_batch_items_expected{batch}` | what is done |
//! | `risk_batch_progress_ratio{batch}`, `risk_batch_time_left_seconds{batch}` | how far the present run is |

mod batch;
mod handles;
mod instruments;
mod labels;
mod model;
mod oversight;
mod prediction;
mod var;

#[cfg(test)]
mod tests;

#[cfg(feature = "schedule")]
pub use batch::Schedule;
#[cfg(feature = "terminal")]
pub use batch::TerminalProgress;
pub use batch::{BatchOutcome, BatchProgress, Batches};
pub use handles::Risk;
pub use labels::{Batch, Book, Horizon, Input, Limit, Model, ModelVersion};
pub use model::{ModelExecutions, ModelTimer};
pub use oversight::{RiskCoverage, RiskLimit, RiskPortfolios};
pub use prediction::{Prediction, Predictions};
pub use var::{
    BackTest, Confidence, LikelihoodRatio, Pnl, Recorded, RejectedObservation, RejectionReason, Seeded, TrafficLight,
    VarBackTest, VarHorizon, VarObservation, VarSpec, WindowSize,
};
