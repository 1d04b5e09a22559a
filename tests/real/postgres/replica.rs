//! A streaming replica that is behind, cut off from its primary, or promoted.

use std::time::Duration;

use aistm7_monitoring::health::{PostgresCheck, PostgresRole};

use super::{Pool, checked, fact, with_each_driver};
use crate::stores::{assert_steadily, run, until};
use crate::support::postgres::Postgres;

with_each_driver! {
    replica_is_judged_by_how_old_its_data_may_be: "needs PostgreSQL; run by tests/run",
    replica_without_its_primary_is_told_from_one_that_has_nothing_to_do: "needs PostgreSQL; run by tests/run",
    failover_is_seen_from_both_sides: "needs PostgreSQL; run by tests/run",
}

const LIMIT: Duration = Duration::from_secs(2);

/// A replica that soon notices when its primary is gone.
fn replica_of(primary: &Postgres) -> Postgres {
    Postgres::start_replica(primary, &[("wal_receiver_timeout", "5s"), ("wal_retrieve_retry_interval", "100ms")])
}

fn check_of<P: Pool>(replica: &Postgres) -> PostgresCheck<P> {
    // Nobody special: what the check reads needs no rights.
    checked::<P>(&replica.url_as("trader", "right"), 2).expect(PostgresRole::Replica).max_lag(LIMIT)
}

async fn replica_is_judged_by_how_old_its_data_may_be<P: Pool>() {
    let primary = Postgres::start();
    super::trader(&primary);
    let replica = replica_of(&primary);
    let check = check_of::<P>(&replica);
    until(&check, "healthy").await;
    assert_steadily(&checked::<P>(&replica.url(), 1).expect(PostgresRole::Primary), "read_only").await;

    replica.psql("SELECT pg_wal_replay_pause()");
    primary.psql("CREATE TABLE late (value int)");
    until(&check, "replica_lag").await;
    assert_steadily(&check, "replica_lag").await;
    // Without a limit, nobody asks.
    assert_steadily(&checked::<P>(&replica.url(), 1).expect(PostgresRole::Replica), "healthy").await;

    replica.psql("SELECT pg_wal_replay_resume()");
    until(&check, "healthy").await;
    fact(&run(&check).await.unwrap(), "replica_lag_seconds");
}

async fn replica_without_its_primary_is_told_from_one_that_has_nothing_to_do<P: Pool>() {
    let mut primary = Postgres::start();
    super::trader(&primary);
    let mut replica = replica_of(&primary);
    let check = check_of::<P>(&replica);
    until(&check, "healthy").await;
    // The primary has nothing to say for longer than the limit.
    primary.psql("SELECT pg_sleep(3)");
    assert_steadily(&check, "healthy").await;

    primary.kill();
    until(&check, "replication_stopped").await;
    assert_steadily(&check, "replication_stopped").await;
    // It never saw its primary since it was started.
    replica.restart();
    until(&check, "replication_stopped").await;
    primary.restart();
    until(&check, "healthy").await;
    assert_steadily(&check, "healthy").await;

    primary.freeze();
    until(&check, "replication_stopped").await;
    primary.thaw();
    until(&check, "healthy").await;
}

async fn failover_is_seen_from_both_sides<P: Pool>() {
    let mut primary = Postgres::start();
    super::trader(&primary);
    let replica = replica_of(&primary);
    let of_old = checked::<P>(&primary.url(), 2).expect(PostgresRole::Primary);
    let of_new = checked::<P>(&replica.url(), 2).expect(PostgresRole::Primary);
    let of_reader = check_of::<P>(&replica);
    until(&of_reader, "healthy").await;
    assert_steadily(&of_old, "healthy").await;
    assert_steadily(&of_new, "read_only").await;

    primary.kill();
    replica.psql("SELECT pg_promote()");
    until(&of_new, "healthy").await;
    assert_steadily(&of_reader, "not_a_replica").await;
    assert_steadily(&of_old, "unreachable").await;
}
