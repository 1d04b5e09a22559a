//! [`PostgresCheck`] against real servers, through each driver.
//!
//! [`server`] is one server in all its troubles, [`pooler`] PgBouncer before it, [`replica`] one that follows another,
//! and [`disk`] one that has no space left.

#![allow(clippy::unwrap_used, reason = "bodies of tests, which are functions of their own to be generic")]

mod disk;
mod pooler;
mod replica;
mod server;

use std::fmt::Debug;

use aistm7_monitoring::health::{CheckReport, Datum, PostgresCheck};
use aistm7_monitoring::store::postgres::{FromUrl, PostgresProbe};
use deadpool_postgres_0_14::tokio_postgres::NoTls;
use deadpool_postgres_0_14::{Config, ManagerConfig, PoolConfig, RecyclingMethod, Runtime};

use crate::stores::SOON;
use crate::support::poll::eventually_async;
use crate::support::postgres::Postgres;

/// A pool of one driver.
trait Pool: PostgresProbe + FromUrl + Clone + Debug {
    /// A pool that opens its connections when they are asked for.
    fn of(url: &str, max: u32) -> Self;

    /// A pool that gives its connections away without a look at them.
    fn untested(url: &str, max: u32) -> Self;

    /// A check of the pool, which connects to `url`.
    fn check(self, url: &str) -> PostgresCheck<Self> {
        let _ = url;
        PostgresCheck::new(self)
    }
}

macro_rules! pool_of_sqlx {
    ($sqlx:ident) => {
        impl Pool for $sqlx::PgPool {
            fn of(url: &str, max: u32) -> Self {
                $sqlx::postgres::PgPoolOptions::new().max_connections(max).connect_lazy(url).expect("the URL is good")
            }

            fn untested(url: &str, max: u32) -> Self {
                let options = $sqlx::postgres::PgPoolOptions::new().max_connections(max).test_before_acquire(false);
                options.connect_lazy(url).expect("the URL is good")
            }
        }
    };
}

pool_of_sqlx!(sqlx_0_8);
pool_of_sqlx!(sqlx_0_9);

impl Pool for deadpool_postgres_0_14::Pool {
    fn of(url: &str, max: u32) -> Self {
        of_deadpool(url, max, RecyclingMethod::Verified)
    }

    fn untested(url: &str, max: u32) -> Self {
        of_deadpool(url, max, RecyclingMethod::Fast)
    }

    /// These pools do not say where they connect to.
    fn check(self, url: &str) -> PostgresCheck<Self> {
        let knows = <sqlx_0_9::PgPool as FromUrl>::from_url(url).expect("the URL is good");
        PostgresCheck::new(self).server(knows.server().expect("sqlx says where it connects to"))
    }
}

fn of_deadpool(url: &str, max: u32, recycling_method: RecyclingMethod) -> deadpool_postgres_0_14::Pool {
    let config = Config {
        url: Some(url.to_owned()),
        manager: Some(ManagerConfig { recycling_method }),
        pool: Some(PoolConfig::new(max.try_into().expect("a small number"))),
        ..Config::default()
    };
    config.create_pool(Some(Runtime::Tokio1), NoTls).expect("the URL is good")
}

/// A check of a pool of so many connections.
fn checked<P: Pool>(url: &str, max: u32) -> PostgresCheck<P> {
    P::of(url, max).check(url)
}

/// Makes a test of each body for each driver.
macro_rules! with_each_driver {
    ($($body:ident: $needs:literal,)*) => {
        with_each_driver! { @driver through_sqlx_0_8 sqlx_0_8::PgPool; $($body: $needs,)* }
        with_each_driver! { @driver through_sqlx_0_9 sqlx_0_9::PgPool; $($body: $needs,)* }
        with_each_driver! { @driver through_deadpool_0_14 deadpool_postgres_0_14::Pool; $($body: $needs,)* }
    };
    (@driver $driver:ident $pool:path; $($body:ident: $needs:literal,)*) => {
        mod $driver {
            $(
                #[tokio::test(flavor = "multi_thread")]
                #[ignore = $needs]
                async fn $body() {
                    super::$body::<$pool>().await;
                }
            )*
        }
    };
}

use with_each_driver;

/// Makes a user that is nobody special, and says where it connects.
fn trader(postgres: &Postgres) -> String {
    postgres.psql("CREATE ROLE trader LOGIN PASSWORD 'right'");
    postgres.url_as("trader", "right")
}

/// The pool takes a connection back in a task of its own, long before a next run is due.
async fn until_all_idle(pool: &impl Pool) {
    let idle = || pool.pool().filter(|pool| pool.idle == pool.size).ok_or("a connection is in use");
    eventually_async(SOON, async || idle().map(drop)).await;
}

#[track_caller]
fn fact<'a>(report: &'a CheckReport, key: &str) -> &'a Datum {
    let found = report.data().iter().find(|(name, _)| *name == key);
    &found.unwrap_or_else(|| panic!("no {key} in {report:?}")).1
}
