//! What a check asks of PostgreSQL.

mod greeting;
#[cfg(any(feature = "database", feature = "deadpool-postgres-0_14", feature = "sqlx-0_8", feature = "sqlx-0_9"))]
mod literal;
mod session;

use std::path::PathBuf;

pub(crate) use greeting::{Greeting, greet, knock};
#[cfg(any(feature = "database", feature = "deadpool-postgres-0_14", feature = "sqlx-0_8", feature = "sqlx-0_9"))]
pub(crate) use literal::literal;
pub use session::{APPLICATION_NAME, PostgresSession};

use super::DriverError;
use crate::error::InvalidValue;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "sqlx-0_8", feature = "sqlx-0_9"))]
use crate::redact::scrub_url;

/// A pool of connections to PostgreSQL, as a check needs it. Implemented for `PgPool` by the features `sqlx-0_8` and
/// `sqlx-0_9`, for `Pool` by the feature `deadpool-postgres-0_14`.
///
/// ```
/// use aistm7_monitoring::store::postgres::{PostgresError, PostgresProbe};
/// # mod driver {
/// #     pub struct Pool;
/// #     pub struct Connection;
/// #     #[derive(Debug)] pub struct Error;
/// #     impl std::fmt::Display for Error { fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { Ok(()) } }
/// #     impl std::error::Error for Error {}
/// #     impl Pool { pub async fn get(&self) -> Result<Connection, Error> { Ok(Connection) } }
/// #     impl Connection { pub async fn simple_query_text(&mut self, _: &str) -> Result<String, Error> { Ok(String::new()) } }
/// # }
///
/// struct Pool(driver::Pool);
///
/// impl PostgresProbe for Pool {
///     type Connection = driver::Connection;
///
///     async fn acquire(&self) -> Result<Self::Connection, PostgresError> {
///         self.0.get().await.map_err(|error| PostgresError::Unreachable(error.into()))
///     }
///
///     async fn query(&self, connection: &mut Self::Connection, sql: &'static str) -> Result<String, PostgresError> {
///         connection.simple_query_text(sql).await.map_err(|error| PostgresError::Other(error.into()))
///     }
/// }
/// ```
pub trait PostgresProbe: Send + Sync + 'static {
    /// A connection taken from the pool, given back when dropped.
    type Connection: Send;

    /// Takes a connection as the service's own code would.
    ///
    /// # Errors
    /// When there is none.
    ///
    /// # Cancellation
    /// Dropped when it takes too long; no connection may be lost by that.
    fn acquire(&self) -> impl Future<Output = Result<Self::Connection, PostgresError>> + Send;

    /// Sends `sql`, several statements, as one message of the simple protocol (so that it is one transaction, also
    /// behind a transaction pooler), and gives the first column of the last statement's first row as text.
    ///
    /// # Errors
    /// When the server or the connection fails.
    fn query(
        &self,
        connection: &mut Self::Connection,
        sql: &'static str,
    ) -> impl Future<Output = Result<String, PostgresError>> + Send;

    /// Opens a connection beside the pool, as the pool does, sends `sql` on it if there is any (as
    /// [`query`](Self::query) does), and closes it: for pools that hide behind their timeout why they could not open one.
    /// `None` when the driver cannot.
    ///
    /// Only asked for when the pool gave no connection, or a pooler no answer.
    ///
    /// # Cancellation
    /// Dropped when it takes too long.
    fn beside(&self, sql: Option<&'static str>) -> impl Future<Output = Option<Result<(), PostgresError>>> + Send {
        let _ = sql;
        std::future::ready(None)
    }

    /// How full the pool is now, if that can be known.
    fn pool(&self) -> Option<PoolState> {
        None
    }

    /// Where the pool connects to, if that can be known. Only used when no connection or no answer could be had, to tell
    /// a server that works from one that is down.
    fn server(&self) -> Option<PostgresServer> {
        None
    }
}

/// A pool that can be made from nothing but a URL, for a check of a server that the service has no pool of.
pub trait FromUrl: PostgresProbe + Sized {
    /// A pool of one connection, which is opened when it is first asked for.
    ///
    /// # Errors
    /// When `url` is no URL that the driver understands. The error does not show it.
    fn from_url(url: &str) -> Result<Self, InvalidValue>;
}

/// The error of a URL that a driver does not understand.
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "sqlx-0_8", feature = "sqlx-0_9"))]
pub(super) fn invalid_url(url: &str) -> InvalidValue {
    InvalidValue::new("PostgreSQL URL", scrub_url(url), "such as postgres://user:password@host:5432/database")
}

/// How full a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// Connections that are open or being opened.
    pub size: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// The most that the pool opens.
    pub max: u32,
}

/// Where a pool connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresServer {
    /// The address.
    pub address: PostgresAddress,
    /// The user name that the pool logs in with.
    pub user: String,
    /// The database, if it is not named after the user.
    pub database: Option<String>,
}

/// The address of a PostgreSQL server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostgresAddress {
    /// A host name or an address, and a port.
    Tcp(String, u16),
    /// The socket itself, such as `/run/postgresql/.s.PGSQL.5432`.
    Unix(PathBuf),
}

impl PostgresAddress {
    /// The address of a host as PostgreSQL writes them: one that begins with `/` is the directory of a socket.
    pub fn of_host(host: &str, port: u16) -> Self {
        if host.starts_with('/') { Self::in_directory(host, port) } else { Self::Tcp(host.to_owned(), port) }
    }

    /// The socket in a directory.
    pub fn in_directory(directory: impl Into<PathBuf>, port: u16) -> Self {
        Self::Unix(directory.into().join(format!(".s.PGSQL.{port}")))
    }
}

/// What went wrong between a pool and its server, sorted as far as the driver can tell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// No connection in time. Drivers say so of a full pool and of a server that is down alike.
    #[error("the pool gave no connection in time")]
    PoolTimedOut,
    /// The service has closed the pool.
    #[error("the pool is closed")]
    PoolClosed,
    /// The server cannot be reached, or the connection broke.
    #[error("the server cannot be reached")]
    Unreachable(#[source] DriverError),
    /// No TLS connection as the settings ask for.
    #[error("TLS failed")]
    Tls(#[source] DriverError),
    /// The server answered with an error.
    #[error("the server answers with SQLSTATE {sqlstate}: {message}")]
    Server {
        /// The five characters of its SQLSTATE.
        sqlstate: String,
        /// Its text.
        message: String,
    },
    /// Anything else.
    #[error("the driver failed")]
    Other(#[source] DriverError),
}
