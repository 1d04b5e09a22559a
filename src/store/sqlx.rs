//! The probe and the leases for sqlx's pools, written once for its majors.

/// Implements [`PostgresProbe`](super::postgres::PostgresProbe) for the `PgPool` of one major of sqlx.
macro_rules! postgres_probe_for_sqlx {
    ($sqlx:ident) => {
        impl crate::store::postgres::PostgresProbe for $sqlx::PgPool {
            type Connection = $sqlx::pool::PoolConnection<$sqlx::Postgres>;

            async fn acquire(&self) -> Result<Self::Connection, PostgresError> {
                $sqlx::PgPool::acquire(self).await.map_err(sorted)
            }

            async fn query(
                &self,
                connection: &mut Self::Connection,
                sql: &'static str,
            ) -> Result<String, PostgresError> {
                // The executor's own method: that of `raw_sql` cannot be awaited in a `Send` future with sqlx 0.8.
                let row = $sqlx::Executor::fetch_one(&mut **connection, $sqlx::raw_sql(sql)).await.map_err(sorted)?;
                $sqlx::Row::try_get(&row, 0).map_err(sorted)
            }

            async fn beside(&self, sql: Option<&'static str>) -> Option<Result<(), PostgresError>> {
                let options = self.connect_options();
                let asked = async {
                    let mut connection = $sqlx::ConnectOptions::connect(&*options).await?;
                    if let Some(sql) = sql {
                        $sqlx::Executor::fetch_one(&mut connection, $sqlx::raw_sql(sql)).await?;
                    }
                    $sqlx::Connection::close(connection).await
                };
                Some(asked.await.map_err(sorted))
            }

            fn pool(&self) -> Option<PoolState> {
                let size = self.size();
                // Two counts that are not read at once: a connection cannot be idle without being there.
                let idle = u32::try_from(self.num_idle()).unwrap_or(size).min(size);
                Some(PoolState { size, idle, max: self.options().get_max_connections() })
            }

            fn server(&self) -> Option<PostgresServer> {
                let options = self.connect_options();
                let (host, port) = (options.get_host(), options.get_port());
                let address = match options.get_socket() {
                    Some(directory) => PostgresAddress::in_directory(directory, port),
                    None => PostgresAddress::of_host(host, port),
                };
                let database = options.get_database().map(str::to_owned);
                Some(PostgresServer { address, user: options.get_username().to_owned(), database })
            }
        }

        impl FromUrl for $sqlx::PgPool {
            fn from_url(url: &str) -> Result<Self, InvalidValue> {
                $sqlx::postgres::PgPoolOptions::new().max_connections(1).connect_lazy(url).map_err(|_| invalid_url(url))
            }
        }

        fn sorted(error: $sqlx::Error) -> PostgresError {
            match error {
                $sqlx::Error::PoolTimedOut => PostgresError::PoolTimedOut,
                $sqlx::Error::PoolClosed => PostgresError::PoolClosed,
                $sqlx::Error::Io(_) => PostgresError::Unreachable(error.into()),
                $sqlx::Error::Tls(_) => PostgresError::Tls(error.into()),
                $sqlx::Error::Database(error) => PostgresError::Server {
                    sqlstate: error.code().unwrap_or_default().into_owned(),
                    message: error.message().to_owned(),
                },
                _ => PostgresError::Other(error.into()),
            }
        }
    };
}

/// Implements [`PostgresSession`](super::postgres::PostgresSession) for the `PgConnection` of one major of sqlx; `$raw` is
/// how that major makes a query of a statement.
macro_rules! postgres_session_for_sqlx {
    ($sqlx:ident, |$statement:ident| $raw:expr) => {
        impl crate::store::postgres::PostgresSession for $sqlx::PgConnection {
            fn check_url(url: &str) -> Result<(), InvalidValue> {
                url.parse::<$sqlx::postgres::PgConnectOptions>().map(drop).map_err(|_| invalid_url(url))
            }

            async fn open(url: &str, application_name: &'static str) -> Result<Self, PostgresError> {
                let options: $sqlx::postgres::PgConnectOptions = url.parse().map_err(sorted)?;
                // Its statements are the same all day, and none of them is the service's.
                let options =
                    $sqlx::ConnectOptions::disable_statement_logging(options.application_name(application_name));
                $sqlx::ConnectOptions::connect(&options).await.map_err(sorted)
            }

            async fn simple_query(&mut self, $statement: &str) -> Result<Option<String>, PostgresError> {
                let row = $sqlx::Executor::fetch_optional(self, $raw).await.map_err(sorted)?;
                let cell = |row: $sqlx::postgres::PgRow| $sqlx::Row::try_get::<Option<String>, _>(&row, 0);
                Ok(row.map(cell).transpose().map_err(sorted)?.flatten())
            }
        }
    };
}

/// Implements [`LeaseStore`](super::lease::LeaseStore) for the `PgPool` of one major of sqlx; `$raw` is how that major
/// makes a query of a statement.
macro_rules! lease_store_for_sqlx {
    ($sqlx:ident, |$statement:ident| $raw:expr) => {
        impl crate::store::lease::LeaseStore for $sqlx::PgPool {
            async fn bid(
                &self,
                bid: crate::store::lease::Bid,
            ) -> Result<crate::store::lease::Standing, crate::store::lease::LeaseError> {
                let $statement = crate::store::lease::postgres::statement_of(&bid);
                // The executor's own method, as above.
                let row = $sqlx::Executor::fetch_optional(self, $raw).await.map_err(sorted)?;
                let cells = |row: $sqlx::postgres::PgRow| {
                    let cell = |index: usize| $sqlx::Row::try_get(&row, index);
                    Ok(($sqlx::Row::try_get(&row, 0)?, cell(1)?, cell(2)?))
                };
                crate::store::lease::postgres::standing_of(row.map(cells).transpose().map_err(sorted)?)
            }
        }
    };
}
