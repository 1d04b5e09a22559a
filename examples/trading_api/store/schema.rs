//! Tables and the example's rows, created where they are missing.

/// The tables. Prices are whole ten-thousandths of a dollar, days are counted from 1970-01-01.
pub(super) const TABLES: [&str; 5] = [
    "CREATE TABLE IF NOT EXISTS instruments (\
        symbol TEXT PRIMARY KEY, \
        conid BIGINT NOT NULL UNIQUE)",
    "CREATE TABLE IF NOT EXISTS closes (\
        symbol TEXT NOT NULL REFERENCES instruments (symbol), \
        day INTEGER NOT NULL, \
        close_e4 BIGINT NOT NULL CHECK (close_e4 > 0), \
        PRIMARY KEY (symbol, day))",
    "CREATE TABLE IF NOT EXISTS portfolios (\
        id TEXT PRIMARY KEY, \
        opened INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS holdings (\
        portfolio TEXT NOT NULL REFERENCES portfolios (id), \
        symbol TEXT NOT NULL REFERENCES instruments (symbol), \
        quantity BIGINT NOT NULL CHECK (quantity > 0), \
        PRIMARY KEY (portfolio, symbol))",
    "CREATE TABLE IF NOT EXISTS wallets (\
        address TEXT PRIMARY KEY, \
        tier TEXT NOT NULL)",
];

/// Rows of one `INSERT`. Four columns each stay far below the 32,766 parameters that SQLite takes.
pub(super) const ROWS_AT_ONCE: usize = 1_000;

/// Ends each `INSERT`: what is there already stays.
pub(super) const OR_KEEP: &str = " ON CONFLICT DO NOTHING";

/// Creates the tables and inserts the rows of [`seed`](super::seed) over the connection given.
///
/// A macro, because the driver is a type: a generic function would need more lines of bounds than it has of body.
macro_rules! create {
    ($connection:expr) => {{
        use crate::store::{schema, seed};

        for table in schema::TABLES {
            sqlx::query(table).execute($connection).await?;
        }
        schema::insert! { $connection, "INSERT INTO instruments (symbol, conid) ", seed::instruments(),
        instrument => [instrument.symbol, instrument.conid] }
        schema::insert! { $connection, "INSERT INTO closes (symbol, day, close_e4) ", seed::closes(),
        (symbol, close) => [*symbol, close.day.epoch_days(), close.price.ten_thousandths()] }
        schema::insert! { $connection, "INSERT INTO portfolios (id, opened) ", seed::portfolios(),
        portfolio => [portfolio.id.as_str(), portfolio.opened] }
        let holdings: Vec<_> = seed::portfolios()
            .into_iter()
            .flat_map(|portfolio| portfolio.holdings.into_iter().map(move |held| (portfolio.id.clone(), held)))
            .collect();
        schema::insert! { $connection, "INSERT INTO holdings (portfolio, symbol, quantity) ", holdings,
        (id, held) => [id.as_str(), held.symbol.as_str(), held.quantity] }
        schema::insert! { $connection, "INSERT INTO wallets (address, tier) ", seed::wallets(),
        (address, tier) => [*address, tier.as_str()] }
    }};
}

/// Inserts `$rows`: for each one the values in brackets.
macro_rules! insert {
    ($connection:expr, $into:literal, $rows:expr, $row:pat => [$($value:expr),+]) => {
        for rows in $rows.chunks(schema::ROWS_AT_ONCE) {
            let mut insert = sqlx::QueryBuilder::new($into);
            insert.push_values(rows, |mut values, $row| {
                $(values.push_bind($value);)+
            });
            insert.push(schema::OR_KEEP).build().execute($connection).await?;
        }
    };
}

pub(super) use {create, insert};
