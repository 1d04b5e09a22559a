//! Quotes from IBKR, onto the board.

use std::collections::HashMap;
use std::time::Duration;

use super::pace::Pace;
use super::repeat;
use crate::clock::unix_millis;
use crate::instruments::QuoteMetrics;
use crate::market::Market;
use crate::store::Instrument;
use crate::upstream::UpstreamError;
use crate::upstream::ibkr::{Ibkr, Quote};

/// A tenth of what the gateway allows.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// Brings quotes of `listed` to `market` until dropped.
pub(crate) async fn run(ibkr: Ibkr, listed: Vec<Instrument>, market: Market, metrics: QuoteMetrics) {
    let symbols: HashMap<i64, &str> =
        listed.iter().map(|instrument| (instrument.conid, instrument.symbol.as_str())).collect();
    repeat("quotes", Pace::every(INTERVAL), async || {
        let quotes = metrics.snapshots.execute_async(ibkr.snapshot(&listed)).await;
        match &quotes {
            Ok(quotes) => {
                post(quotes, &symbols, &market);
                metrics.updates.succeeded();
            }
            Err(_) => metrics.updates.failed(),
        }
        quotes.map(drop)
    })
    .await;
}

fn post(quotes: &[Quote], symbols: &HashMap<i64, &str>, market: &Market) {
    let now_ms = unix_millis();
    for quote in quotes {
        if let Some(symbol) = symbols.get(&quote.conid) {
            market.quote(symbol, quote.price, now_ms);
        }
    }
}
