//! What a service sets of what is collected of a server.

use std::marker::PhantomData;
use std::time::Duration;

use tokio::runtime::Handle;

use super::collector::FactsCollector;
use super::metrics::Metrics;
use crate::clock::Clock;
use crate::error::{InvalidValue, check_name};
use crate::metrics::{CollectorError, CollectorOptions, LabelValue, Meter, Scope};
use crate::redact::Secret;
use crate::store::postgres::PostgresSession;

/// Chosen: what a person who looks at a locked database waits for; the server is asked seven short questions.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
/// Chosen: tables, indexes and statements change slowly, and looking at all of them is the larger part of the work.
const DEFAULT_SLOW_INTERVAL: Duration = Duration::from_secs(300);
/// Chosen: more than any of the queries takes on a thousand indexes, and less than hurts.
const DEFAULT_STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);
/// Chosen: with the two below some three hundred series, which replicas can share.
const DEFAULT_TABLES: u16 = 10;
const DEFAULT_INDEXES: u16 = 20;
const DEFAULT_STATEMENTS: u16 = 10;

/// What is collected of a PostgreSQL server, over one connection of its own and never over one of the service's pool;
/// given to [`Database::collect`](crate::database::Database::collect).
///
/// The connection is called `aistm7-monitoring` in `pg_stat_activity`, stays open, and speaks the simple protocol, one
/// transaction a message, so it may go through a pooler. Every query has a limit on the server. A server that does not
/// answer is left alone, ever longer up to ten minutes. Which driver connects is said by the type, such as
/// `PostgresFacts::<sqlx::PgConnection>`.
///
/// Facts of a server are the same from wherever it is asked, so of several replicas the holder of a lease asks
/// ([`MonitoringBuilder::lease`](crate::monitoring::MonitoringBuilder::lease)) and all show it.
///
/// The role needs nothing but to log in. What it may not see is left out, never shown as 0, and `db_facts_partial` is 1
/// for its section; `GRANT pg_monitor TO` it for everything.
#[derive(Debug)]
#[must_use = "facts are collected once a database is given them"]
pub struct PostgresFacts<S> {
    pub(super) url: Secret<String>,
    pub(super) interval: Duration,
    pub(super) slow_interval: Duration,
    pub(super) statement_timeout: Duration,
    pub(super) tables: u16,
    pub(super) indexes: u16,
    pub(super) statements: u16,
    scope: Scope,
    session: PhantomData<fn() -> S>,
}

impl<S: PostgresSession> PostgresFacts<S> {
    /// Facts of the server and database of this URL.
    ///
    /// # Errors
    /// When the driver does not understand the URL. The error shows its scheme and host.
    pub fn from_url(url: impl Into<String>) -> Result<Self, InvalidValue> {
        let url = url.into();
        S::check_url(&url)?;
        Ok(Self {
            url: Secret::new(url),
            interval: DEFAULT_INTERVAL,
            slow_interval: DEFAULT_SLOW_INTERVAL,
            statement_timeout: DEFAULT_STATEMENT_TIMEOUT,
            tables: DEFAULT_TABLES,
            indexes: DEFAULT_INDEXES,
            statements: DEFAULT_STATEMENTS,
            scope: Scope::Shared,
            session: PhantomData,
        })
    }

    /// The least time between two rounds; a round is made when somebody scrapes. Default: 30 s.
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// The least time between two looks at tables, indexes, statements and sizes. Default: 5 min.
    pub fn slow_interval(self, slow_interval: Duration) -> Self {
        Self { slow_interval, ..self }
    }

    /// After which time the server gives a query up. Default: 2 s.
    pub fn statement_timeout(self, statement_timeout: Duration) -> Self {
        Self { statement_timeout, ..self }
    }

    /// How many tables have series of their own: the largest and the most used, chosen once a day. Default: 10. Each is
    /// sixteen series. Some hundreds of tables and indexes are too much for replicas to share (256 KiB): only the one that
    /// asks shows them then, its run counts as failed, and [`scope`](Self::scope) is the remedy.
    pub fn tables(self, tables: u16) -> Self {
        Self { tables, ..self }
    }

    /// How many indexes have series of their own: invalid ones, the largest and the most used, chosen once a day. Default:
    /// 20. Each is three series.
    pub fn indexes(self, indexes: u16) -> Self {
        Self { indexes, ..self }
    }

    /// How many statements of `pg_stat_statements` have series of their own: those that took the most time. Default: 10.
    /// Each is four series.
    pub fn statements(self, statements: u16) -> Self {
        Self { statements, ..self }
    }

    /// Whether each replica asks, or one of them for all. Default: [`Scope::Shared`], since the server says the same to
    /// all.
    pub fn scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    pub(in crate::database) fn collect(
        self,
        database: &'static str,
        meter: &Meter,
        clock: &Clock,
    ) -> Result<(), CollectorError> {
        check_name("database", database)?;
        let name = format!("postgres-{database}");
        let runtime = Handle::try_current().map_err(|_| CollectorError::NoRuntime { name: name.clone() })?;
        let metrics = Metrics::register(meter)?;
        let options = CollectorOptions::new().interval(self.interval).unawaited().scope(self.scope);
        let collector = FactsCollector::new(LabelValue::from(database), self, metrics, clock.clone(), runtime);
        meter.collector_with(&name, collector, options)
    }
}
