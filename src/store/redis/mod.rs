//! What a check asks of Redis and Valkey.

mod connection;
mod info;

pub use connection::RedisConnection;
pub(crate) use info::{fields, parts};

use super::DriverError;

/// A connection to Redis, as a check needs it. Implemented for `ConnectionManager` and `MultiplexedConnection` by the
/// feature `redis-1`, and for [`RedisConnection`], which needs no driver.
///
/// ```
/// use aistm7_monitoring::store::redis::{RedisError, RedisProbe};
/// # mod driver {
/// #     pub struct Client;
/// #     impl Client { pub async fn send(&self, _: &[&str]) -> Result<String, String> { Ok("PONG".to_owned()) } }
/// # }
///
/// struct Client(driver::Client);
///
/// impl RedisProbe for Client {
///     async fn command(&self, command: &[&str]) -> Result<String, RedisError> {
///         self.0.send(command).await.map_err(|error| RedisError::of_server_text(&error))
///     }
/// }
/// ```
pub trait RedisProbe: Send + Sync + 'static {
    /// Sends one command, such as `["PING"]`, and gives its answer: a simple or a bulk string as it is, an array with each
    /// of its elements on a line (only the checks of Sentinel and of what may not be saved ask for one).
    ///
    /// # Errors
    /// When the server answers with an error, or there is no answer.
    ///
    /// # Cancellation
    /// Dropped when it takes too long; later commands must not get this one's answer.
    fn command(&self, command: &[&str]) -> impl Future<Output = Result<String, RedisError>> + Send;
}

/// What went wrong between a client and its server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// The server cannot be reached, does not answer, or the connection broke.
    #[error("the server cannot be reached")]
    Unreachable(#[source] DriverError),
    /// The server refuses the password or the user while connecting.
    #[error("the server refuses the credentials")]
    Unauthenticated(#[source] DriverError),
    /// The server answered with an error.
    #[error("the server answers with {code}")]
    Server {
        /// The first word of the error, such as `LOADING`.
        code: String,
    },
    /// Anything else.
    #[error("the driver failed")]
    Other(#[source] DriverError),
}

impl RedisError {
    /// The error that a server's text means: `LOADING Redis is loading the dataset in memory`. A leading `-` is ignored.
    pub fn of_server_text(text: &str) -> Self {
        let code = text.trim_start_matches('-').split_whitespace().next().unwrap_or_default();
        Self::Server { code: code.to_owned() }
    }
}
