//! Who asks for the report, and does of it what it is told to.

use std::marker::PhantomData;
use std::time::Duration;

use super::query;
use super::relation::Relation;
use super::report::{MaintenanceReport, StaleStatistics};
use crate::clock::Clock;
use crate::database::postgres::message;
use crate::error::InvalidValue;
use crate::redact::Secret;
use crate::store::postgres::{APPLICATION_NAME, PostgresError, PostgresSession};

/// How old the statistics of a table that changes may be, unless [`Maintenance::stale_after`] says otherwise: the guide
/// makes them anew each week.
pub const DEFAULT_STALE_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// Chosen: for a report that a person or a weekly job waits for, on many thousand tables.
const DEFAULT_STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// Looks at a PostgreSQL database once a week or whenever a person wants to know, over a connection that is opened for it.
///
/// The role sees its own tables and, with `pg_monitor`, how all are used. A report changes nothing.
///
/// ```no_run
/// # #[cfg(feature = "sqlx-0_9")]
/// # async fn weekly() -> Result<(), Box<dyn std::error::Error>> {
/// use aistm7_monitoring::database::maintenance::Maintenance;
/// use sqlx_0_9::PgConnection;
///
/// let maintenance = Maintenance::<PgConnection>::from_url("postgres://monitoring@db/trading")?;
/// let report = maintenance.report().await?;
/// print!("{report}"); // SQL for a person: ANALYZE, REINDEX, DROP INDEX, VACUUM
/// let analyzed = maintenance.analyze(&report.stale_statistics).await?; // only because it is asked for
/// # let _ = analyzed;
/// # Ok(())
/// # }
/// # fn main() {}
/// ```
#[derive(Debug)]
#[must_use = "it looks at nothing unless asked for a report"]
pub struct Maintenance<S> {
    url: Secret<String>,
    stale_after: Duration,
    statement_timeout: Duration,
    clock: Clock,
    session: PhantomData<fn() -> S>,
}

/// Why a database could not be looked at or be helped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaintenanceError {
    /// The server or the connection failed.
    #[error("the database could not be asked")]
    Postgres(#[from] PostgresError),
    /// The server's answer is none of PostgreSQL's.
    #[error("the server answered what PostgreSQL does not: is it PostgreSQL 13 or later?")]
    Unreadable,
    /// A table could not be analyzed; those before it were.
    #[error("{table} could not be analyzed")]
    Analyze {
        /// The table.
        table: Relation,
        /// What the server said.
        source: PostgresError,
    },
    /// The server does not let the role analyze a table, and skipped it; those before it were analyzed.
    #[error(
        "{table} was not analyzed: the role owns neither it nor the database, and has no MAINTAIN on it (PostgreSQL 17)"
    )]
    NotPermitted {
        /// The table.
        table: Relation,
    },
}

/// A table that was analyzed, and how long that took.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Analyzed {
    /// The table.
    pub table: Relation,
    /// How long it took.
    pub took: Duration,
}

impl<S: PostgresSession> Maintenance<S> {
    /// For the database of this URL.
    ///
    /// # Errors
    /// When the driver does not understand the URL. The error shows its scheme and host.
    pub fn from_url(url: impl Into<String>) -> Result<Self, InvalidValue> {
        let url = url.into();
        S::check_url(&url)?;
        Ok(Self {
            url: Secret::new(url),
            stale_after: DEFAULT_STALE_AFTER,
            statement_timeout: DEFAULT_STATEMENT_TIMEOUT,
            clock: Clock::system(),
            session: PhantomData,
        })
    }

    /// How old the statistics of a table that changes may be. Default: [`DEFAULT_STALE_AFTER`].
    pub fn stale_after(self, stale_after: Duration) -> Self {
        Self { stale_after, ..self }
    }

    /// After which time the server gives a statement up, each `ANALYZE` too. Default: 1 min.
    pub fn statement_timeout(self, statement_timeout: Duration) -> Self {
        Self { statement_timeout, ..self }
    }

    /// The source of time, by which [`Analyzed::took`] is measured. Default: the machine's.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// What the database needs. Reads the catalogue and the statistics, locks nothing, changes nothing.
    ///
    /// # Errors
    /// When there is no connection, the server refuses, or does not answer as PostgreSQL does.
    ///
    /// # Cancellation
    /// Drops the connection; the server gives the query up by its limit.
    pub async fn report(&self) -> Result<MaintenanceReport, MaintenanceError> {
        let mut session = self.open().await?;
        let question = message(&query::report(self.stale_after), self.statement_timeout);
        let answer = session.simple_query(&question).await?;
        answer.as_deref().and_then(MaintenanceReport::read).ok_or(MaintenanceError::Unreadable)
    }

    /// Runs `ANALYZE` on these tables, one after the other: the one thing here that changes a database, and only what is
    /// named. The role must own the tables or the database, or from PostgreSQL 17 have `pg_maintain`.
    ///
    /// # Errors
    /// At the first table that the server refuses or skips, or whose limit is over.
    ///
    /// # Cancellation
    /// Drops the connection; the tables before the present one are analyzed.
    pub async fn analyze(&self, stale: &[StaleStatistics]) -> Result<Vec<Analyzed>, MaintenanceError> {
        let mut session = self.open().await?;
        let mut analyzed = Vec::with_capacity(stale.len());
        for StaleStatistics { table, .. } in stale {
            let began = self.clock.now();
            let refused = |source| MaintenanceError::Analyze { table: table.clone(), source };
            let statement = query::analyze(table, self.statement_timeout);
            if session.simple_query(&statement).await.map_err(refused)?.as_deref() == Some("false") {
                return Err(MaintenanceError::NotPermitted { table: table.clone() });
            }
            analyzed.push(Analyzed { table: table.clone(), took: self.clock.now().saturating_duration_since(began) });
        }
        Ok(analyzed)
    }

    async fn open(&self) -> Result<S, PostgresError> {
        S::open(self.url.expose(), APPLICATION_NAME).await
    }
}
