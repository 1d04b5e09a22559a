//! The stored facts: portfolios, closing prices, wallets.
//!
//! PostgreSQL if one is given, else an SQLite in memory. Both speak the same SQL for what this service asks, so the
//! queries stand here once; how to connect and how replicas keep out of each other's way while the schema is made
//! stands in `postgres` and `sqlite`.

mod postgres;
mod schema;
pub(crate) mod seed;
mod sqlite;

use aistm7_monitoring::database::{ErrorClass, PoolMetrics, QueryError};
use sqlx::postgres::PgConnectOptions;
use sqlx::{PgPool, SqlitePool};

use crate::domain::{Close, Day, Holding, Portfolio, PortfolioId, Tier, Usd, Wallet};
use crate::settings::Backend;

/// A pool of connections; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

/// The store did not answer, or with something that cannot be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("a stored {what} is outside its rule")]
    Corrupt { what: &'static str },
}

impl QueryError for StoreError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Database(error) => error.class(),
            Self::Corrupt { .. } => ErrorClass::Data,
        }
    }
}

/// Runs the same expression on whichever pool is there; the driver is a type, so it is compiled once for each.
macro_rules! on_pool {
    ($store:expr, $pool:ident => $query:expr) => {
        match $store {
            Store::Postgres($pool) => $query,
            Store::Sqlite($pool) => $query,
        }
    };
}

impl Store {
    /// A pool that connects when first asked.
    pub(crate) fn open(database: &Backend<PgConnectOptions>) -> Self {
        match database {
            Backend::Given(options) => Self::Postgres(postgres::pool(options.clone())),
            Backend::Embedded => Self::Sqlite(sqlite::pool()),
        }
    }

    /// Creates the tables and the example's rows where they are missing.
    pub(crate) async fn prepare(&self) -> Result<(), StoreError> {
        match self {
            Self::Postgres(pool) => postgres::prepare(pool).await,
            Self::Sqlite(pool) => sqlite::prepare(pool).await,
        }
    }

    /// Shows how full the pool is.
    pub(crate) fn observe(&self, metrics: &PoolMetrics) {
        on_pool!(self, pool => metrics.observe(pool.clone()));
    }

    /// Whether the store answers a query.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        on_pool!(self, pool => sqlx::query("SELECT 1").execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Ends the connections, each after the query it is at.
    pub(crate) async fn close(&self) {
        on_pool!(self, pool => pool.close().await);
    }

    pub(crate) async fn portfolio(&self, id: &PortfolioId) -> Result<Option<Portfolio>, StoreError> {
        // One row a holding; a portfolio without any has one row of nulls.
        const QUERY: &str = "SELECT p.opened, h.symbol, h.quantity \
             FROM portfolios p LEFT JOIN holdings h ON h.portfolio = p.id \
             WHERE p.id = $1 ORDER BY h.symbol";
        let rows: Vec<(i32, Option<String>, Option<i64>)> =
            on_pool!(self, pool => sqlx::query_as(QUERY).bind(id.as_str()).fetch_all(pool).await)?;
        let Some(&(opened, ..)) = rows.first() else { return Ok(None) };
        let holdings = rows
            .into_iter()
            .filter_map(|(_, symbol, quantity)| Some(Holding { symbol: symbol?, quantity: quantity? }))
            .collect();
        Ok(Some(Portfolio { id: id.clone(), opened, holdings }))
    }

    /// The latest closes of an instrument, ascending; none if its history is not stored.
    pub(crate) async fn closes(&self, symbol: &str, at_most: u16) -> Result<Vec<Close>, StoreError> {
        const QUERY: &str = "SELECT day, close_e4 FROM closes WHERE symbol = $1 ORDER BY day DESC LIMIT $2";
        let rows: Vec<(i32, i64)> = on_pool!(self, pool => {
            sqlx::query_as(QUERY).bind(symbol).bind(i64::from(at_most)).fetch_all(pool).await
        })?;
        Ok(rows
            .into_iter()
            .rev()
            .map(|(day, price)| Close { day: Day::from_epoch_days(day), price: Usd::from_ten_thousandths(price) })
            .collect())
    }

