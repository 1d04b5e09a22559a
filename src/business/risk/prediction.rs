//! How right forecasts were.

use std::sync::Arc;

use super::instruments::Instruments;
use crate::metrics::{Counter, Histogram, LabelValue};
use crate::work::{Base, PerValue, closed_label};

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
pub struct Predictions(Arc<Errors>);

#[derive(Debug)]
struct Errors {
    base: Base,
    ratio: Histogram,
    bias: PerValue<Sign, Counter>,
}

closed_label! {
    /// The side on which a forecast was wrong: the `sign` label.
    enum Sign {
        /// More was forecast than came.
        Over = "over",
        /// Less was forecast than came.
        Under = "under",
        Exact = "exact",
    }
}

impl Predictions {
    pub(super) fn new(instruments: &Instruments, model: LabelValue, horizon: LabelValue) -> Self {
        let bias = PerValue::resolve(|sign: Sign| instruments.prediction_bias.series([model.clone(), sign.into()]));
        let ratio = instruments.prediction_error.series([model, horizon]);
        Self(Arc::new(Errors { base: instruments.base.clone(), ratio, bias }))
    }

    /// Records |realised − forecast| / dispersion, and the side on which the forecast was wrong. The error is never divided
    /// by the realised value, which may be near zero.
    ///
    /// A dispersion that is not positive, and numbers that make no finite ratio, are refused and counted as
    /// `sample_rejected`.
    pub fn record(&self, prediction: Prediction) {
        let error = prediction.realised - prediction.forecast;
        let ratio = error.abs() / prediction.dispersion;
        // Not finite also when the dispersion is zero or NaN.
        if !(ratio.is_finite() && prediction.dispersion > 0.0 && prediction.dispersion.is_finite()) {
            return self.0.base.reject("a prediction has no finite error or no positive dispersion");
        }
        let sign = if error < 0.0 {
            Sign::Over
        } else if error > 0.0 {
            Sign::Under
        } else {
            Sign::Exact
        };
        self.0.ratio.record(ratio);
        self.0.bias.of(sign).increment();
    }
}
