//! A pooler in between, which answers although the server behind it does not.

use std::time::Duration;

use tokio::time::timeout;

use super::failure::{failure_of, pool_exhausted, unreachable};
use super::query::ROLE_BEHIND_POOLER;
use super::{GREETING_TIMEOUT, LOGIN_TIMEOUT, PostgresCheck};
use crate::health::CheckFailure;
use crate::store::postgres::{PostgresError, PostgresProbe, knock};

/// Longer than the query may take on the server, so that its own word on that is heard; and short enough to ask again
/// before the run is aborted.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_millis(800);

/// How a pooler treats a connection that is new to it.
enum Reception {
    /// It does not answer the login.
    LoginHeld,
    /// It lets us in, and does not answer the query.
    QueryHeld,
    /// All is well.
    Answered,
    /// It, or the server, says what is wrong.
    Refused(PostgresError),
}

impl<P: PostgresProbe> PostgresCheck<P> {
    pub(super) async fn why_no_connection_of_pooler(&self) -> CheckFailure {
        let full = self.full_pool();
        let reception = match (self.reception_beside().await, full) {
            (Some(reception), _) => reception,
            (None, None) => self.reception_of_pool().await,
            (None, Some(pool)) if self.address().is_none() => return pool_exhausted(pool),
            (None, Some(pool)) => return self.knock_at_pooler().await.err().unwrap_or_else(|| pool_exhausted(pool)),
        };
        match (reception, full) {
            (Reception::Answered, Some(pool)) => pool_exhausted(pool),
            (Reception::Answered, None) => {
                CheckFailure::new("acquire_slow", "pooler and server work, but the pool gave no connection in time")
            }
            (other, _) => self.failure_by(other).await,
        }
    }

    /// PgBouncer lets a query wait that came before the server went, and refuses the next.
    pub(super) async fn why_no_answer(&self) -> CheckFailure {
        let reception = match self.reception_beside().await {
            Some(reception) => reception,
            None => self.reception_of_pool().await,
        };
        self.failure_by(reception).await
    }

    async fn failure_by(&self, reception: Reception) -> CheckFailure {
        match reception {
            Reception::Refused(error) => failure_of(error),
            Reception::QueryHeld => {
                let message =
                    "the pooler answers, but gave no connection of the server in time: all are in use, or hang";
                CheckFailure::new("pooler_queue_timeout", message)
            }
            Reception::LoginHeld => match self.knock_at_pooler().await {
                Ok(()) => CheckFailure::new("pooler_up_backend_down", "the pooler answers, but lets nobody in"),
                Err(failure) => failure,
            },
            Reception::Answered => {
                CheckFailure::new("query_timeout", "the query was not answered in time, while another one was")
            }
        }
    }

    /// On a connection beside the pool; `None` if the driver cannot open one.
    async fn reception_beside(&self) -> Option<Reception> {
        match timeout(LOGIN_TIMEOUT, self.probe.beside(None)).await {
            Err(_) => return Some(Reception::LoginHeld),
            Ok(login) => {
                if let Err(error) = login? {
                    return Some(Reception::Refused(error));
                }
            }
        }
        Some(match timeout(LOGIN_TIMEOUT, self.probe.beside(Some(ROLE_BEHIND_POOLER))).await {
            Err(_) => Reception::QueryHeld,
            Ok(answer) => answer?.map_or_else(Reception::Refused, |()| Reception::Answered),
        })
    }

    /// On another connection of a pool that has room for it.
    async fn reception_of_pool(&self) -> Reception {
        let mut connection = match timeout(LOGIN_TIMEOUT, self.probe.acquire()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(PostgresError::PoolTimedOut)) | Err(_) => return Reception::LoginHeld,
            Ok(Err(error)) => return Reception::Refused(error),
        };
        match timeout(LOGIN_TIMEOUT, self.probe.query(&mut connection, ROLE_BEHIND_POOLER)).await {
            Err(_) => Reception::QueryHeld,
            Ok(Err(error)) => Reception::Refused(error),
            Ok(Ok(_)) => Reception::Answered,
        }
    }

    /// Whether the pooler itself is there; if it cannot be asked, nothing more can be known.
    async fn knock_at_pooler(&self) -> Result<(), CheckFailure> {
        let Some(server) = self.address() else {
            return Err(CheckFailure::new("acquire_timeout", "the pool gave no connection in time"));
        };
        match timeout(GREETING_TIMEOUT, knock(&server)).await {
            Err(_) => Err(unreachable()),
            Ok(answer) => answer.map_err(|error| unreachable().with_source(error)),
        }
    }
}
