//! A server whose disk is full.

use super::{Pool, checked, with_each_driver};
use crate::stores::{assert_steadily, until};
use crate::support::postgres::{Postgres, psql};

with_each_driver! {
    full_disk_is_seen_by_a_check_that_writes: "needs PostgreSQL and user namespaces; run by tests/run",
}

async fn full_disk_is_seen_by_a_check_that_writes<P: Pool>() {
    let postgres = Postgres::start_on_disk_of("140m");
    let url = super::trader(&postgres);
    let check = checked::<P>(&url, 2).write_temporary();
    assert_steadily(&check, "healthy").await;

    // Not in the log, whose last space would bring the server down.
    postgres.psql("CREATE UNLOGGED TABLE heap (line text)");
    let line = "INSERT INTO heap SELECT repeat('x', 1000) FROM generate_series(1, 1000)";
    let refused = loop {
        if let Err(refused) = psql(&postgres.url(), line) {
            break refused;
        }
    };
    assert!(refused.contains("could not extend file"), "{refused}");
    assert_steadily(&check, "disk_full").await;
    // What only reads works all the same.
    assert_steadily(&checked::<P>(&url, 1), "healthy").await;

    postgres.psql("DROP TABLE heap");
    until(&check, "healthy").await;
    assert_eq!(postgres.psql("SELECT count(*) FROM pg_ls_tmpdir()"), "0", "nothing is left behind");
}
