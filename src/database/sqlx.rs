//! The errors and pools of sqlx, written once for its majors.

/// Implements [`QueryError`](super::QueryError), [`PoolStats`](super::PoolStats) and [`Acquire`](super::Acquire) for one
/// major of sqlx, whatever the database.
macro_rules! database_for_sqlx {
    ($sqlx:ident) => {
        impl QueryError for $sqlx::Error {
            fn class(&self) -> ErrorClass {
                match self {
                    Self::Database(error) => class_of_server_error(&**error),
                    Self::RowNotFound => ErrorClass::NotFound,
                    Self::PoolTimedOut => ErrorClass::PoolTimeout,
                    Self::PoolClosed => ErrorClass::PoolClosed,
                    Self::Io(_) | Self::WorkerCrashed => ErrorClass::Connection,
                    Self::Tls(_) => ErrorClass::Tls,
                    Self::TypeNotFound { .. }
                    | Self::ColumnIndexOutOfBounds { .. }
                    | Self::ColumnNotFound(_)
                    | Self::ColumnDecode { .. }
                    | Self::Encode(_)
                    | Self::Decode(_) => ErrorClass::Data,
                    _ => ErrorClass::Other,
                }
            }
        }

        fn class_of_server_error(error: &dyn $sqlx::error::DatabaseError) -> ErrorClass {
            match error.code() {
                // Databases without SQLSTATEs have numbers, such as SQLite's.
                Some(code) if code.len() == SQLSTATE_LENGTH => ErrorClass::of_sqlstate(&code),
                _ if matches!(error.kind(), $sqlx::error::ErrorKind::Other) => ErrorClass::Other,
                _ => ErrorClass::Constraint,
            }
        }

        impl<DB: $sqlx::Database> PoolStats for $sqlx::Pool<DB> {
            fn counts(&self) -> PoolCounts {
                let size = self.size();
                let idle = u32::try_from(self.num_idle()).unwrap_or(size);
                PoolCounts::of_size(size, idle, self.options().get_max_connections())
            }
        }

        impl<DB: $sqlx::Database> Acquire for $sqlx::Pool<DB> {
            type Connection = $sqlx::pool::PoolConnection<DB>;
            type Error = $sqlx::Error;

            async fn acquire_connection(&self) -> Result<Self::Connection, Self::Error> {
                self.acquire().await
            }
        }
    };
}

/// Five characters, by the standard.
pub(super) const SQLSTATE_LENGTH: usize = 5;
