//! One connection to PostgreSQL that belongs to monitoring alone.

use super::PostgresError;
use crate::error::InvalidValue;

/// What the connections of this crate are called in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "aistm7-monitoring";

/// A single connection, opened from a URL, for what is asked of a server beside the service's own pool. Implemented for
/// `PgConnection` by the features `sqlx-0_8` and `sqlx-0_9`, for tokio-postgres' `Client` by `deadpool-postgres-0_14`
/// (without TLS: a server that asks for it needs sqlx, or an implementation of one's own).
pub trait PostgresSession: Sized + Send + 'static {
    /// Whether the driver understands a URL, without connecting.
    ///
    /// # Errors
    /// When it does not. The error shows the URL's scheme and host.
    fn check_url(url: &str) -> Result<(), InvalidValue>;

    /// Opens a connection under this name.
    ///
    /// # Errors
    /// When there is none to be had.
    ///
    /// # Cancellation
    /// Dropped when it takes too long.
    fn open(url: &str, application_name: &'static str) -> impl Future<Output = Result<Self, PostgresError>> + Send;

    /// Sends `sql`, several statements, as one message of the simple protocol (so that it is one transaction, also behind
    /// a transaction pooler), and gives the first column of the first row that comes as text; `None` without a row, and
    /// for null. `sql` is made by this crate, of its own words, numbers and quoted names.
    ///
    /// # Errors
    /// When the server or the connection fails.
    ///
    /// # Cancellation
    /// The session is not used again.
    fn simple_query(&mut self, sql: &str) -> impl Future<Output = Result<Option<String>, PostgresError>> + Send;
}
