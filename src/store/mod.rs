//! What checks ask of stores, whatever driver speaks to them.
//!
//! A probe is implemented by a feature for the pools and connections of the drivers it is named after (`sqlx-0_8`,
//! `sqlx-0_9`, `deadpool-postgres-0_14`, `redis-1`), or by a service for its own in ten lines: see
//! [`PostgresProbe`](postgres::PostgresProbe) and [`RedisProbe`](redis::RedisProbe). Nothing of a driver leaves its
//! feature. [`lease`] is how replicas agree, in such a store or another, on who of them does a shared job.

#[cfg(feature = "deadpool-postgres-0_14")]
pub(crate) mod deadpool_postgres_0_14;
pub mod lease;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "redis-1")]
mod redis_1;
#[cfg(any(feature = "sqlx-0_8", feature = "sqlx-0_9"))]
#[macro_use]
mod sqlx;
#[cfg(feature = "sqlx-0_8")]
mod sqlx_0_8;
#[cfg(feature = "sqlx-0_9")]
mod sqlx_0_9;

/// An error of a driver.
pub type DriverError = Box<dyn std::error::Error + Send + Sync>;
