//! The token's price from its pool, and the requirements that follow it.

use std::sync::Arc;
use std::time::Duration;

use super::pace::Pace;
use super::repeat;
use crate::access::Requirements;
use crate::instruments::TokenMetrics;
use crate::upstream::solana::Solana;

/// One call in this time, far below a public node's 40 in ten seconds.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);

/// Follows the pool's price until dropped.
pub(crate) async fn run(solana: Solana, requirements: Arc<Requirements>, metrics: TokenMetrics) {
    repeat("token-price", Pace::every(INTERVAL), async || {
        let price = solana.pool_price().await;
        match &price {
            Ok(price) => {
                metrics.price.succeeded();
                for moved in requirements.follow(*price) {
                    tracing::info!(
                        tier = moved.tier.as_str(),
                        required = %moved.required,
                        %price,
                        "Token requirement adjusted"
                    );
                    metrics.adjusted(&moved);
                }
            }
            Err(_) => metrics.price.failed(),
        }
        price.map(drop)
    })
    .await;
}
