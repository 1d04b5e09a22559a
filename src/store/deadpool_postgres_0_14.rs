//! The probe and the leases for the pools of deadpool-postgres 0.14.

use std::error::Error as _;
use std::io;

use deadpool_postgres_0_14::tokio_postgres::{self, Error, NoTls, SimpleQueryMessage, SimpleQueryRow};
use deadpool_postgres_0_14::{Client, Config, Pool, PoolError, Runtime, TimeoutType};

use super::lease::postgres::{standing_of, statement_of};
use super::lease::{Bid, LeaseError, LeaseStore, Standing};
use super::postgres::{FromUrl, PoolState, PostgresError, PostgresProbe, PostgresSession, invalid_url};
use crate::error::InvalidValue;

/// Does not know its server's address, which a pool keeps to itself, and cannot connect beside the pool.
impl PostgresProbe for Pool {
    /// `None` once a query on it was dropped.
    type Connection = Option<Client>;

    async fn acquire(&self) -> Result<Self::Connection, PostgresError> {
        self.get().await.map(Some).map_err(|error| match error {
            PoolError::Backend(error) => sorted(error),
            PoolError::Timeout(TimeoutType::Wait | TimeoutType::Recycle) => PostgresError::PoolTimedOut,
            PoolError::Timeout(TimeoutType::Create) => PostgresError::Unreachable(error.into()),
            PoolError::Closed => PostgresError::PoolClosed,
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => PostgresError::Other(error.into()),
        })
    }

    async fn query(&self, connection: &mut Self::Connection, sql: &'static str) -> Result<String, PostgresError> {
        let messages = simple_query(connection, sql).await?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.try_get(0).ok().flatten(),
            _ => None,
        });
        let last = rows.last().ok_or_else(|| PostgresError::Other("the query gave no row".into()))?;
        Ok(last.to_owned())
    }

    fn pool(&self) -> Option<PoolState> {
        let status = self.status();
        // Nobody configures a pool that this does not fit.
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Some(PoolState { size: count(status.size), idle: count(status.available), max: count(status.max_size) })
    }
}

impl LeaseStore for Pool {
    async fn bid(&self, bid: Bid) -> Result<Standing, LeaseError> {
        let mut connection = self.acquire().await?;
        let messages = simple_query(&mut connection, &statement_of(&bid)).await?;
        let row = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let cells = |row: &SimpleQueryRow| {
            let cell = |index: usize| row.try_get(index).map(|text: Option<&str>| text.map(str::to_owned));
            Ok((cell(0)?.unwrap_or_default(), cell(1)?, cell(2)?))
        };
        standing_of(row.map(cells).transpose().map_err(sorted)?)
    }
}

/// The driver's half that reads and writes is a task of the runtime, which ends with the client.
impl PostgresSession for tokio_postgres::Client {
    fn check_url(url: &str) -> Result<(), InvalidValue> {
        url.parse::<tokio_postgres::Config>().map(drop).map_err(|_| invalid_url(url))
    }

    async fn open(url: &str, application_name: &'static str) -> Result<Self, PostgresError> {
        let mut config: tokio_postgres::Config = url.parse().map_err(sorted)?;
        let (client, connection) = config.application_name(application_name).connect(NoTls).await.map_err(sorted)?;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn simple_query(&mut self, sql: &str) -> Result<Option<String>, PostgresError> {
        let messages = Self::simple_query(self, sql).await.map_err(sorted)?;
        let row = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let cell = row.map(|row| row.try_get(0)).transpose().map_err(sorted)?;
        Ok(cell.flatten().map(str::to_owned))
    }
}

/// Asks on a connection, which is there again once it has answered.
async fn simple_query(connection: &mut Option<Client>, sql: &str) -> Result<Vec<SimpleQueryMessage>, PostgresError> {
    let Some(client) = connection.take() else {
        return Err(PostgresError::Other("the query before was not waited for".into()));
    };
    let asked = Asked(Some(client));
    let answer = asked.simple_query(sql).await;
    *connection = asked.answered();
    answer.map_err(sorted)
}

/// A connection with a query on it. Dropped before the answer, it is closed and not given back: the driver would let the
/// next query on it wait for the answer to this one.
struct Asked(Option<Client>);

impl Asked {
    async fn simple_query(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>, Error> {
        self.0.as_ref().expect("OK because only `answered` takes it, and ends this value").simple_query(sql).await
    }

    fn answered(mut self) -> Option<Client> {
        self.0.take()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        drop(self.0.take().map(Client::take));
    }
}

/// Without TLS: a service that needs it gives the check its own pool.
impl FromUrl for Pool {
    fn from_url(url: &str) -> Result<Self, InvalidValue> {
        let mut config = Config { url: Some(url.to_owned()), ..Config::default() };
        config.pool = Some(deadpool_postgres_0_14::PoolConfig::new(1));
        config.create_pool(Some(Runtime::Tokio1), NoTls).map_err(|_| invalid_url(url))
    }
}

fn sorted(error: Error) -> PostgresError {
    if let Some(error) = error.as_db_error() {
        return PostgresError::Server { sqlstate: error.code().code().to_owned(), message: error.message().to_owned() };
    }
    match fault_of(&error) {
        Fault::Network => PostgresError::Unreachable(error.into()),
        Fault::Tls => PostgresError::Tls(error.into()),
        Fault::RowCount | Fault::Conversion | Fault::Other => PostgresError::Other(error.into()),
    }
}

/// What an error that no server sent is about.
#[cfg_attr(not(feature = "database"), allow(dead_code, reason = "checks look at connections only"))]
pub(crate) enum Fault {
    /// The connection broke, or there was none in time.
    Network,
    Tls,
    /// There are more or fewer rows than one.
    RowCount,
    /// A value is not of its type.
    Conversion,
    Other,
}

pub(crate) fn fault_of(error: &Error) -> Fault {
    let by_the_network = error.source().is_some_and(|source| source.is::<io::Error>());
    if error.is_closed() || by_the_network {
        return Fault::Network;
    }
    // The driver shows the kind of its errors in their first words only.
    match error.to_string() {
        text if text.starts_with("timeout") => Fault::Network,
        text if text.contains("TLS") => Fault::Tls,
        text if text.contains("number of rows") => Fault::RowCount,
        text if text.contains("serializing") => Fault::Conversion,
        _ => Fault::Other,
    }
}
