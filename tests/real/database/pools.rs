//! Queries and pools of each driver: how they end, and how full pools are.

use std::fmt::Debug;
use std::time::Duration;

use aistm7_monitoring::database::{Acquire, Query, QueryError};
use bb8_0_9::ManageConnection;
use deadpool_postgres_0_14::tokio_postgres::{self, NoTls};
use deadpool_postgres_0_14::{Config, Hook, PoolConfig, Runtime, Timeouts};
use futures_util::StreamExt as _;

use super::Service;
use crate::stores::SOON;
use crate::support::poll::eventually_async;
use crate::support::port::free_port;
use crate::support::postgres::Postgres;

/// How long requests wait for a connection.
const PATIENCE: Duration = Duration::from_millis(500);

/// A pool of one driver, and what is asked through it.
trait Pool: Acquire<Error: Debug> + Clone {
    /// What it says of a wrong password, of a server without a place left, and of one that is not there.
    const SAYS: [&'static str; 3];

    /// A pool of two connections that calls this for each one that it opens.
    fn of(url: &str, opened: impl Fn() + Send + Sync + 'static) -> Self;

    /// Whether each item of a query is a row and no error, as the driver streams them, up to so many.
    async fn stream(connection: &mut Self::Connection, load: &Query, sql: &'static str, at_most: usize) -> Vec<bool>;

    /// Sends a statement on a connection.
    async fn send(connection: &mut Self::Connection, sql: &'static str) -> Result<(), impl QueryError + Debug>;
}

macro_rules! pool_of_sqlx {
    ($sqlx:ident) => {
        impl Pool for $sqlx::PgPool {
            // It waits for a place until it times out.
            const SAYS: [&'static str; 3] = ["auth", "timeout", "timeout"];

            fn of(url: &str, opened: impl Fn() + Send + Sync + 'static) -> Self {
                let options = $sqlx::postgres::PgPoolOptions::new().max_connections(2).acquire_timeout(PATIENCE);
                let options = options.after_connect(move |_, _| {
                    opened();
                    Box::pin(async { Ok(()) })
                });
                options.connect_lazy(url).unwrap()
            }

            async fn send(connection: &mut Self::Connection, sql: &'static str) -> Result<(), impl QueryError + Debug> {
                $sqlx::query(sql).execute(&mut **connection).await.map(drop)
            }

            async fn stream(
                connection: &mut Self::Connection,
                load: &Query,
                sql: &'static str,
                at_most: usize,
            ) -> Vec<bool> {
                let rows = load.stream($sqlx::query(sql).fetch(&mut **connection));
                rows.take(at_most).map(|row| row.is_ok()).collect().await
            }
        }
    };
}

pool_of_sqlx!(sqlx_0_8);
pool_of_sqlx!(sqlx_0_9);

impl Pool for deadpool_postgres_0_14::Pool {
    const SAYS: [&'static str; 3] = ["auth", "too_many_connections", "refused"];

    fn of(url: &str, opened: impl Fn() + Send + Sync + 'static) -> Self {
        let timeouts = Timeouts { wait: Some(PATIENCE), ..Timeouts::default() };
        let pool = Some(PoolConfig { timeouts, ..PoolConfig::new(2) });
        let config = Config { url: Some(url.to_owned()), pool, ..Config::default() };
        let hook = Hook::sync_fn(move |_, _| {
            opened();
            Ok(())
        });
        config.builder(NoTls).unwrap().runtime(Runtime::Tokio1).post_create(hook).build().unwrap()
    }

    async fn send(connection: &mut Self::Connection, sql: &'static str) -> Result<(), impl QueryError + Debug> {
        connection.execute(sql, &[]).await.map(drop)
    }

    async fn stream(connection: &mut Self::Connection, load: &Query, sql: &'static str, at_most: usize) -> Vec<bool> {
        let rows = load.stream(connection.query_raw(sql, &[] as &[i32]).await.unwrap());
        rows.take(at_most).map(|row| row.is_ok()).collect().await
    }
}

/// Connections of tokio-postgres for bb8, which counts by itself those that it opens.
struct Manager(tokio_postgres::Config);

impl ManageConnection for Manager {
    type Connection = tokio_postgres::Client;
    type Error = tokio_postgres::Error;

    async fn connect(&self) -> Result<Self::Connection, Self::Error> {
        let (client, connection) = self.0.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn is_valid(&self, client: &mut Self::Connection) -> Result<(), Self::Error> {
        client.simple_query("").await.map(drop)
    }

    fn has_broken(&self, client: &mut Self::Connection) -> bool {
        client.is_closed()
    }
}

impl Pool for bb8_0_9::Pool<Manager> {
    // It tells errors to its `error_sink` only.
    const SAYS: [&'static str; 3] = ["timeout", "timeout", "timeout"];

    fn of(url: &str, _: impl Fn() + Send + Sync + 'static) -> Self {
        let options = Self::builder().max_size(2).connection_timeout(PATIENCE);
        options.build_unchecked(Manager(url.parse().unwrap()))
    }

    async fn send(connection: &mut Self::Connection, sql: &'static str) -> Result<(), impl QueryError + Debug> {
        connection.execute(sql, &[]).await.map(drop)
    }

    async fn stream(connection: &mut Self::Connection, load: &Query, sql: &'static str, at_most: usize) -> Vec<bool> {
        let rows = load.stream(connection.query_raw(sql, &[] as &[i32]).await.unwrap());
        rows.take(at_most).map(|row| row.is_ok()).collect().await
    }
}

async fn queries_end_by_the_class_of_their_error<P: Pool>() {
    let postgres = Postgres::start();
    postgres.psql("CREATE TABLE positions (id int PRIMARY KEY); INSERT INTO positions VALUES (1)");
    let service = Service::new();
    let pool = service.database.pool("trading").measure(P::of(&postgres.url(), || ()));
    let mut connection = pool.acquire().await.unwrap();
    for (operation, sql, outcome) in [
        ("load", "SELECT FROM positions", "ok"),
        ("insert", "INSERT INTO positions VALUES (1)", "constraint"),
        ("typo", "SELEC", "rejected"),
        ("missing", "SELECT FROM nothing", "rejected"),
        ("divide", "SELECT 1 / (id - 1) FROM positions", "data"),
        ("limit", "SET statement_timeout = '50ms'", "ok"),
        ("sleep", "SELECT pg_sleep(60)", "timeout"),
        ("leave", "SELECT pg_terminate_backend(pg_backend_pid())", "unavailable"),
    ] {
        let query = pool.query(operation);
        let _ended = query.run(P::send(&mut connection, sql)).await;
        let labels = [("pool", "trading"), ("operation", operation), ("outcome", outcome)];
        let snapshot = service.registry.snapshot();
        snapshot.assert_samples("db_query_duration_seconds", &labels, 1);
        snapshot.assert_samples("db_query_duration_seconds", &[("operation", operation)], 1);
    }

    let mut connection = pool.acquire().await.unwrap();
    for (operation, sql, at_most, expected, outcome) in [
        ("all", "SELECT n FROM generate_series(1, 3) n", usize::MAX, &[true, true, true][..], "ok"),
        ("broken", "SELECT 2 / (3 - n) FROM generate_series(1, 5) n", usize::MAX, &[true, true, false], "data"),
        ("left", "SELECT n FROM generate_series(1, 3) n", 1, &[true], "cancelled"),
    ] {
        let found = P::stream(&mut connection, &pool.query(operation), sql, at_most).await;
        assert_eq!(found, expected, "{operation}");
        let labels = [("pool", "trading"), ("operation", operation), ("outcome", outcome)];
        let snapshot = service.registry.snapshot();
        snapshot.assert_samples("db_query_duration_seconds", &labels, 1);
        snapshot.assert_samples("db_query_duration_seconds", &[("operation", operation)], 1);
    }
}

async fn pool_that_is_exhausted_shows_it_and_its_churn<P: Pool>() {
    let mut postgres = Postgres::start();
    let service = Service::new();
    let metrics = service.database.pool("trading");
    let openings = metrics.openings();
    let pool = metrics.measure(P::of(&postgres.url(), move || openings.increment()));
    let (first, second) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let counts = pool.counts();
    assert_eq!((counts.in_use, counts.idle, counts.max), (2, 0, 2));
    let refused = pool.acquire().await.err().expect("all are in use");
    let value = |metric| service.registry.snapshot().value(metric, &[("pool", "trading")]);
    assert_eq!(value("db_pool_utilization_ratio"), Some(1.0), "{refused:?}");
    assert_eq!(value("db_pool_max_connections"), Some(2.0));
    {
        let waits = pool.acquire();
        let seen = async {
            let waiting =
                async || if value("db_pool_waiting_requests") == Some(1.0) { Ok(()) } else { Err("nobody waits") };
            eventually_async(SOON, waiting).await;
            drop((first, second));
        };
        let (waited, ()) = tokio::join!(waits, seen);
        waited.unwrap();
    }
    let state =
        |state| service.registry.snapshot().value("db_pool_connections", &[("pool", "trading"), ("state", state)]);
    let idle = async || if state("idle") == Some(2.0) { Ok(()) } else { Err("they are in use") };
    eventually_async(SOON, idle).await;
    assert_eq!(
        (value("db_pool_connections_opened_total"), value("db_pool_connections_closed_total")),
        (Some(2.0), Some(0.0))
    );

    // Its connections break, and it opens others.
    postgres.kill();
    postgres.restart();
    eventually_async(SOON, async || pool.acquire().await.map(drop).map_err(|error| format!("{error:?}"))).await;
    let churn =
        [value("db_pool_connections_opened_total"), value("db_pool_connections_closed_total")].map(Option::unwrap);
    let there = state("idle").unwrap() + state("in_use").unwrap();
    assert!(churn[0] >= 3.0 && churn[0] - churn[1] <= there.max(2.0), "{churn:?} of {there}");
    let ended = |outcome| {
        let labels = [("pool", "trading"), ("outcome", outcome)];
        service.registry.snapshot().histogram("db_pool_acquire_seconds", &labels).unwrap().count()
    };
    assert_eq!(ended("timeout"), 1);
    assert!(ended("ok") >= 4);
}

async fn requests_for_connections_end_by_what_the_server_says<P: Pool>() {
    let postgres = Postgres::start_with(&[("max_connections", "4"), ("superuser_reserved_connections", "3")]);
    postgres.psql("CREATE ROLE trader LOGIN PASSWORD 'right'");
    let service = Service::new();
    let ends = async |pool: &'static str, url: String, outcome: &str| {
        let pool = service.database.pool(pool).measure(P::of(&url, || ()));
        let error = pool.acquire().await.err().unwrap_or_else(|| panic!("{outcome}: it got one"));
        let labels = [("pool", pool.metrics().name()), ("outcome", outcome)];
        let samples = service.registry.snapshot().histogram("db_pool_acquire_seconds", &labels).unwrap().count();
        assert_eq!(samples, 1, "{outcome}: {error:?}");
    };
    let [auth, full, nobody] = P::SAYS;
    ends("auth", postgres.url_as("trader", "wrong"), auth).await;
    let holder = P::of(&postgres.url_as("trader", "right"), || ());
    let _held = holder.acquire_connection().await.unwrap();
    ends("full", postgres.url_as("trader", "right"), full).await;
    let url_of_nobody = format!("postgres://trader@127.0.0.1:{}/trading", free_port());
    ends("nobody", url_of_nobody, nobody).await;
}

macro_rules! with_each_driver {
    ($($driver:ident $pool:path;)*) => {$(
        mod $driver {
            #[tokio::test(flavor = "multi_thread")]
            #[ignore = "needs PostgreSQL; run by tests/run"]
            async fn queries_end_by_the_class_of_their_error() {
                super::queries_end_by_the_class_of_their_error::<$pool>().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[ignore = "needs PostgreSQL; run by tests/run"]
            async fn pool_that_is_exhausted_shows_it_and_its_churn() {
                super::pool_that_is_exhausted_shows_it_and_its_churn::<$pool>().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[ignore = "needs PostgreSQL; run by tests/run"]
            async fn requests_for_connections_end_by_what_the_server_says() {
                super::requests_for_connections_end_by_what_the_server_says::<$pool>().await;
            }
        }
    )*};
}

with_each_driver! {
    through_sqlx_0_8 sqlx_0_8::PgPool;
    through_sqlx_0_9 sqlx_0_9::PgPool;
    through_deadpool_0_14 deadpool_postgres_0_14::Pool;
    through_bb8_0_9 bb8_0_9::Pool<super::Manager>;
}
