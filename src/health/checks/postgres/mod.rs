//! Whether PostgreSQL works for this service: through its own pool, without a connection of the check's own.

mod failure;
mod pooler;
mod query;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::timeout;

use crate::clock::Clock;
use crate::error::InvalidValue;
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck, Severity};
use crate::store::postgres::{FromUrl, Greeting, PoolState, PostgresError, PostgresProbe, PostgresServer, greet};
use failure::{failure_of, pool_exhausted, refused, unreachable};
use pooler::ANSWER_TIMEOUT;
pub use query::PostgresRole;
use query::{REPLICATION, ROLE, ROLE_BEHIND_POOLER, Replication, SPILL, Standing};

/// Takes a connection from the service's own pool and asks the server for its role.
///
/// Every query has a limit on the server, so none is left running; it is one message of the simple protocol and thus one
/// transaction, also behind a pooler, names no statement and leaves nothing behind on the connection. Only if the pool
/// gives no connection does the check speak to the server directly, to tell a full pool from a server that is down or
/// lets nobody in: by the first message of the protocol, and by a login if the pool has room for one.
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
/// | `too_many_connections` | the server, or a pooler before it, has no place left |
/// | `pool_exhausted` | the server works; every connection of the pool is in use |
/// | `acquire_slow` | the server works and the pool is not full, but gave no connection in time |
/// | `acquire_timeout` | the pool gave no connection in time, and why cannot be known |
/// | `pool_closed` | the service has closed its pool |
/// | `pooler_queue_timeout` | the pooler works and gave no connection of the server in time: all are in use, or hang |
/// | `pooler_up_backend_down` | the pooler works and cannot reach the server |
/// | `query_timeout` | the server did not answer the query in time |
/// | `disk_full` | the server says so: see [`write_temporary`](Self::write_temporary) |
/// | `unknown_database` | the database does not exist |
/// | `read_only` | a primary was expected, and writes are refused |
/// | `not_a_replica` | a replica was expected |
/// | `replica_lag` | the replica is further behind than [`max_lag`](Self::max_lag) allows |
/// | `replication_stopped` | the same, and no primary sends it anything |
/// | `server_error` | any other error of the server |
/// | `query_failed` | any other error of the driver |
///
/// With the feature `sqlx-0_9` (or `sqlx-0_8`, `deadpool-postgres-0_14`): `PostgresCheck::new(pool.clone())`. With
/// another driver: implement [`PostgresProbe`]. Without a pool: `PostgresCheck::<PgPool>::from_url("postgres://…")`.
#[derive(Debug)]
pub struct PostgresCheck<P> {
    probe: P,
    server: Option<PostgresServer>,
    expected: Option<PostgresRole>,
    max_lag: Option<Duration>,
    spill: Spill,
    path: Path,
    acquire_timeout: Duration,
    clock: Clock,
}

/// What stands between the service and its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Direct,
    Pooler,
}

/// Whether a run writes a temporary file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spill {
    Never,
    EachRun,
}

/// With the two below less than the usual timeout, so that the reason is found before the run is aborted.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
/// Enough for logging in to a server that is not on another continent; the greeting decides where it is not.
const LOGIN_TIMEOUT: Duration = Duration::from_millis(300);
/// A server that works greets within two round trips; one that is frozen accepts connections and stays silent.
const GREETING_TIMEOUT: Duration = Duration::from_millis(300);

impl<P: FromUrl> PostgresCheck<P> {
    /// A check with a pool of its own, of one connection that is kept: for a server that the service has no pool of. Which
    /// driver it is of is said by its type: `PostgresCheck::<sqlx::PgPool>::from_url(…)`.
    ///
    /// # Errors
    /// When `url` is not one that the driver understands. The error shows its scheme and host.
    pub fn from_url(url: &str) -> Result<Self, InvalidValue> {
        P::from_url(url).map(Self::new)
    }
}

impl<P: PostgresProbe> PostgresCheck<P> {
    /// A check through `probe`, which is a pool of sqlx or deadpool, or an implementation of one's own.
    pub fn new(probe: P) -> Self {
        Self {
            probe,
            server: None,
            expected: None,
            max_lag: None,
            spill: Spill::Never,
            path: Path::Direct,
            acquire_timeout: ACQUIRE_TIMEOUT,
            clock: Clock::system(),
        }
    }

    /// Says where the pool connects to, for pools that do not tell (those of deadpool): else a full pool hides that its
    /// server is down, and a server that hangs is `acquire_timeout`.
    #[must_use]
    pub fn server(mut self, server: PostgresServer) -> Self {
        self.server = Some(server);
        self
    }

    /// Fails when the server has another role. Default: any will do.
    #[must_use]
    pub fn expect(mut self, role: PostgresRole) -> Self {
        self.expected = Some(role);
        self
    }

    /// Fails when the server is a replica whose data may be older than `limit`. Default: its age is not asked for.
    ///
    /// A replica that has replayed all that it was sent is not behind, however long its primary has had nothing to say;
    /// one that nobody sends anything is as old as what it replayed last. What is on its way from the primary is not
    /// seen, and that a primary hangs only after the replica's `wal_receiver_timeout`. (Aurora's readers do not know these functions and give `server_error`.)
    #[must_use]
    pub fn max_lag(mut self, limit: Duration) -> Self {
        self.max_lag = Some(limit);
        self
    }

