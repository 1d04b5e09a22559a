//! A pool with its metrics at hand.

use std::ops::Deref;

use super::acquire::Acquire;
use super::metrics::PoolMetrics;
use crate::database::query::Query;

/// A pool that is measured: the driver's own pool, with [`acquire`](Self::acquire) and [`query`](Self::query) beside it.
///
/// ```
/// # #[cfg(feature = "sqlx-0_9")]
/// # async fn load(monitoring: &aistm7_monitoring::Monitoring, pool: sqlx_0_9::PgPool) -> sqlx_0_9::Result<()> {
/// let pool = monitoring.database().pool("trading").measure(pool);
/// let load = pool.query("load_portfolio");
///
/// let mut connection = pool.acquire().await?; // db_pool_acquire_seconds{pool="trading",outcome="ok"}
/// let query = sqlx_0_9::query("SELECT 1");
/// load.run(query.fetch_one(&mut *connection)).await?; // db_query_duration_seconds{operation="load_portfolio",…}
/// # Ok(())
/// # }
/// # fn main() {}
/// ```
///
/// A query that is given the pool itself (`fetch_one(&*pool)`) waits for its connection within the query: that wait is
/// then part of the query's time, and none of `db_pool_acquire_seconds`.
#[derive(Clone, Debug)]
pub struct MeasuredPool<P> {
    pub(super) pool: P,
    pub(super) metrics: PoolMetrics,
}

impl<P> MeasuredPool<P> {
    /// The driver's pool.
    pub fn inner(&self) -> &P {
        &self.pool
    }

    /// The metrics of the pool.
    pub fn metrics(&self) -> &PoolMetrics {
        &self.metrics
    }

    /// An operation on the pool; see [`PoolMetrics::query`].
    pub fn query(&self, operation: &'static str) -> Query {
        self.metrics.query(operation)
    }
}

impl<P: Acquire> MeasuredPool<P> {
    /// Takes a connection, and times how long that takes.
    ///
    /// # Errors
    /// When there is none.
    ///
    /// # Cancellation
    /// As the driver's own method; once polled it counts as `cancelled`.
    pub async fn acquire(&self) -> Result<P::Connection, P::Error> {
        self.metrics.acquire(self.pool.acquire_connection()).await
    }
}

impl<P> Deref for MeasuredPool<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.pool
    }
}
