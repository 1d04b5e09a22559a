//! [`PostgresCheck`] against a server that is killed, frozen, full, locked and pooled, through each major of sqlx.

#![allow(clippy::unwrap_used, reason = "bodies of tests, which are functions of their own to be generic")]

use std::fmt::Debug;
use std::thread;

use aistm7_monitoring::health::{CheckReport, Datum, PostgresCheck, PostgresRole};
use aistm7_monitoring::store::postgres::PostgresProbe;

use crate::stores::{SOON, Watched, ask, assert_steadily, debug, run, shown, until};
use crate::support::pgbouncer::PgBouncer;
use crate::support::poll::{eventually, eventually_async};
use crate::support::postgres::{Postgres, psql};

/// A pool of one major of sqlx.
trait Pool: PostgresProbe + Clone + Debug {
    /// A pool that opens its connections when they are asked for.
    fn of(url: &str, max: u32) -> Self;

    /// A pool that gives its connections away without a look at them.
    fn untested(url: &str, max: u32) -> Self;
}

macro_rules! pool_of {
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

pool_of!(sqlx_0_8);
pool_of!(sqlx_0_9);

/// Makes a test of each body for each major.
macro_rules! with_each_major {
    ($($body:ident: $needs:literal,)*) => {
        mod through_sqlx_0_8 {
            $(
                #[tokio::test(flavor = "multi_thread")]
                #[ignore = $needs]
                async fn $body() {
                    super::$body::<sqlx_0_8::PgPool>().await;
                }
            )*
        }

        mod through_sqlx_0_9 {
            $(
                #[tokio::test(flavor = "multi_thread")]
                #[ignore = $needs]
                async fn $body() {
                    super::$body::<sqlx_0_9::PgPool>().await;
                }
            )*
        }
    };
}

with_each_major! {
    killed_server_is_unreachable_until_it_is_back: "needs PostgreSQL; run by tests/run",
    frozen_server_is_unreachable_until_it_thaws: "needs PostgreSQL; run by tests/run",
    query_on_a_frozen_server_is_a_timeout_and_ends_with_the_thaw: "needs PostgreSQL; run by tests/run",
    slow_query_is_ended_by_the_server: "needs PostgreSQL; run by tests/run",
    full_pool_is_exhausted_and_never_unreachable: "needs PostgreSQL; run by tests/run",
    refused_logins_say_why: "needs PostgreSQL; run by tests/run",
    full_server_has_too_many_connections: "needs PostgreSQL; run by tests/run",
    role_is_that_of_the_server: "needs PostgreSQL; run by tests/run",
    fifty_runs_use_one_connection: "needs PostgreSQL; run by tests/run",
    fifty_runs_pass_transaction_pooling: "needs PostgreSQL and PgBouncer; run by tests/run",
    password_is_shown_nowhere: "needs PostgreSQL; run by tests/run",
}

async fn killed_server_is_unreachable_until_it_is_back<P: Pool>() {
    let mut postgres = Postgres::start();
    let check = PostgresCheck::new(P::of(&postgres.url(), 3));
    assert_steadily(&check, "healthy").await;

    postgres.kill();
    assert_steadily(&check, "unreachable").await;
    // A pool that has never seen the server finds out as well.
    assert_steadily(&PostgresCheck::new(P::of(&postgres.url(), 1)), "unreachable").await;

    postgres.restart();
    until(&check, "healthy").await;
    assert_steadily(&check, "healthy").await;
}

async fn frozen_server_is_unreachable_until_it_thaws<P: Pool>() {
    let mut postgres = Postgres::start();
    let check = PostgresCheck::new(P::of(&postgres.url(), 3));
    let unused = PostgresCheck::new(P::of(&postgres.url(), 1));
    assert_steadily(&check, "healthy").await;

    postgres.freeze();
    assert_steadily(&check, "unreachable").await;
    assert_steadily(&unused, "unreachable").await;

    postgres.thaw();
    until(&check, "healthy").await;
    until(&unused, "healthy").await;
    assert_steadily(&check, "healthy").await;
}

/// The pool gives a connection, and the server does not answer on it: the schedule's timeout ends the run.
async fn query_on_a_frozen_server_is_a_timeout_and_ends_with_the_thaw<P: Pool>() {
    let mut postgres = Postgres::start();
    let pool = P::untested(&trader(&postgres), 3);
    assert_eq!(ask(&PostgresCheck::new(pool.clone())).await, "healthy");
    until_all_idle(&pool).await;

    postgres.freeze();
    let watched = Watched::start(PostgresCheck::new(pool));
    watched.until(Some("timeout")).await;

    postgres.thaw();
    watched.until(None).await;
    assert_nothing_runs_for_trader(&postgres);
}

async fn slow_query_is_ended_by_the_server<P: Pool>() {
    let postgres = Postgres::start();
    let url = trader(&postgres);
    // What the check asks for, made to take ten minutes for this user.
    postgres.psql(
        "CREATE SCHEMA slow; GRANT USAGE ON SCHEMA slow TO trader; \
         CREATE FUNCTION slow.pg_is_in_recovery() RETURNS boolean LANGUAGE plpgsql \
             AS 'BEGIN PERFORM pg_sleep(600); RETURN false; END'; \
         ALTER ROLE trader SET search_path = slow, pg_catalog",
    );
    let check = PostgresCheck::new(P::of(&url, 1));

    // The first run logs in before.
    until(&check, "query_timeout").await;
    assert_steadily(&check, "query_timeout").await;
    assert_nothing_runs_for_trader(&postgres);
    postgres.psql("DROP FUNCTION slow.pg_is_in_recovery()");
    // The only connection of the pool is as good as new.
    until(&check, "healthy").await;
    assert_eq!(psql(&url, "SHOW statement_timeout").unwrap(), "0");
}

async fn full_pool_is_exhausted_and_never_unreachable<P: Pool>() {
    let mut postgres = Postgres::start();
    for max in [1, 3] {
        let pool = P::of(&postgres.url(), max);
        let check = PostgresCheck::new(pool.clone());
        let mut held = Vec::new();
        for _ in 0..max {
            held.push(pool.acquire().await.unwrap());
        }
        assert_steadily(&check, "pool_exhausted").await;
        drop(held.pop());
        until(&check, "healthy").await;
    }

    // A full pool does not hide that the server is gone.
    let pool = P::of(&postgres.url(), 1);
    let held = pool.acquire().await.unwrap();
    postgres.kill();
    assert_steadily(&PostgresCheck::new(pool.clone()), "unreachable").await;
    drop(held);
}

async fn refused_logins_say_why<P: Pool>() {
    let postgres = Postgres::start();
    let right = trader(&postgres);
    let wrong_password = PostgresCheck::new(P::of(&postgres.url_as("trader", "wrong"), 3));
    let unknown_user = PostgresCheck::new(P::of(&postgres.url_as("nobody", "wrong"), 3));
    let unknown_database = PostgresCheck::new(P::of(&right.replace("/postgres", "/nowhere"), 3));
    assert_steadily(&wrong_password, "auth").await;
    assert_steadily(&unknown_user, "auth").await;
    assert_steadily(&unknown_database, "unknown_database").await;

    postgres.psql("ALTER ROLE trader PASSWORD 'wrong'");
    assert_steadily(&wrong_password, "healthy").await;
}

async fn full_server_has_too_many_connections<P: Pool>() {
    // Three of them are for superusers.
    let postgres = Postgres::start_with(&[("max_connections", "5"), ("superuser_reserved_connections", "3")]);
    let url = trader(&postgres);
    let of_others = P::of(&url, 2);
    let mut held = vec![of_others.acquire().await.unwrap(), of_others.acquire().await.unwrap()];
    let check = PostgresCheck::new(P::of(&url, 3));
    // Said after the login, to those who are no superusers.
    until(&check, "too_many_connections").await;

    let of_superuser = P::of(&postgres.url(), 3);
    for _ in 0..3 {
        held.push(of_superuser.acquire().await.unwrap());
    }
    // Said before the login, to everybody.
    until(&check, "too_many_connections").await;

    drop((held, of_others, of_superuser));
    until(&check, "healthy").await;
}

async fn role_is_that_of_the_server<P: Pool>() {
    let postgres = Postgres::start();
    let url = trader(&postgres);
    let primary = || PostgresCheck::new(P::of(&url, 1)).expect(PostgresRole::Primary);
    assert_eq!(ask(&primary()).await, "healthy");
    let replica = PostgresCheck::new(P::of(&url, 1)).expect(PostgresRole::Replica);
    assert_eq!(ask(&replica).await, "not_a_replica");

    postgres.psql("ALTER ROLE trader SET default_transaction_read_only = on");
    assert_eq!(ask(&primary()).await, "read_only");
    let report = run(&PostgresCheck::new(P::of(&url, 4))).await.unwrap();
    assert_eq!(fact(&report, "role"), &Datum::from("primary"));
    assert_eq!((fact(&report, "pool_size"), fact(&report, "pool_max")), (&Datum::Integer(1), &Datum::Integer(4)));
}

async fn fifty_runs_use_one_connection<P: Pool>() {
    let postgres = Postgres::start();
    let pool = P::of(&trader(&postgres), 5);
    let check = PostgresCheck::new(pool.clone());
    assert_eq!(ask(&check).await, "healthy");
    let backends = || postgres.psql("SELECT pid FROM pg_stat_activity WHERE usename = 'trader'");
    let first = backends();
    assert_eq!(first.lines().count(), 1);

    for _ in 0..50 {
        until_all_idle(&pool).await;
        let report = run(&check).await.unwrap();
        assert_eq!(fact(&report, "pool_size"), &Datum::Integer(1));
    }
    assert_eq!(backends(), first);
}

async fn fifty_runs_pass_transaction_pooling<P: Pool>() {
    let mut postgres = Postgres::start();
    let mut pgbouncer = PgBouncer::in_front_of(&postgres);
    let url = pgbouncer.url();
    // Five services, so that a run finds itself on connections that others have used.
    let checks: Vec<_> = (0..5).map(|_| PostgresCheck::new(P::of(&url, 2))).collect();
    let runs = checks.into_iter().map(async |check| {
        for _ in 0..10 {
            let outcome = run(&check).await;
            assert!(outcome.is_ok(), "{outcome:?}");
        }
    });
    futures_util::future::join_all(runs).await;

    assert!(!postgres.log().contains("ERROR"), "{}", postgres.log());
    let backends = "SELECT count(*) > 1 FROM pg_stat_activity WHERE backend_type = 'client backend'";
    assert_eq!(postgres.psql(backends), "t", "runs were spread over connections");
    // What a run sets is gone with it, on each of them: at once, so that none is asked twice.
    let setting = "SELECT current_setting('statement_timeout') FROM pg_sleep(0.5)";
    let asked: Vec<_> = (0..5).map(|_| url.clone()).map(|url| thread::spawn(move || psql(&url, setting))).collect();
    for asked in asked {
        assert_eq!(asked.join().expect("psql ends").unwrap(), "0");
    }

    let check = PostgresCheck::new(P::of(&url, 2));
    until(&check, "healthy").await;
    pgbouncer.kill();
    assert_steadily(&check, "unreachable").await;
    pgbouncer.restart();
    until(&check, "healthy").await;
    // It accepts clients while the server is gone; then the reason is what it tells them.
    postgres.kill();
    until(&check, "server_error").await;
    postgres.restart();
    until(&check, "healthy").await;
}

async fn password_is_shown_nowhere<P: Pool>() {
    const SECRET: &str = "s3cr3t-Pa55";
    let mut postgres = Postgres::start();
    postgres.psql("CREATE ROLE trader LOGIN PASSWORD 'right'");
    let pool = P::of(&postgres.url_as("trader", SECRET), 1);
    let check = PostgresCheck::new(pool.clone());
    let watched = Watched::start(PostgresCheck::new(pool.clone()));
    let mut all = debug(&check) + &debug(&pool.server());

    all += &shown(&run(&check).await.unwrap_err());
    all += &watched.until(Some("auth")).await;
    postgres.psql(&format!("ALTER ROLE trader PASSWORD '{SECRET}'"));
    all += &debug(&run(&check).await.unwrap());
    all += &watched.until(None).await;
    let held = pool.acquire().await.unwrap();
    all += &shown(&run(&check).await.unwrap_err());
    all += &watched.until(Some("pool_exhausted")).await;
    postgres.kill();
    drop(held);
    all += &shown(&run(&check).await.unwrap_err());
    all += &watched.until(Some("unreachable")).await;
    assert!(all.contains("password authentication failed"), "the texts are those of the server: {all}");
    assert!(!all.contains(SECRET), "{all}");
}

/// Makes a user that is nobody special, and says where it connects.
fn trader(postgres: &Postgres) -> String {
    postgres.psql("CREATE ROLE trader LOGIN PASSWORD 'right'");
    postgres.url_as("trader", "right")
}

/// Waits for what was cut off in this moment, and for nothing that takes longer.
#[track_caller]
fn assert_nothing_runs_for_trader(postgres: &Postgres) {
    let running = "SELECT query FROM pg_stat_activity WHERE usename = 'trader' AND state <> 'idle'";
    eventually(SOON, || match postgres.psql(running) {
        none if none.is_empty() => Ok(()),
        running => Err(running),
    });
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
