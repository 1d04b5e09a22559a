//! One replica of a service whose replicas share a check: one of them asks the peer, the others follow what it finds.
//!
//! ```text
//! cargo run --features full --example replica -- 127.0.0.1:8081 http://localhost:9000/status redis://localhost
//! cargo run --features full --example replica -- 127.0.0.1:8082 http://localhost:9000/status redis://localhost
//! ```
//!
//! Listens, asks, and shares through PostgreSQL or Redis as it is told by its arguments. `/health` says what the check
//! found, `/metrics` which replica holds the lease (`lease_held`). Kill that one, stop it, or stop the store.

use std::error::Error;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::health::{CheckOptions, HttpCheck, Scope};
use aistm7_monitoring::store::lease::{Lease, POSTGRES_LEASE_TABLE};
use axum::Router;
use redis_1::aio::{ConnectionManager, ConnectionManagerConfig};
use sqlx_0_9 as sqlx;
use tokio::net::TcpListener;

const USAGE: &str =
    "usage: replica <address to listen on> <URL to check> <postgres:// or redis:// URL to share through>";

/// Far more often than a service should, so that there is something to see.
const EVERY: Duration = Duration::from_secs(1);
const LEASED_FOR: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [address, checked, shared_through] =
        <[String; 3]>::try_from(std::env::args().skip(1).collect::<Vec<_>>()).map_err(|_| USAGE)?;
    let shared = CheckOptions::new().interval(EVERY).timeout(EVERY / 2).failure_threshold(2).scope(Scope::Shared);
    let monitoring = Monitoring::builder("replica")
        .lease(lease(&shared_through).await?.ttl(LEASED_FOR))
        .check_with("peer", HttpCheck::get(&checked)?, shared)
        .build()?;
    monitoring.install()?;
    let app = Router::new().merge(monitoring.admin_routes());
    monitoring.serve(TcpListener::bind(address).await?, app).await?;
    monitoring.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

async fn lease(url: &str) -> Result<Lease, Box<dyn Error>> {
    if url.starts_with("postgres://") {
        let pool = sqlx::PgPool::connect_lazy(url)?;
        // A service does this in a migration.
        sqlx::raw_sql(POSTGRES_LEASE_TABLE).execute(&pool).await?;
        return Ok(Lease::new(pool));
    }
    let client = redis_1::Client::open(url)?;
    Ok(Lease::new(ConnectionManager::new_lazy_with_config(client, ConnectionManagerConfig::new())?))
}
