//! The store inside this process, for when no server is given.

use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::{StoreError, schema};

/// As for the server: a request would rather fail than wait longer.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// A pool of one connection that is never given up: the database in memory lives and dies with it.
pub(super) fn pool() -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(SqliteConnectOptions::new().in_memory(true).foreign_keys(true))
}

pub(super) async fn prepare(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut transaction = pool.begin().await?;
    schema::create!(&mut *transaction);
    transaction.commit().await?;
    Ok(())
}
