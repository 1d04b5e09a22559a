//! Which forecast is tested.

use super::super::labels::{Book, Horizon, Model};
use crate::error::InvalidValue;
use crate::metrics::LabelValue;
use crate::work::closed_label;

/// Which value-at-risk forecasts belong together: the labels of their back-test.
///
/// No test pools books: breaches of portfolios that move together come together, and a test of all of them rejects good
/// models most of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VarSpec {
    /// The model that forecasts.
    pub model: Model,
    /// The internal book that it is about, never a user's portfolio.
    pub book: Book,
    /// How sure the forecast is.
    pub confidence: Confidence,
    /// How far it looks ahead.
    pub horizon: VarHorizon,
    /// Which profit and loss it is compared with.
    pub pnl: Pnl,
}

impl VarSpec {
    pub(super) fn labels(&self) -> Result<[LabelValue; 5], InvalidValue> {
        Ok([self.model.checked()?, self.book.checked()?, self.confidence.into(), self.horizon.into(), self.pnl.into()])
    }
}

closed_label! {
    /// How sure a value at risk is: the share of days on which the loss stays within it. The `confidence` label.
    #[derive(PartialOrd, Ord)]
    pub enum Confidence {
        /// 90 %.
        P90 = "0.90",
        /// 95 %.
        P95 = "0.95",
        /// 97.5 %.
        P975 = "0.975",
        /// 99 %.
        P99 = "0.99",
        /// 99.5 %.
        P995 = "0.995",
        /// 99.9 %.
        P999 = "0.999",
    }
}

impl Confidence {
    /// The share of days on which a model that is right is breached, such as 0.01.
    pub const fn tail(self) -> f64 {
        match self {
            Self::P90 => 0.10,
            Self::P95 => 0.05,
            Self::P975 => 0.025,
            Self::P99 => 0.01,
            Self::P995 => 0.005,
            Self::P999 => 0.001,
        }
    }
}

closed_label! {
    /// How far a value at risk looks ahead, in trading days: the `horizon` label.
    #[derive(PartialOrd, Ord)]
    pub enum VarHorizon {
        /// A day.
        OneDay = "1d",
        /// A week.
        FiveDays = "5d",
        /// Two weeks, as market-risk rules have it.
        TenDays = "10d",
        /// A month.
        TwentyDays = "20d",
        /// A quarter.
        SixtyDays = "60d",
        /// A year.
        Year = "250d",
    }
}

impl VarHorizon {
    /// Its trading days.
    pub const fn days(self) -> u16 {
        match self {
            Self::OneDay => 1,
            Self::FiveDays => 5,
            Self::TenDays => 10,
            Self::TwentyDays => 20,
            Self::SixtyDays => 60,
            Self::Year => 250,
        }
    }
}

/// So that one horizon serves [`Risk::predictions`](crate::business::risk::Risk::predictions) too.
impl From<VarHorizon> for Horizon {
    fn from(horizon: VarHorizon) -> Self {
        Self::new(horizon.as_str())
    }
}

closed_label! {
    /// Which profit and loss a forecast is compared with: the `pnl` label.
    #[derive(PartialOrd, Ord)]
    pub enum Pnl {
        /// That of the positions which the forecast was made for, held unchanged. It tests the model.
        Hypothetical = "hypothetical",
        /// What was earned and lost, trades of the day included, without fees and commissions.
        Actual = "actual",
    }
}
