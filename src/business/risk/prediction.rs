//! How right forecasts were.

use std::sync::Arc;

use crate::metrics::Histogram;
use crate::work::Base;

/// A forecast and what came of it, all in one unit, such as dollars or a return.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// What was forecast.
    pub forecast: f64,
    /// What came.
    pub realised: f64,
    /// How far the forecast itself expected to be off: a standard deviation, or the value at risk for a quantile.
    pub dispersion: f64,
}

/// The forecasts of one model for one horizon. Cloning shares it; recording allocates nothing.
///
/// ```
/// use aistm7_monitoring::business::risk::Prediction;
/// # use aistm7_monitoring::{business::risk::Risk, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let risk = Risk::new(&Meter::new(&registry), Clock::system())?;
/// let forecasts = risk.predictions("ewma-volatility", "1d");
/// forecasts.record(Prediction { forecast: 0.010, realised: 0.025, dispersion: 0.010 });
/// let sum = "risk_prediction_error_ratio_sum{horizon=\"1d\",model=\"ewma-volatility\"} 1.5\n";
/// assert!(registry.render().contains(sum));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Predictions(pub(super) Arc<Errors>);

#[derive(Debug)]
pub(super) struct Errors {
    pub(super) base: Base,
    pub(super) ratio: Histogram,
}

impl Predictions {
    /// Records |realised − forecast| / dispersion. It is never divided by the realised value, which may be near zero.
    ///
    /// A dispersion that is not positive, and numbers that make no finite ratio, are refused and counted as
    /// `sample_rejected`.
    pub fn record(&self, prediction: Prediction) {
        let ratio = (prediction.realised - prediction.forecast).abs() / prediction.dispersion;
        // Not finite also when the dispersion is zero or NaN.
        if ratio.is_finite() && prediction.dispersion > 0.0 && prediction.dispersion.is_finite() {
            self.0.ratio.record(ratio);
        } else {
            self.0.base.reject("a prediction has no finite error or no positive dispersion");
        }
    }
}
