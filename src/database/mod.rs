//! Databases: how long queries take and how they end, how full pools are.
//!
//! ```text
//! query  -> Timed (future or stream; ended exactly once) -> Operation, by outcome -> db_query_duration_seconds
//!                                                             '-> slow: one line of the log, in the query's trace
//! pool   -> PoolStats, read at each scrape -> db_pool_*
//!           '-> acquire -> Timed -> Acquisitions, by outcome -> db_pool_acquire_seconds
//! ```
//!
//! [`Query::run`] is one changed line a call site: `query.fetch_one(&pool).await` becomes
//! `load.run(query.fetch_one(&pool)).await`, with `load` resolved once. Names of pools and operations are written in code;
//! SQL and bound values are never looked at. What an error is called is said by [`QueryError`], which the features
//! `sqlx-0_8`, `sqlx-0_9` and `deadpool-postgres-0_14` implement for their drivers, and else by a closure. Pools of bb8 (feature
//! `bb8-0_9`) are known whatever they hold.
//!
//! [`postgres`] is what a PostgreSQL server tells of itself, [`maintenance`] the weekly look at it; both need the feature
//! `postgres`.
//!
//! | metric | changes |
//! |---|---|
//! | `db_query_duration_seconds{pool,operation,outcome}` | when a query ends |
//! | `db_pool_acquire_seconds{pool,outcome}` | when a request for a connection ends |
//! | `db_pool_connections{pool,state}`, `db_pool_max_connections{pool}`, `db_pool_utilization_ratio{pool}`, `db_pool_waiting_requests{pool}` | read off the pool at each scrape |
//! | `db_pool_connections_opened_total{pool}`, `db_pool_connections_closed_total{pool}` | the same, where the driver or a hook tells |

#[cfg(feature = "bb8-0_9")]
mod bb8_0_9;
mod class;
#[cfg(feature = "deadpool-postgres-0_14")]
mod deadpool_postgres_0_14;
mod handle;
mod instruments;
#[cfg(feature = "postgres")]
pub mod maintenance;
mod options;
mod outcome;
mod pool;
#[cfg(feature = "postgres")]
pub mod postgres;
mod query;
mod slow;
#[cfg(any(feature = "sqlx-0_8", feature = "sqlx-0_9"))]
#[macro_use]
mod sqlx;
#[cfg(feature = "sqlx-0_8")]
mod sqlx_0_8;
#[cfg(feature = "sqlx-0_9")]
mod sqlx_0_9;
#[cfg(test)]
mod tests;
mod timed;

pub use class::{ErrorClass, QueryError};
pub use handle::Database;
pub use options::{DEFAULT_SLOW_AFTER, DatabaseOptions};
pub use outcome::{Outcome, QueryResult};
pub use pool::{Acquire, AcquireOutcome, MeasuredPool, Openings, PoolCounts, PoolMetrics, PoolStats};
pub use query::Query;