    /// Lets each run write a temporary file of 280 kB on the server, which removes it at once: a server whose disk is full
    /// answers queries that only read, so without this `disk_full` is seldom seen. Works on replicas too, needs no
    /// rights, and counts in `pg_stat_database.temp_files`. Default: nothing is written.
    #[must_use]
    pub fn write_temporary(mut self) -> Self {
        self.spill = Spill::EachRun;
        self
    }

    /// Says that the pool connects to PgBouncer, RDS Proxy or the like, which answers for itself while the server behind
    /// it is down. When no connection or no answer comes, the check then finds out which of the two it is.
    ///
    /// PgBouncer lets a query wait for a server that hangs as it does for one that is busy, so both are
    /// `pooler_queue_timeout`.
    #[must_use]
    pub fn behind_pooler(mut self) -> Self {
        self.path = Path::Pooler;
        self
    }

    /// How long the pool may take to give a connection; at least a second less than the check's timeout. Default: 1 s.
    #[must_use]
    pub fn acquire_timeout(mut self, acquire_timeout: Duration) -> Self {
        self.acquire_timeout = acquire_timeout;
        self
    }

    fn address(&self) -> Option<PostgresServer> {
        self.server.clone().or_else(|| self.probe.server())
    }

    async fn acquire(&self) -> Result<P::Connection, CheckFailure> {
        match timeout(self.acquire_timeout, self.probe.acquire()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(PostgresError::PoolTimedOut)) | Err(_) => Err(match self.path {
                Path::Direct => self.why_no_connection().await,
                Path::Pooler => self.why_no_connection_of_pooler().await,
            }),
            Ok(Err(error)) => Err(failure_of(error)),
        }
    }

    async fn why_no_connection(&self) -> CheckFailure {
        let full = self.full_pool();
        // A pool that is not full was opening a connection: doing the same shows the error that it hides.
        if full.is_none()
            && let Ok(Some(Err(error))) = timeout(LOGIN_TIMEOUT, self.probe.beside(None)).await
        {
            return failure_of(error);
        }
        let Some(server) = self.address() else {
            return match full {
                // A pool of one looks the same while it tries to connect.
                Some(pool) if pool.max > 1 => pool_exhausted(pool),
                _ => CheckFailure::new("acquire_timeout", "the pool gave no connection in time"),
            };
        };
        match timeout(GREETING_TIMEOUT, greet(&server)).await {
            Err(_) => unreachable(),
            Ok(Err(error)) => unreachable().with_source(error),
            Ok(Ok(Greeting::Refused { sqlstate, message })) => refused(&sqlstate, &message),
            Ok(Ok(Greeting::Welcome)) => match full {
                Some(pool) => pool_exhausted(pool),
                None => CheckFailure::new("acquire_slow", "the server works, but the pool gave no connection in time"),
            },
        }
    }

    /// The pool, if each of its connections is in use.
    fn full_pool(&self) -> Option<PoolState> {
        self.probe.pool().filter(|pool| pool.idle == 0 && pool.size >= pool.max)
    }

    async fn ask_for_role(&self, mut connection: P::Connection) -> Result<(Standing, P::Connection), CheckFailure> {
        let answer = match self.path {
            Path::Direct => self.query(&mut connection, ROLE).await?,
            Path::Pooler => match timeout(ANSWER_TIMEOUT, self.query(&mut connection, ROLE_BEHIND_POOLER)).await {
                Ok(answer) => answer?,
                Err(_) => {
                    // Given back before another is asked for: a pool may have but one.
                    drop(connection);
                    return Err(self.why_no_answer().await);
                }
            },
        };
        Ok((Standing::read(&answer)?, connection))
    }

    async fn query(&self, connection: &mut P::Connection, sql: &'static str) -> Result<String, CheckFailure> {
        self.probe.query(connection, sql).await.map_err(failure_of)
    }
}

impl<P: PostgresProbe> HealthCheck for PostgresCheck<P> {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        let began = self.clock.now();
        let connection = self.acquire().await?;
        let acquired_after = self.clock.now().saturating_duration_since(began);
        let (standing, mut connection) = self.ask_for_role(connection).await?;
        standing.judge(self.expected)?;
        let mut report =
            CheckReport::healthy().with_data("role", standing.word()).with_data("acquire_seconds", acquired_after);
        if let Some(pool) = self.probe.pool() {
            report = report
                .with_data("pool_size", pool.size)
                .with_data("pool_idle", pool.idle)
                .with_data("pool_max", pool.max);
        }
        if let (Some(limit), PostgresRole::Replica) = (self.max_lag, standing.role) {
            let answer = self.query(&mut connection, REPLICATION).await?;
            report = Replication::read(&answer)?.judge(limit, report)?;
        }
        if self.spill == Spill::EachRun {
            self.query(&mut connection, SPILL).await?;
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
            .dependency("database")
    }

    fn use_clock(&mut self, clock: &Clock) {
        self.clock = clock.clone();
    }
}
