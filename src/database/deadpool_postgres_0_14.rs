//! The errors of tokio-postgres and the pools of deadpool-postgres 0.14.

use deadpool_postgres_0_14::tokio_postgres::Error;
use deadpool_postgres_0_14::{Client, Pool, PoolError, TimeoutType};

use super::{Acquire, ErrorClass, PoolCounts, PoolStats, QueryError};
use crate::store::deadpool_postgres_0_14::{Fault, fault_of};

impl QueryError for Error {
    fn class(&self) -> ErrorClass {
        if let Some(sqlstate) = self.code() {
            return ErrorClass::of_sqlstate(sqlstate.code());
        }
        match fault_of(self) {
            Fault::Network => ErrorClass::Connection,
            Fault::Tls => ErrorClass::Tls,
            Fault::RowCount => ErrorClass::NotFound,
            Fault::Conversion => ErrorClass::Data,
            Fault::Other => ErrorClass::Other,
        }
    }
}

impl QueryError for PoolError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Backend(error) => error.class(),
            Self::Timeout(TimeoutType::Wait | TimeoutType::Recycle) => ErrorClass::PoolTimeout,
            Self::Timeout(TimeoutType::Create) => ErrorClass::Connection,
            Self::Closed => ErrorClass::PoolClosed,
            Self::NoRuntimeSpecified | Self::PostCreateHook(_) => ErrorClass::Other,
        }
    }
}

impl PoolStats for Pool {
    fn counts(&self) -> PoolCounts {
        let status = self.status();
        // Nobody configures a pool that this does not fit.
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        PoolCounts::of_size(count(status.size), count(status.available), count(status.max_size))
            .waiting(count(status.waiting))
    }
}

impl Acquire for Pool {
    type Connection = Client;
    type Error = PoolError;

    async fn acquire_connection(&self) -> Result<Self::Connection, Self::Error> {
        self.get().await
    }
}
