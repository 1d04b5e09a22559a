//! Whether PostgreSQL works for this service: through its own pool, without a connection of the check's own.

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::timeout;

use crate::clock::Clock;
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck, Severity};
use crate::store::postgres::{Greeting, PoolState, PostgresError, PostgresProbe, greet};

/// Takes a connection from the service's own pool and asks the server for its role.
///
/// The query has a limit on the server, so none is left running; it is one message of the simple protocol and thus one
/// transaction, also behind PgBouncer's transaction pooling, and leaves nothing behind on the connection. Only if the
/// pool gives no connection does the check speak to the server directly, to tell a full pool from a server that is down
/// or lets nobody in: by the first message of the protocol, and by a login if the pool has room for one.
///
/// Defaults: every 10 s, 2 s timeout, unhealthy after 3 failures, healthy after 2 reports, critical, dependency
/// `postgres`.
///
/// | reason | meaning |
/// |---|---|
/// | `unreachable` | nobody answers, the server hangs, or the connection broke |
/// | `tls` | no TLS connection as the pool's settings ask for |
/// | `auth` | user or password are refused |
/// | `starting_up`, `shutting_down` | the server says so |
/// | `too_many_connections` | the server has no place left |
/// | `pool_exhausted` | the server works; every connection of the pool is in use |
/// | `acquire_slow` | the server works and the pool is not full, but gave no connection in time |
/// | `acquire_timeout` | the pool gave no connection in time, and why cannot be known |
/// | `pool_closed` | the service has closed its pool |
/// | `query_timeout` | the server did not answer the query in time |
/// | `disk_full` | the server says so |
/// | `unknown_database` | the database does not exist |
/// | `read_only` | a primary was expected, and writes are refused |
/// | `not_a_replica` | a replica was expected |
/// | `server_error` | any other error of the server |
/// | `query_failed` | any other error of the driver |
///
/// With the feature `sqlx-0_9` (or `sqlx-0_8`): `PostgresCheck::new(pool.clone())`. With another driver: implement
/// [`PostgresProbe`].
#[derive(Debug)]
pub struct PostgresCheck<P> {
    probe: P,
    expected: Option<PostgresRole>,
    acquire_timeout: Duration,
    clock: Clock,
}

/// What a server is to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostgresRole {
    /// It takes writes.
    Primary,
    /// It follows a primary.
    Replica,
}

/// With the two below less than the usual timeout, so that the reason is found before the run is aborted.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
/// Enough for logging in to a server that is not on another continent; the greeting decides where it is not.
const LOGIN_TIMEOUT: Duration = Duration::from_millis(300);
/// A server that works greets within two round trips; one that is frozen accepts connections and stays silent.
const GREETING_TIMEOUT: Duration = Duration::from_millis(300);

/// Several statements in one simple query are one transaction, so `SET LOCAL` holds for it and ends with it, also when
/// a statement fails. An explicit `BEGIN` would leave the pool a broken transaction if the check is aborted half-way.
const QUERY: &str = "SET LOCAL statement_timeout = '1s'; SET LOCAL lock_timeout = '200ms'; \
     SELECT pg_is_in_recovery()::text || ' ' || current_setting('transaction_read_only')";

impl<P: PostgresProbe> PostgresCheck<P> {
    /// A check through `probe`, which is a pool of sqlx or an implementation of one's own.
    pub fn new(probe: P) -> Self {
        Self { probe, expected: None, acquire_timeout: ACQUIRE_TIMEOUT, clock: Clock::system() }
    }

    /// Fails when the server has another role.
    #[must_use]
    pub fn expect(mut self, role: PostgresRole) -> Self {
        self.expected = Some(role);
        self
    }

    /// How long the pool may take to give a connection; at least a second less than the check's timeout. Default: 1 s.
    #[must_use]
    pub fn acquire_timeout(mut self, acquire_timeout: Duration) -> Self {
        self.acquire_timeout = acquire_timeout;
        self
    }