    /// The last day with a stored close of any instrument.
    pub(crate) async fn last_day(&self) -> Result<Option<Day>, StoreError> {
        const QUERY: &str = "SELECT MAX(day) FROM closes";
        let day: Option<i32> = on_pool!(self, pool => sqlx::query_scalar(QUERY).fetch_one(pool).await)?;
        Ok(day.map(Day::from_epoch_days))
    }

    /// Every instrument with its IBKR contract id and its last stored close.
    pub(crate) async fn instruments(&self) -> Result<Vec<Instrument>, StoreError> {
        const QUERY: &str = "SELECT i.symbol, i.conid, c.close_e4 FROM instruments i \
             LEFT JOIN closes c ON c.symbol = i.symbol \
             AND c.day = (SELECT MAX(day) FROM closes WHERE symbol = i.symbol) \
             ORDER BY i.symbol";
        let rows: Vec<(String, i64, Option<i64>)> =
            on_pool!(self, pool => sqlx::query_as(QUERY).fetch_all(pool).await)?;
        Ok(rows
            .into_iter()
            .map(|(symbol, conid, close)| Instrument {
                symbol,
                conid,
                last_close: close.map(Usd::from_ten_thousandths),
            })
            .collect())
    }

    /// The tier a wallet is signed up for.
    pub(crate) async fn tier(&self, wallet: &Wallet) -> Result<Option<Tier>, StoreError> {
        const QUERY: &str = "SELECT tier FROM wallets WHERE address = $1";
        let tier: Option<String> = on_pool!(self, pool => {
            sqlx::query_scalar(QUERY).bind(wallet.as_str()).fetch_optional(pool).await
        })?;
        tier.map(|tier| Tier::parse(&tier).ok_or(StoreError::Corrupt { what: "tier" })).transpose()
    }
}

/// Something that can be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instrument {
    pub(crate) symbol: String,
    /// IBKR's contract id.
    pub(crate) conid: i64,
    pub(crate) last_close: Option<Usd>,
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn prepared() -> Store {
        let store = Store::open(&Backend::Embedded);
        store.prepare().await.unwrap();
        store
    }

    fn id(text: &str) -> PortfolioId {
        PortfolioId::parse(text).unwrap()
    }

    #[tokio::test]
    async fn the_embedded_store_holds_twenty_portfolios() {
        let store = prepared().await;
        store.ping().await.unwrap();
        for number in 1..=20 {
            let portfolio = store.portfolio(&id(&number.to_string())).await.unwrap().unwrap();
            assert!(!portfolio.holdings.is_empty());
            assert!(portfolio.holdings.is_sorted_by(|a, b| a.symbol < b.symbol));
        }
        assert_eq!(store.portfolio(&id("21")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn preparing_twice_changes_nothing() {
        let store = prepared().await;
        let before = store.closes("AAPL", 300).await.unwrap();
        store.prepare().await.unwrap();
        assert_eq!(store.closes("AAPL", 300).await.unwrap(), before);
    }

    #[tokio::test]
    async fn closes_are_the_latest_in_ascending_order() {
        let store = prepared().await;
        let closes = store.closes("AAPL", 10).await.unwrap();
        assert_eq!(closes.len(), 10);
        assert!(closes.is_sorted_by(|a, b| a.day < b.day));
        assert_eq!(closes.last().map(|close| close.day), store.last_day().await.unwrap());
        assert_eq!(store.closes(seed::WITHOUT_HISTORY, 10).await.unwrap(), []);
    }

    #[tokio::test]
    async fn instruments_come_with_their_last_close_if_there_is_one() {
        let store = prepared().await;
        let instruments = store.instruments().await.unwrap();
        assert_eq!(instruments.len(), seed::instruments().len());
        for instrument in instruments {
            let closes = store.closes(&instrument.symbol, 1).await.unwrap();
            assert_eq!(instrument.last_close, closes.first().map(|close| close.price));
        }
    }

    #[tokio::test]
    async fn wallets_have_tiers() {
        let store = prepared().await;
        for (address, tier) in seed::wallets() {
            let wallet = Wallet::parse(address).unwrap();
            assert_eq!(store.tier(&wallet).await.unwrap(), Some(tier));
        }
        let stranger = Wallet::parse("11111111111111111111111111111111").unwrap();
        assert_eq!(store.tier(&stranger).await.unwrap(), None);
    }
}
