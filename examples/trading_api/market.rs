//! The latest prices, and everyone who wants to hear of new ones.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use tokio::sync::broadcast;

use crate::domain::Usd;

/// Ticks that a slow listener may lag behind before it misses some.
const BACKLOG: usize = 1_024;

/// The board; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    prices: Arc<RwLock<HashMap<String, LastPrice>>>,
    ticks: broadcast::Sender<Arc<str>>,
}

/// A price and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LastPrice {
    pub(crate) price: Usd,
    pub(crate) basis: PriceBasis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PriceBasis {
    /// From the price feed since this process started.
    Quote,
    /// The last stored close; there has been no quote yet.
    Close,
}

/// A new price, as listeners get it.
#[derive(Clone, Copy, Debug, Serialize)]
struct Tick<'a> {
    symbol: &'a str,
    price: Usd,
    /// Milliseconds since the Unix epoch.
    at: u64,
}

impl Market {
    /// A board that knows last closes only.
    pub(crate) fn new(closes: impl IntoIterator<Item = (String, Usd)>) -> Self {
        let prices =
            closes.into_iter().map(|(symbol, price)| (symbol, LastPrice { price, basis: PriceBasis::Close })).collect();
        Self { prices: Arc::new(RwLock::new(prices)), ticks: broadcast::Sender::new(BACKLOG) }
    }

    /// The last price of an instrument, if there has been any.
    ///
    /// OK to ignore poison here and below: each entry is replaced as a whole.
    pub(crate) fn price(&self, symbol: &str) -> Option<LastPrice> {
        self.prices.read().unwrap_or_else(PoisonError::into_inner).get(symbol).copied()
    }

    /// Takes a quote and tells the listeners of it.
    pub(crate) fn quote(&self, symbol: &str, price: Usd, at_ms: u64) {
        self.prices
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(symbol.to_owned(), LastPrice { price, basis: PriceBasis::Quote });
        if self.ticks.receiver_count() == 0 {
            return;
        }
        match serde_json::to_string(&Tick { symbol, price, at: at_ms }) {
            // OK to ignore the error: it says that the last listener has left meanwhile.
            Ok(tick) => drop(self.ticks.send(tick.into())),
            Err(error) => tracing::warn!(%error, "Tick cannot be written"),
        }
    }

    /// The ticks from now on, each a JSON object.
    pub(crate) fn listen(&self) -> Ticks {
        Ticks(self.ticks.subscribe())
    }
}

/// A listener's place in the stream of ticks.
#[derive(Debug)]
pub(crate) struct Ticks(broadcast::Receiver<Arc<str>>);

impl Ticks {
    /// The next tick; `None` once there will be no more. One who is too slow misses the oldest ones.
    pub(crate) async fn next(&mut self) -> Option<Arc<str>> {
        loop {
            match self.0.recv().await {
                Ok(tick) => return Some(tick),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "Slow listener missed ticks");
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_quote_replaces_the_close_and_reaches_listeners() {
        let market = Market::new([("KO".to_owned(), Usd::from_dollars(60))]);
        assert_eq!(market.price("KO").unwrap().basis, PriceBasis::Close);
        assert_eq!(market.price("GLD"), None);

        let mut ticks = market.listen();
        market.quote("KO", Usd::from_dollars(61), 5);
        assert_eq!(market.price("KO"), Some(LastPrice { price: Usd::from_dollars(61), basis: PriceBasis::Quote }));
        assert_eq!(ticks.next().await.as_deref(), Some(r#"{"symbol":"KO","price":"61.00","at":5}"#));
    }

    #[tokio::test]
    async fn a_slow_listener_misses_the_oldest_ticks_only() {
        let market = Market::new([]);
        let mut ticks = market.listen();
        for at in 0..BACKLOG as u64 + 10 {
            market.quote("KO", Usd::from_dollars(61), at);
        }
        let next = ticks.next().await.unwrap();
        assert!(next.ends_with(r#""at":10}"#), "{next}");
        drop(market);
    }
}
