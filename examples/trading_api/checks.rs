//! What the service depends on, and how each of it is checked.

use std::time::Duration;

use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::health::{
    CheckFailure, CheckOptions, CheckReport, EndpointError, HealthCheck, IbkrCheck, Impact, PostgresCheck, RedisCheck,
    Severity, SolanaCheck, check_fn,
};
use aistm7_monitoring::monitoring::MonitoringBuilder;

use crate::cache::Cache;
use crate::outside::Outside;
use crate::store::Store;
use crate::upstream::{Provided, Upstream};

/// An upstream's URL cannot be checked.
#[derive(Debug, thiserror::Error)]
#[error("{variable} cannot be used")]
pub(crate) struct CheckError {
    variable: &'static str,
    source: EndpointError,
}

/// Adds a check for the database, the cache, the IBKR gateway and the Solana node, each at this interval or at its own.
pub(crate) fn add(
    builder: MonitoringBuilder,
    store: &Store,
    cache: &Cache,
    outside: &Outside,
    interval: Option<Duration>,
) -> Result<MonitoringBuilder, CheckError> {
    let usual = || interval.map_or(CheckOptions::new(), |interval| CheckOptions::new().interval(interval));
    // Nothing can be answered without the database, so `/health` says 503 without it.
    let vital = usual().impact(Impact::Unhealthy).severity(Severity::Critical);
    let builder = match store {
        Store::Postgres(pool) => builder.check_with("database", PostgresCheck::new(pool.clone()), vital),
        Store::Sqlite(_) => builder.check_with("database", embedded_database(store.clone()), vital),
    };
    let builder = match cache.redis() {
        Some(redis) => builder.check_with("cache", RedisCheck::new(redis), usual()),
        None => builder.check_with("cache", cache_in_process(cache.clone()), usual()),
    };
    let Outside { ibkr, solana, .. } = outside;
    let gateway = gateway(ibkr).map_err(|source| CheckError { variable: "IBKR_URL", source })?;
    let node = node(solana).map_err(|source| CheckError { variable: "SOLANA_RPC_URL", source })?;
    Ok(builder.check_with("ibkr", Noted { check: gateway, provided: ibkr.provided }, usual()).check_with(
        "solana",
        Noted { check: node, provided: solana.provided },
        usual(),
    ))
}

/// A gateway that runs beside a service makes its own certificate; one elsewhere must be trusted by this machine.
fn gateway(ibkr: &Upstream) -> Result<IbkrCheck, EndpointError> {
    let check = IbkrCheck::client_portal(&ibkr.uri.to_string())?;
    if ibkr.is_local_tls() { check.any_certificate_on_loopback() } else { Ok(check) }
}

/// As for the gateway.
fn node(solana: &Upstream) -> Result<SolanaCheck, EndpointError> {
    let check = SolanaCheck::new(&solana.uri.to_string())?;
    if solana.is_local_tls() { check.any_certificate_on_loopback() } else { Ok(check) }
}

/// A check from a closure: whether the database in this process answers a query.
fn embedded_database(store: Store) -> impl HealthCheck {
    check_fn(move || {
        let store = store.clone();
        async move {
            let answered = store.ping().await;
            answered.map_err(|error| CheckFailure::new("query_failed", "no answer to a query").with_source(error))?;
            Ok(CheckReport::healthy().with_data("provided_by", "an embedded SQLite, for want of DATABASE_URL"))
        }
    })
}

/// A cache in this process cannot fail; the details say how full it is.
fn cache_in_process(cache: Cache) -> impl HealthCheck {
    check_fn(move || {
        let entries = cache.entries_in_process().unwrap_or_default();
        async move {
            Ok(CheckReport::healthy()
                .with_data("entries", entries)
                .with_data("provided_by", "a cache in this process, for want of REDIS_URL"))
        }
    })
}

/// A check whose details also say who provides what is checked. The check inside does not know.
struct Noted<C> {
    check: C,
    provided: Provided,
}

impl<C: HealthCheck> HealthCheck for Noted<C> {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        let answer = self.check.check().await;
        let (key, note) = match self.provided {
            Provided::Elsewhere => return answer,
            Provided::StandIn => ("provided_by", "a stand-in in this process"),
        };
        answer.map(|report| report.with_data(key, note)).map_err(|failure| failure.with_data(key, note))
    }

    fn defaults(&self) -> CheckOptions {
        self.check.defaults()
    }

    fn use_clock(&mut self, clock: &Clock) {
        self.check.use_clock(clock);
    }
}
