//! `GET /api/v1/portfolios/{id}/risk`: the one-day value at risk.

use std::sync::Arc;

use aistm7_monitoring::business::{FailureReason, Fault};
use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use tokio::time::Instant;

use super::error::ApiError;
use super::{App, portfolio};
use crate::domain::{Portfolio, PortfolioId};
use crate::library::Freshness;
use crate::risk::{self, NoFigure, Position, ValueAtRisk};
use crate::store::StoreError;

/// A portfolio younger than this may still be receiving its positions: a figure would cover a part and look like all.
const MIN_AGE_DAYS: i32 = 30;
/// How often the data is looked at before it counts as missing: once through the cache, once in the store itself.
const ATTEMPTS: u32 = 2;

#[derive(Serialize)]
pub(super) struct Answer {
    portfolio: PortfolioId,
    currency: &'static str,
    value_at_risk: ValueAtRisk,
}

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
enum RiskError {
    #[error("linked {age_days} days ago, {MIN_AGE_DAYS} are needed")]
    TooNew { age_days: i32 },
    #[error("nothing is held")]
    NothingHeld,
    #[error("stored data does not suffice after {attempt} attempts")]
    InsufficientData { attempt: u32 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Every failure that is counted, so that its counter is there before it happens.
pub(crate) const FAILURES: [(&str, Fault); 4] = [
    (INSUFFICIENT_DATA, Fault::User),
    (NOTHING_HELD, Fault::User),
    (INSUFFICIENT_DATA, Fault::Data),
    (STORE_UNAVAILABLE, Fault::Ours),
];
const INSUFFICIENT_DATA: &str = "insufficient_data";
const NOTHING_HELD: &str = "nothing_held";
const STORE_UNAVAILABLE: &str = "store_unavailable";

/// What the failure counters say, and who is asked to do something about it.
impl FailureReason for RiskError {
    fn reason(&self) -> &'static str {
        match self {
            Self::TooNew { .. } | Self::InsufficientData { .. } => INSUFFICIENT_DATA,
            Self::NothingHeld => NOTHING_HELD,
            Self::Store(_) => STORE_UNAVAILABLE,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::TooNew { .. } | Self::NothingHeld => Fault::User,
            Self::InsufficientData { .. } => Fault::Data,
            Self::Store(_) => Fault::Ours,
        }
    }
}

pub(super) async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Answer>, ApiError> {
    let id = PortfolioId::parse(&id)?;
    let portfolio = portfolio::find(&app, &id).await?;
    match app.instruments.var.execute_async(value_at_risk(&app, &portfolio)).await {
        Ok(value_at_risk) => Ok(Json(Answer { portfolio: id, currency: "USD", value_at_risk })),
        Err(RiskError::InsufficientData { attempt }) => {
            tracing::error!(
                error = "Insufficient data",
                portfolio = %id,
                attempt,
                "Failed to calculate VaR"
            );
            Err(ApiError::internal(INSUFFICIENT_DATA, "stored data does not suffice"))
        }
        Err(error @ (RiskError::TooNew { .. } | RiskError::NothingHeld)) => {
            tracing::info!(reason = %error, portfolio = %id, "No VaR for this portfolio yet");
            Err(ApiError::unprocessable(error.reason(), error.to_string()))
        }
        Err(RiskError::Store(error)) => Err(ApiError::store(error)),
    }
}

async fn value_at_risk(app: &App, portfolio: &Portfolio) -> Result<ValueAtRisk, RiskError> {
    if portfolio.holdings.is_empty() {
        return Err(RiskError::NothingHeld);
    }
    // Age counts up to the data, not up to today: what is stored ends where trading ended.
    if let Some(last_day) = app.library.last_day().await? {
        let age_days = last_day.days_since(portfolio.opened());
        if age_days < MIN_AGE_DAYS {
            return Err(RiskError::TooNew { age_days });
        }
    }
    for attempt in 1..=ATTEMPTS {
        let freshness = if attempt == 1 { Freshness::Cached } else { Freshness::Stored };
        match calculate(app, portfolio, freshness).await? {
            Ok(figure) => return Ok(figure),
            Err(reason) => tracing::debug!(%reason, attempt, "Data for VaR does not suffice"),
        }
    }
    Err(RiskError::InsufficientData { attempt: ATTEMPTS })
}

/// One look at the data: a store that fails is the outer error, data that does not suffice the inner one.
async fn calculate(
    app: &App,
    portfolio: &Portfolio,
    freshness: Freshness,
) -> Result<Result<ValueAtRisk, NoFigure>, StoreError> {
    let mut histories = Vec::with_capacity(portfolio.holdings.len());
    for held in &portfolio.holdings {
        let closes = app.library.closes(&held.symbol, freshness).await?;
        let price = app.market.price(&held.symbol).map(|last| last.price);
        let value = price.and_then(|price| price.times(held.quantity));
        histories.push((value, closes));
    }
    let positions: Option<Vec<Position<'_>>> =
        histories.iter().map(|(value, closes)| Some(Position { value: (*value)?, closes })).collect();
    let Some(positions) = positions else {
        return Ok(Err(NoFigure::NoPrice));
    };
    // Pure arithmetic without a pause: the time that it takes is time of the processor.
    let began = Instant::now();
    let figure = risk::historical_var(&positions);
    app.instruments.var.add_cpu_time(began.elapsed());
    Ok(figure)
}
