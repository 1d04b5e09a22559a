//! The token's price from its pool, and the requirements that follow it.

use std::sync::Arc;
use std::time::Duration;

use aistm7_monitoring::business::token::PriceUnits;

use super::Feed;
use crate::access::Requirements;
use crate::instruments::TokenMetrics;
use crate::upstream::{Solana, UpstreamError};

/// Follows the pool's price.
#[derive(Debug)]
pub(crate) struct TokenPriceFeed {
    solana: Solana,
    requirements: Arc<Requirements>,
    metrics: TokenMetrics,
}

impl TokenPriceFeed {
    pub(crate) const fn new(solana: Solana, requirements: Arc<Requirements>, metrics: TokenMetrics) -> Self {
        Self { solana, requirements, metrics }
    }
}

impl Feed for TokenPriceFeed {
    const NAME: &'static str = "token-price";
    /// Two calls in this time, far below the forty in ten seconds that a public node allows.
    const INTERVAL: Duration = Duration::from_secs(5);

    async fn round(&self) -> Result<(), UpstreamError> {
        let price = match self.solana.pool_price().await {
            Ok(price) => price,
            Err(error) => {
                self.metrics.price.failed();
                return Err(error);
            }
        };
        self.metrics.price.priced(PriceUnits::new(price.ten_thousandths().unsigned_abs()));
        let moved = self.requirements.follow(price);
        self.metrics.required(&self.requirements, &moved);
        for adjustment in moved {
            tracing::info!(
                tier = adjustment.tier.as_str(),
                required = %adjustment.required,
                %price,
                "Token requirement adjusted"
            );
        }
        Ok(())
    }
}
