//! `GET /api/v1/wallets/{wallet}/access`: whether a wallet holds what its tier requires.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;

use super::App;
use super::error::ApiError;
use crate::access::{Access, Evidence};
use crate::domain::{Tier, TokenAmount, Wallet};

#[derive(Serialize)]
pub(super) struct Answer {
    wallet: String,
    tier: Tier,
    /// Smallest units.
    required: TokenAmount,
    #[serde(flatten)]
    access: Access,
}

pub(super) async fn access(State(app): State<Arc<App>>, Path(wallet): Path<String>) -> Result<Json<Answer>, ApiError> {
    let wallet = Wallet::parse(&wallet)?;
    let tier = app.library.tier(&wallet).await.map_err(ApiError::store)?;
    let tier = tier.ok_or_else(|| ApiError::not_found("wallet"))?;
    let required = app.requirements.of(tier);
    let access = app.grace.judge(&wallet, tier, required, evidence(&app, &wallet).await);
    app.instruments.decided(access);
    Ok(Json(Answer { wallet: wallet.to_string(), tier, required, access }))
}

/// Asks the chain; if it does not answer, the memory.
async fn evidence(app: &App, wallet: &Wallet) -> Evidence {
    match app.instruments.balance_verifications.execute_async(app.solana.balance(wallet)).await {
        Ok(balance) => {
            app.instruments.balance_of(balance.slot);
            // OK to go on if there is no room: the balance is asked for again next time, and the queue counts it.
            let _ = app.balances.try_send((wallet.clone(), balance.amount));
            Evidence::Verified(balance.amount)
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "Balance cannot be verified");
            match app.library.remembered_balance(wallet).await {
                Some(balance) => Evidence::Cached(balance),
                None => Evidence::None,
            }
        }
    }
}
