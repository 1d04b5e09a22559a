//! The API: one file for each thing that can be asked for.

mod error;
mod portfolio;
pub(crate) mod risk;
mod stream;
#[cfg(test)]
mod tests;
mod wallet;

use std::sync::Arc;

use aistm7_monitoring::queue::Sender;
use axum::Router;
use axum::routing::get;

use crate::access::Requirements;
use crate::domain::{TokenAmount, Wallet};
use crate::grace::Grace;
use crate::instruments::Instruments;
use crate::library::Library;
use crate::market::Market;
use crate::upstream::Solana;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) library: Library,
    pub(crate) market: Market,
    pub(crate) requirements: Arc<Requirements>,
    pub(crate) grace: Arc<Grace>,
    pub(crate) solana: Solana,
    pub(crate) instruments: Instruments,
    /// Balances that the chain has confirmed, to be remembered.
    pub(crate) balances: Sender<(Wallet, TokenAmount)>,
}

/// The routes of the API, without health and without layers.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/api/v1/portfolios/{id}", get(portfolio::show))
        .route("/api/v1/portfolios/{id}/risk", get(risk::show))
        .route("/api/v1/wallets/{wallet}/access", get(wallet::access))
        .route("/api/v1/stream", get(stream::events))
        .route("/ws/prices", get(stream::websocket))
        .with_state(Arc::new(app))
}
