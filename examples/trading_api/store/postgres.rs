//! The store on a PostgreSQL server.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::{StoreError, schema};

/// A request would rather fail than wait longer for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_CONNECTIONS: u32 = 10;
/// Key of the advisory lock under which one replica at a time creates schema and rows. Chosen at random.
const PREPARE_LOCK: i64 = 0x7a15_7a07_51d3_20c9;

pub(super) fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(options.application_name("trading-api"))
}

pub(super) async fn prepare(pool: &PgPool) -> Result<(), StoreError> {
    let mut transaction = pool.begin().await?;
    // That a table exists already is no news.
    sqlx::query("SET LOCAL client_min_messages = warning").execute(&mut *transaction).await?;
    // `CREATE TABLE IF NOT EXISTS` fails when two sessions race; the lock ends with the transaction.
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(PREPARE_LOCK).execute(&mut *transaction).await?;
    schema::create!(&mut *transaction);
    transaction.commit().await?;
    Ok(())
}
