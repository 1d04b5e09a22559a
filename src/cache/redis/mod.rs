//! What a Redis server tells of itself, by `INFO`.
//!
//! ```text
//! scrape -> the holder of the lease asks INFO (own connection, limit, rest after failures) -> Facts -> redis_* --> all replicas
//! ```
//!
//! The names are those of redis_exporter where it has one, with a label `server` for the name that this service has for
//! the server. What a server does not tell is absent, never 0; so is everything once a server that does not answer, or a
//! user that may not run `INFO`, has been failing for a minute. Counters are the server's own: one that is started again,
//! or told `CONFIG RESETSTAT`, begins at 0, which `rate()` knows; `redis_start_time_seconds` says when it was started.

mod commands;
mod facts;
mod fields;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::facts::{Facts, Instruments};
use super::Caches;
use crate::metrics::{AskOptions, CollectFailure, CollectorError};
use crate::store::redis::{RedisError, RedisProbe};
use crate::work::name_label;

name_label! {
    /// The name that a service has for a Redis server, such as `sessions`: the `server` label.
    pub struct RedisServer, "Redis server name", crate::error::check_name
}

impl Caches {
    /// Shows what a Redis server tells of itself: clients, memory, hits and misses, evictions, commands, replication, keys;
    /// see [`redis`](self). `connection` is one of its own, so that nobody waits for it:
    /// [`RedisConnection`](crate::store::redis::RedisConnection) needs no driver, a new `ConnectionManager` does as well.
    ///
    /// Costs the server one `INFO ALL` each interval, from one replica of the service if there is a lease. Each replica shows
    /// the same, so replicas are aggregated by `max`. What fails is counted in `monitoring_collector_runs_total`, of the
    /// collector `redis-` and the server's name.
    ///
    /// # Errors
    /// When there is no Tokio runtime, when the server is asked already, when the registry holds another metric of one of the
    /// names, or when the numbers go to a recorder of the host's.
    ///
    /// ```no_run
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use aistm7_monitoring::Monitoring;
    /// use aistm7_monitoring::metrics::AskOptions;
    /// use aistm7_monitoring::store::redis::RedisConnection;
    ///
    /// let monitoring = Monitoring::builder("orders").build()?;
    /// let connection = RedisConnection::from_url("redis://monitor:secret@sessions:6379")?;
    /// monitoring.cache().redis("sessions", connection, AskOptions::new())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn redis(
        &self,
        server: impl Into<RedisServer>,
        connection: impl RedisProbe,
        options: AskOptions,
    ) -> Result<(), CollectorError> {
        let (meter, base) = (&self.0.meter, &self.0.instruments.base);
        let server = server.into().resolve(&base.diagnostics);
        let name = format!("redis-{}", server.as_str());
        let mut instruments = Instruments::register(meter, server)?;
        let connection = Arc::new(connection);
        let ask = move || {
            let connection = Arc::clone(&connection);
            async move { told_by(&*connection).await.map_err(CollectFailure::from) }
        };
        let give = move |text: String, collection: &mut _| instruments.give(&Facts::read(&text), collection);
        crate::metrics::ask_regularly(meter, &base.clock, &name, options, ask, give)
    }
}

/// Why a server has told nothing.
#[derive(Debug, thiserror::Error)]
enum Untold {
    #[error("the user may not run INFO: allow it with ACL SETUSER and +info")]
    Forbidden,
    #[error("the answer is not that of INFO")]
    Unreadable,
    #[error(transparent)]
    Failed(RedisError),
}

async fn told_by(connection: &impl RedisProbe) -> Result<String, Untold> {
    match connection.command(&["INFO", "ALL"]).await {
        Ok(text) if Facts::read(&text).are_there() => Ok(text),
        Ok(_) => Err(Untold::Unreadable),
        Err(RedisError::Server { code }) if code == "NOPERM" => Err(Untold::Forbidden),
        Err(error) => Err(Untold::Failed(error)),
    }
}