    async fn acquire(&self) -> Result<P::Connection, CheckFailure> {
        match timeout(self.acquire_timeout, self.probe.acquire()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(PostgresError::PoolTimedOut)) | Err(_) => Err(self.why_no_connection().await),
            Ok(Err(error)) => Err(failure_of(error)),
        }
    }

    async fn why_no_connection(&self) -> CheckFailure {
        let pool = self.probe.pool();
        let full = pool.filter(|pool| is_full(*pool));
        // A pool that is not full was opening a connection: doing the same shows the error that it hides.
        if full.is_none()
            && let Ok(Some(error)) = timeout(LOGIN_TIMEOUT, self.probe.hidden_error()).await
        {
            return failure_of(error);
        }
        let Some(server) = self.probe.server() else {
            return match full {
                // A pool of one looks the same while it tries to connect.
                Some(pool) if pool.max > 1 => pool_exhausted(pool),
                _ => CheckFailure::new("acquire_timeout", "the pool gave no connection in time"),
            };
        };
        match timeout(GREETING_TIMEOUT, greet(&server)).await {
            Err(_) => CheckFailure::new("unreachable", "the server accepts no connection or stays silent on it"),
            Ok(Err(error)) => CheckFailure::new("unreachable", "the server cannot be reached").with_source(error),
            Ok(Ok(Greeting::Refused { sqlstate, message })) => refused(&sqlstate, &message),
            Ok(Ok(Greeting::Welcome)) => match full {
                Some(pool) => pool_exhausted(pool),
                None => CheckFailure::new("acquire_slow", "the server works, but the pool gave no connection in time"),
            },
        }
    }

    fn judge(&self, role: &str) -> Result<&'static str, CheckFailure> {
        let (role, writable) = match role {
            "false off" => ("primary", true),
            "false on" => ("primary", false),
            "true on" | "true off" => ("replica", false),
            _ => return Err(CheckFailure::new("query_failed", "the server does not say what its role is")),
        };
        match self.expected {
            Some(PostgresRole::Primary) if !writable => {
                Err(CheckFailure::new("read_only", format_args!("a primary is expected; this {role} refuses writes")))
            }
            Some(PostgresRole::Replica) if role == "primary" => {
                Err(CheckFailure::new("not_a_replica", "a replica is expected; this is a primary"))
            }
            _ => Ok(role),
        }
    }
}

impl<P: PostgresProbe> HealthCheck for PostgresCheck<P> {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        let began = self.clock.now();
        let mut connection = self.acquire().await?;
        let acquired_after = self.clock.now().saturating_duration_since(began);
        let answer = self.probe.query(&mut connection, QUERY).await.map_err(failure_of)?;
        let role = self.judge(&answer)?;
        let mut report = CheckReport::healthy().with_data("role", role).with_data("acquire_seconds", acquired_after);
        if let Some(pool) = self.probe.pool() {
            report = report
                .with_data("pool_size", pool.size)
                .with_data("pool_idle", pool.idle)
                .with_data("pool_max", pool.max);
        }
        Ok(report)
    }

    fn defaults(&self) -> CheckOptions {
        CheckOptions::new()
            .interval(Duration::from_secs(10))
            .timeout(Duration::from_secs(2))
            .failure_threshold(3)
            .recovery_threshold(2)
            .severity(Severity::Critical)
            .dependency("postgres")
    }

    fn use_clock(&mut self, clock: &Clock) {
        self.clock = clock.clone();
    }
}

const fn is_full(pool: PoolState) -> bool {
    pool.idle == 0 && pool.size >= pool.max
}

fn pool_exhausted(pool: PoolState) -> CheckFailure {
    CheckFailure::new("pool_exhausted", format_args!("all {} connections of the pool are in use", pool.max))
}

fn failure_of(error: PostgresError) -> CheckFailure {
    let (reason, message) = match &error {
        PostgresError::Server { sqlstate, message } => return refused(sqlstate, message),
        PostgresError::PoolTimedOut => ("acquire_timeout", "the pool gave no connection in time"),
        PostgresError::PoolClosed => ("pool_closed", "the service has closed its pool"),
        PostgresError::Unreachable(_) => ("unreachable", "the server cannot be reached, or the connection broke"),
        PostgresError::Tls(_) => ("tls", "no TLS connection as the pool's settings ask for"),
        PostgresError::Other(_) => ("query_failed", "the query failed"),
    };
    CheckFailure::new(reason, message).with_source(error)
}

/// By SQLSTATE, appendix A of PostgreSQL's manual.
fn refused(sqlstate: &str, message: &str) -> CheckFailure {
    let reason = match sqlstate {
        "28000" | "28P01" => "auth",
        // The server has one state for both; its text is the only difference.
        "57P03" if message.contains("shutting down") => "shutting_down",
        "57P03" => "starting_up",
        "57P01" | "57P02" => "shutting_down",
        "53300" => "too_many_connections",
        "53100" => "disk_full",
        "57014" => "query_timeout",
        "3D000" => "unknown_database",
        "25006" => "read_only",
        _ => "server_error",
    };
    CheckFailure::new(reason, format_args!("{message} (SQLSTATE {sqlstate})"))
}
