//! `GET /api/v1/portfolios/{id}`: what is held and what it is worth.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;

use super::App;
use super::error::ApiError;
use crate::domain::{Day, Portfolio, PortfolioId};
use crate::valuation::{self, Valuation};

#[derive(Serialize)]
pub(super) struct Answer {
    portfolio: PortfolioId,
    opened: Day,
    currency: &'static str,
    #[serde(flatten)]
    valuation: Valuation,
}

pub(super) async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Answer>, ApiError> {
    let id = PortfolioId::parse(&id)?;
    let portfolio = find(&app, &id).await?;
    let valuation =
        app.instruments.valuation.execute(|| valuation::value(&portfolio, |symbol| app.market.price(symbol))).map_err(
            |error| {
                tracing::error!(%error, portfolio = %id, "Failed to value portfolio");
                ApiError::internal("value_out_of_range", error.to_string())
            },
        )?;
    Ok(Json(Answer { portfolio: id, opened: portfolio.opened(), currency: "USD", valuation }))
}

/// The portfolio with this id, for the handlers that need one.
pub(super) async fn find(app: &App, id: &PortfolioId) -> Result<Portfolio, ApiError> {
    let portfolio = app.library.portfolio(id).await.map_err(ApiError::store)?;
    portfolio.ok_or_else(|| ApiError::not_found("portfolio"))
}
