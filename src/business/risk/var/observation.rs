//! A forecast and what came of it.

use crate::business::BusinessDate;
use crate::work::closed_label;

/// A value-at-risk forecast and the profit or loss that followed, both in one currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VarObservation {
    /// The last day that the forecast knew of. It identifies the observation.
    pub as_of: BusinessDate,
    /// The day at whose end the horizon was over: for one day the next trading day.
    pub realised_on: BusinessDate,
    /// The forecast: a loss, as a positive number.
    pub value_at_risk: f64,
    /// What came: positive is a profit.
    pub profit: f64,
}

impl VarObservation {
    /// Whether the loss was larger than the forecast; one that is equal is none.
    pub fn is_breach(&self) -> bool {
        -self.profit > self.value_at_risk
    }

    /// The loss in units of the forecast, which is positive.
    pub(super) fn severity(&self) -> f64 {
        -self.profit / self.value_at_risk
    }
}

/// What became of an observation that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is new, and a breach.
    Breach,
    /// It is new, and no breach.
    NoBreach,
    /// It was there already, so nothing has changed.
    Replayed,
}

/// An observation that is refused; `risk_var_rejections_total` counts it by its reason.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "the observation as of {} (realised on {}, value at risk {}, profit {}) is refused: {}",
    observation.as_of,
    observation.realised_on,
    observation.value_at_risk,
    observation.profit,
    reason.rule()
)]
pub struct RejectedObservation {
    /// What is refused.
    pub observation: VarObservation,
    /// Why.
    pub reason: RejectionReason,
}

closed_label! {
    /// Why an observation is refused: the `reason` label.
    pub enum RejectionReason {
        /// The value at risk is NaN, infinite, zero or negative.
        InvalidVar = "invalid_var",
        /// The profit is NaN or infinite.
        InvalidProfit = "invalid_profit",
        /// It was realised before the horizon was over, or before the forecast was made.
        TooEarly = "too_early",
        /// It shares days with one that was taken.
        Overlapping = "overlapping",
        /// It lies before a full window.
        BeforeWindow = "before_window",
        /// There is one of the same day with other numbers.
        Conflicting = "conflicting",
    }
}

impl RejectionReason {
    /// What an observation must be.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::InvalidVar => "a value at risk is a loss as a positive, finite number",
            Self::InvalidProfit => "a profit is a finite number",
            Self::TooEarly => "it is realised when its horizon is over, at least as many days after the forecast",
            Self::Overlapping => "observations share no days, or one loss would count several times",
            Self::BeforeWindow => "it is not older than the oldest of a full window, which may have held it before",
            Self::Conflicting => "one as of that day was taken with other numbers, and the first one stands",
        }
    }
}
