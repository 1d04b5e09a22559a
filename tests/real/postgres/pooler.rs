//! PgBouncer with transaction pooling, which answers for itself whatever its server does.

use std::thread;

use super::{Pool, checked, with_each_driver};
use crate::stores::{SOON, assert_steadily, run, until};
use crate::support::pgbouncer::PgBouncer;
use crate::support::poll::eventually;
use crate::support::postgres::{Postgres, psql};

with_each_driver! {
    fifty_runs_pass_transaction_pooling: "needs PostgreSQL and PgBouncer; run by tests/run",
    server_that_is_gone_is_told_from_its_pooler: "needs PostgreSQL and PgBouncer; run by tests/run",
    pooler_that_never_saw_its_server_says_so: "needs PostgreSQL and PgBouncer; run by tests/run",
    full_pooler_is_a_queue: "needs PostgreSQL and PgBouncer; run by tests/run",
    pooler_that_is_gone_is_unreachable: "needs PostgreSQL and PgBouncer; run by tests/run",
}

async fn fifty_runs_pass_transaction_pooling<P: Pool>() {
    let postgres = Postgres::start();
    let pgbouncer = PgBouncer::in_front_of(&postgres);
    let url = pgbouncer.url();
    // Five services, so that a run finds itself on connections that others have used.
    let checks: Vec<_> = (0..5).map(|_| checked::<P>(&url, 2).behind_pooler()).collect();
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
    // No statement was named on any of them.
    assert_eq!(psql(&url, "SELECT count(*) FROM pg_prepared_statements").unwrap(), "0");
}

async fn server_that_is_gone_is_told_from_its_pooler<P: Pool>() {
    let mut postgres = Postgres::start();
    let pgbouncer = PgBouncer::in_front_of(&postgres);
    let check = checked::<P>(&pgbouncer.url(), 2).behind_pooler();
    let of_one = checked::<P>(&pgbouncer.url(), 1).behind_pooler();
    assert_steadily(&check, "healthy").await;
    assert_steadily(&of_one, "healthy").await;

    postgres.kill();
    // From the first run on.
    assert_steadily(&check, "pooler_up_backend_down").await;
    assert_steadily(&of_one, "pooler_up_backend_down").await;
    postgres.restart();
    until(&check, "healthy").await;
    until(&of_one, "healthy").await;
}

async fn pooler_that_never_saw_its_server_says_so<P: Pool>() {
    let mut postgres = Postgres::start();
    postgres.kill();
    let pgbouncer = PgBouncer::in_front_of(&postgres);
    let check = checked::<P>(&pgbouncer.url(), 2).behind_pooler();
    assert_steadily(&check, "pooler_up_backend_down").await;
    postgres.restart();
    until(&check, "healthy").await;
}

async fn full_pooler_is_a_queue<P: Pool>() {
    let mut postgres = Postgres::start();
    let pgbouncer = PgBouncer::with_settings(&postgres, &[("default_pool_size", "1"), ("query_wait_timeout", "5")]);
    let url = pgbouncer.url();
    let check = checked::<P>(&url, 3).behind_pooler();
    assert_steadily(&check, "healthy").await;

    let of_other = url.clone();
    let other = thread::spawn(move || psql(&of_other, "SELECT pg_sleep(600)"));
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'";
    eventually(SOON, || if postgres.psql(running) == "1" { Ok(()) } else { Err("the other query does not run yet") });
    assert_steadily(&check, "pooler_queue_timeout").await;
    postgres.psql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'");
    other.join().unwrap().unwrap_err();
    until(&check, "healthy").await;

    // For PgBouncer, a server that hangs is busy.
    postgres.freeze();
    assert_steadily(&check, "pooler_queue_timeout").await;
    postgres.thaw();
    until(&check, "healthy").await;
}

async fn pooler_that_is_gone_is_unreachable<P: Pool>() {
    let postgres = Postgres::start();
    let mut pgbouncer = PgBouncer::in_front_of(&postgres);
    let check = checked::<P>(&pgbouncer.url(), 2).behind_pooler();
    until(&check, "healthy").await;
    pgbouncer.freeze();
    assert_steadily(&check, "unreachable").await;
    pgbouncer.thaw();
    until(&check, "healthy").await;
    pgbouncer.kill();
    assert_steadily(&check, "unreachable").await;
    pgbouncer.restart();
    until(&check, "healthy").await;
}
