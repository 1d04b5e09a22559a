//! Reads from the store, through the cache.

use std::convert::Infallible;
use std::time::Duration;

use aistm7_monitoring::queue::Receiver;

use crate::cache::Cache;
use crate::domain::{Close, Day, Portfolio, PortfolioId, Tier, TokenAmount, Usd, Wallet};
use crate::instruments::{Memory, Queries};
use crate::risk;
use crate::store::{Store, StoreError};

/// Holdings change by trades, which a user expects to see soon.
const PORTFOLIO_LIFETIME: Duration = Duration::from_secs(30);
/// Closes change once a day.
const CLOSES_LIFETIME: Duration = Duration::from_secs(600);
/// How long a verified balance may stand in for one that cannot be verified.
const BALANCE_LIFETIME: Duration = Duration::from_secs(900);
/// Closes read of each instrument: one more than the returns of a full window.
#[allow(clippy::cast_possible_truncation, reason = "a window of 250 and one fit")]
const CLOSES: u16 = risk::WINDOW as u16 + 1;

/// The store and the cache in front of it; cheap to clone.
#[derive(Clone)]
pub(crate) struct Library {
    store: Store,
    cache: Cache,
    queries: Queries,
    memory: Memory,
}

/// Where a reader is content to have its answer from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// From the cache, if it is there.
    Cached,
    /// From the store in any case.
    Stored,
}

impl Library {
    pub(crate) const fn new(store: Store, cache: Cache, queries: Queries, memory: Memory) -> Self {
        Self { store, cache, queries, memory }
    }

    pub(crate) async fn portfolio(&self, id: &PortfolioId) -> Result<Option<Portfolio>, StoreError> {
        let key = format!("portfolio:{id}");
        let found: Option<Portfolio> = self.cache.get(&key).await;
        let load = async {
            let portfolio = self.queries.load_portfolio.run(self.store.portfolio(id)).await?;
            if let Some(portfolio) = &portfolio {
                self.cache.put(&key, portfolio, PORTFOLIO_LIFETIME).await;
                self.memory.portfolios.inserted();
            }
            Ok(portfolio)
        };
        self.memory.portfolios.read_through_async(found.map(Some), load).await
    }

    /// The closes that a risk figure looks at, ascending; none if the instrument's history is not stored.
    pub(crate) async fn closes(&self, symbol: &str, freshness: Freshness) -> Result<Vec<Close>, StoreError> {
        let key = format!("closes:{symbol}");
        let load = async {
            let closes = self.queries.load_closes.run(self.store.closes(symbol, CLOSES)).await?;
            // What is missing may come any moment; only what is there is kept.
            if !closes.is_empty() {
                let rows: Vec<(i32, i64)> = closes.iter().map(row).collect();
                self.cache.put(&key, &rows, CLOSES_LIFETIME).await;
                self.memory.closes.inserted();
            }
            Ok(closes)
        };
        match freshness {
            Freshness::Cached => {
                let found: Option<Vec<(i32, i64)>> = self.cache.get(&key).await;
                let closes = found.map(|rows| rows.into_iter().map(close).collect());
                self.memory.closes.read_through_async(closes, load).await
            }
            // No look-up, so neither a hit nor a miss.
            Freshness::Stored => load.await,
        }
    }

    /// The last day with a stored close of any instrument.
    pub(crate) async fn last_day(&self) -> Result<Option<Day>, StoreError> {
        const KEY: &str = "last-day";
        if let Some(day) = self.cache.get(KEY).await {
            return Ok(Some(Day::from_epoch_days(day)));
        }
        let day = self.queries.load_last_day.run(self.store.last_day()).await?;
        if let Some(day) = day {
            self.cache.put(KEY, &day.epoch_days(), CLOSES_LIFETIME).await;
        }
        Ok(day)
    }

    pub(crate) async fn tier(&self, wallet: &Wallet) -> Result<Option<Tier>, StoreError> {
        self.queries.load_tier.run(self.store.tier(wallet)).await
    }

    /// Keeps the balances that the chain has confirmed, one after the other, for as long as somebody sends them.
    pub(crate) async fn keep_balances(self, mut confirmed: Receiver<(Wallet, TokenAmount)>) {
        while let Some(balance) = confirmed.recv().await {
            let keep = async |(wallet, amount): (Wallet, TokenAmount)| {
                self.remember_balance(&wallet, amount).await;
                Ok::<_, Infallible>(())
            };
            let Ok(()) = balance.execute_async(keep).await;
        }
    }

    /// Keeps a balance that the chain has just confirmed.
    async fn remember_balance(&self, wallet: &Wallet, balance: TokenAmount) {
        self.cache.put(&balance_key(wallet), &balance.smallest_units(), BALANCE_LIFETIME).await;
    }

    /// The last confirmed balance, if it is not too old.
    pub(crate) async fn remembered_balance(&self, wallet: &Wallet) -> Option<TokenAmount> {
        self.cache.get(&balance_key(wallet)).await.map(TokenAmount::from_smallest_units)
    }
}

fn balance_key(wallet: &Wallet) -> String {
    format!("balance:{wallet}")
}

fn row(close: &Close) -> (i32, i64) {
    (close.day.epoch_days(), close.price.ten_thousandths())
}

fn close((day, price): (i32, i64)) -> Close {
    Close { day: Day::from_epoch_days(day), price: Usd::from_ten_thousandths(price) }
}

#[cfg(test)]
mod tests {
    use aistm7_monitoring::Monitoring;

    use super::*;
    use crate::settings::Backend;
    use crate::store::seed;

    async fn library() -> Library {
        let store = Store::open(&Backend::Embedded);
        store.prepare().await.unwrap();
        let monitoring = Monitoring::builder("library").build().unwrap();
        let cache = Cache::open(&Backend::Embedded).unwrap();
        Library::new(store, cache, Queries::new(&monitoring), Memory::new(&monitoring))
    }

    #[tokio::test]
    async fn what_was_read_once_needs_no_store() {
        let library = library().await;
        let id = PortfolioId::parse("1").unwrap();
        let portfolio = library.portfolio(&id).await.unwrap();
        let closes = library.closes("AAPL", Freshness::Cached).await.unwrap();
        assert_eq!(closes.len(), risk::WINDOW + 1);
        let last_day = library.last_day().await.unwrap();

        library.store.close().await;
        assert_eq!(library.portfolio(&id).await.unwrap(), portfolio);
        assert_eq!(library.closes("AAPL", Freshness::Cached).await.unwrap(), closes);
        assert_eq!(library.last_day().await.unwrap(), last_day);
        assert!(library.closes("AAPL", Freshness::Stored).await.is_err());
    }

    #[tokio::test]
    async fn what_is_missing_is_asked_for_again() {
        let library = library().await;
        let stranger = PortfolioId::parse("999").unwrap();
        assert_eq!(library.portfolio(&stranger).await.unwrap(), None);
        assert_eq!(library.closes(seed::WITHOUT_HISTORY, Freshness::Cached).await.unwrap(), []);
        library.store.close().await;
        assert!(library.portfolio(&stranger).await.is_err());
        assert!(library.closes(seed::WITHOUT_HISTORY, Freshness::Cached).await.is_err());
    }

    #[tokio::test]
    async fn balances_are_remembered_by_wallet() {
        let library = library().await;
        let [first, second] = [0, 1].map(|number| Wallet::parse(seed::wallets()[number].0).unwrap());
        library.remember_balance(&first, TokenAmount::ONE).await;
        assert_eq!(library.remembered_balance(&first).await, Some(TokenAmount::ONE));
        assert_eq!(library.remembered_balance(&second).await, None);
    }
}
