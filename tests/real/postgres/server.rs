//! A server that is killed, frozen, full, locked or somebody else.

use aistm7_monitoring::health::{Datum, PostgresCheck, PostgresRole};

use super::{Pool, checked, fact, trader, until_all_idle, with_each_driver};
use crate::stores::{SOON, Watched, ask, assert_steadily, debug, run, shown, until};
use crate::support::poll::eventually;
use crate::support::postgres::{Postgres, psql};

with_each_driver! {
    killed_server_is_unreachable_until_it_is_back: "needs PostgreSQL; run by tests/run",
    frozen_server_is_unreachable_until_it_thaws: "needs PostgreSQL; run by tests/run",
    query_on_a_frozen_server_is_a_timeout_and_ends_with_the_thaw: "needs PostgreSQL; run by tests/run",
    slow_query_is_ended_by_the_server: "needs PostgreSQL; run by tests/run",
    full_pool_is_exhausted_and_never_unreachable: "needs PostgreSQL; run by tests/run",
    refused_logins_say_why: "needs PostgreSQL; run by tests/run",
    full_server_has_too_many_connections: "needs PostgreSQL; run by tests/run",
    role_is_that_of_the_server: "needs PostgreSQL; run by tests/run",
    check_from_a_url_keeps_its_one_connection: "needs PostgreSQL; run by tests/run",
    fifty_runs_use_one_connection: "needs PostgreSQL; run by tests/run",
    password_is_shown_nowhere: "needs PostgreSQL; run by tests/run",
}

async fn killed_server_is_unreachable_until_it_is_back<P: Pool>() {
    let mut postgres = Postgres::start();
    let check = checked::<P>(&postgres.url(), 3);
    assert_steadily(&check, "healthy").await;

    postgres.kill();
    assert_steadily(&check, "unreachable").await;
    // A pool that has never seen the server finds out as well.
    assert_steadily(&checked::<P>(&postgres.url(), 1), "unreachable").await;

    postgres.restart();
    until(&check, "healthy").await;
    assert_steadily(&check, "healthy").await;
}

async fn frozen_server_is_unreachable_until_it_thaws<P: Pool>() {
    let mut postgres = Postgres::start();
    let check = checked::<P>(&postgres.url(), 3);
    let unused = checked::<P>(&postgres.url(), 1);
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
    let url = trader(&postgres);
    let pool = P::untested(&url, 3);
    assert_eq!(ask(&pool.clone().check(&url)).await, "healthy");
    until_all_idle(&pool).await;

    postgres.freeze();
    let watched = Watched::start(pool.check(&url));
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
    let check = checked::<P>(&url, 1);

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
    let url = postgres.url();
    for max in [1, 3] {
        let pool = P::of(&url, max);
        let check = pool.clone().check(&url);
        let mut held = Vec::new();
        for _ in 0..max {
            held.push(pool.acquire().await.unwrap());
        }
        assert_steadily(&check, "pool_exhausted").await;
        drop(held.pop());
        until(&check, "healthy").await;
    }

    // A full pool does not hide that the server is gone.
    let pool = P::of(&url, 1);
    let held = pool.acquire().await.unwrap();
    postgres.kill();
    assert_steadily(&pool.clone().check(&url), "unreachable").await;
    drop(held);
}

async fn refused_logins_say_why<P: Pool>() {
    let postgres = Postgres::start();
    let right = trader(&postgres);
    let wrong_password = checked::<P>(&postgres.url_as("trader", "wrong"), 3);
    let unknown_user = checked::<P>(&postgres.url_as("nobody", "wrong"), 3);
    let unknown_database = checked::<P>(&right.replace("/postgres", "/nowhere"), 3);
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
    let check = checked::<P>(&url, 3);
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
    let primary = || checked::<P>(&url, 1).expect(PostgresRole::Primary);
    assert_eq!(ask(&primary()).await, "healthy");
    let replica = checked::<P>(&url, 1).expect(PostgresRole::Replica);
    assert_eq!(ask(&replica).await, "not_a_replica");

    postgres.psql("ALTER ROLE trader SET default_transaction_read_only = on");
    assert_eq!(ask(&primary()).await, "read_only");
    let report = run(&checked::<P>(&url, 4)).await.unwrap();
    assert_eq!(fact(&report, "role"), &Datum::from("primary"));
    assert_eq!((fact(&report, "pool_size"), fact(&report, "pool_max")), (&Datum::Integer(1), &Datum::Integer(4)));
}

async fn fifty_runs_use_one_connection<P: Pool>() {
    let postgres = Postgres::start();
    let url = trader(&postgres);
    let pool = P::of(&url, 5);
    let check = pool.clone().check(&url);
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

async fn check_from_a_url_keeps_its_one_connection<P: Pool>() {
    const SECRET: &str = "s3cr3t-Pa55";
    let postgres = Postgres::start();
    let check = PostgresCheck::<P>::from_url(&trader(&postgres)).unwrap();
    let backends = || postgres.psql("SELECT pid FROM pg_stat_activity WHERE usename = 'trader'");
    until(&check, "healthy").await;
    let first = backends();
    for _ in 0..20 {
        until(&check, "healthy").await;
    }
    assert_eq!((first.lines().count(), backends()), (1, first));

    let refused = PostgresCheck::<P>::from_url(&format!("postgres://trader:{SECRET}@host:port/x")).unwrap_err();
    assert!(!shown(&refused).contains(SECRET), "{refused}");
}

async fn password_is_shown_nowhere<P: Pool>() {
    const SECRET: &str = "s3cr3t-Pa55";
    let mut postgres = Postgres::start();
    postgres.psql("CREATE ROLE trader LOGIN PASSWORD 'right'");
    let url = postgres.url_as("trader", SECRET);
    let pool = P::of(&url, 1);
    let check = pool.clone().check(&url);
    let watched = Watched::start(pool.clone().check(&url));
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

/// Waits for what was cut off in this moment, and for nothing that takes longer.
#[track_caller]
fn assert_nothing_runs_for_trader(postgres: &Postgres) {
    let running = "SELECT query FROM pg_stat_activity WHERE usename = 'trader' AND state <> 'idle'";
    eventually(SOON, || match postgres.psql(running) {
        none if none.is_empty() => Ok(()),
        running => Err(running),
    });
}
