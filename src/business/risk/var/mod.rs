//! Value at risk: forecasts against what came, and whether the model is breached as it says.
//!
//! ```text
//! VarObservation -> Window (one a day, in order, no shared days) -> BackTest -> gauges, read at a scrape
//!                    '-> refused: RejectedObservation, counted by reason
//! ```

mod back_test;
mod distribution;
mod instruments;
mod observation;
mod spec;
mod statistics;
#[cfg(test)]
mod tests;
mod window;

pub use back_test::{Seeded, VarBackTest};
pub(super) use instruments::VarTests;
pub use observation::{Recorded, RejectedObservation, RejectionReason, VarObservation};
pub use spec::{Confidence, Pnl, VarHorizon, VarSpec};
pub use statistics::{BackTest, LikelihoodRatio, TrafficLight};
pub use window::WindowSize;
