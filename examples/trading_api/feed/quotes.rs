//! Quotes from IBKR, onto the board.

use std::collections::HashMap;
use std::time::Duration;

use super::Feed;
use crate::clock::unix_millis;
use crate::instruments::QuoteMetrics;
use crate::market::Market;
use crate::store::Instrument;
use crate::upstream::{Ibkr, UpstreamError};

/// Brings quotes of everything listed to the market.
#[derive(Debug)]
pub(crate) struct QuoteFeed {
    ibkr: Ibkr,
    market: Market,
    metrics: QuoteMetrics,
    /// By IBKR's contract id.
    symbols: HashMap<i64, String>,
}

impl QuoteFeed {
    pub(crate) fn new(ibkr: Ibkr, listed: Vec<Instrument>, market: Market, metrics: QuoteMetrics) -> Self {
        let symbols = listed.into_iter().map(|instrument| (instrument.conid, instrument.symbol)).collect();
        Self { ibkr, market, metrics, symbols }
    }

    async fn quote(&self) -> Result<(), UpstreamError> {
        let conids = self.symbols.keys().copied();
        let quotes = self.metrics.snapshots.execute_async(self.ibkr.snapshot(conids)).await?;
        if quotes.is_empty() {
            return Err(UpstreamError::Malformed { expected: "a list with quotes in it" });
        }
        let now_ms = unix_millis();
        for quote in &quotes {
            if let Some(symbol) = self.symbols.get(&quote.conid) {
                self.market.quote(symbol, quote.price, now_ms);
            }
        }
        Ok(())
    }
}

impl Feed for QuoteFeed {
    const NAME: &'static str = "quotes";
    /// A tenth of what the gateway allows.
    const INTERVAL: Duration = Duration::from_secs(1);

    async fn round(&self) -> Result<(), UpstreamError> {
        self.metrics.updates.execute_async(self.quote()).await
    }
}
