//! The pools of bb8 0.9, whatever they hold.

use bb8_0_9::{ManageConnection, Pool, PooledConnection, RunError};

use super::{Acquire, ErrorClass, PoolCounts, PoolStats, QueryError};

impl<E: QueryError> QueryError for RunError<E> {
    fn class(&self) -> ErrorClass {
        match self {
            Self::User(error) => error.class(),
            Self::TimedOut => ErrorClass::PoolTimeout,
        }
    }
}

impl<M: ManageConnection> PoolStats for Pool<M> {
    /// Its own number of those who wait is left out: it keeps those who gave up.
    fn counts(&self) -> PoolCounts {
        let state = self.state();
        let told = state.statistics;
        let closed = [
            told.connections_closed_broken,
            told.connections_closed_invalid,
            told.connections_closed_max_lifetime,
            told.connections_closed_idle_timeout,
        ];
        PoolCounts::of_size(state.connections, state.idle_connections, self.config().max_size)
            .opened(told.connections_created)
            .closed(closed.into_iter().sum())
    }
}

impl<M: ManageConnection> Acquire for Pool<M>
where
    M::Error: QueryError,
{
    type Connection = PooledConnection<'static, M>;
    type Error = RunError<M::Error>;

    async fn acquire_connection(&self) -> Result<Self::Connection, Self::Error> {
        self.get_owned().await
    }
}
