//! The weekly report, and what is done of it.

use std::time::Duration;

use aistm7_monitoring::database::maintenance::{Maintenance, MaintenanceError, Relation};
use aistm7_monitoring::store::postgres::{PostgresError, PostgresSession};
use deadpool_postgres_0_14::tokio_postgres::Client;
use sqlx_0_9::PgConnection;

use crate::support::postgres::{Postgres, psql};

fn public(name: &str) -> Relation {
    Relation { schema: "public".to_owned(), name: name.to_owned() }
}

async fn report_changes_nothing_and_analyze_does_what_it_is_told<S: PostgresSession>(postgres: &Postgres) {
    let maintenance = Maintenance::<S>::from_url(postgres.url()).unwrap();
    let report = maintenance.report().await.unwrap();
    let again = maintenance.report().await.unwrap();
    assert_eq!(report, again, "looking at it changes nothing");
    assert!(!report.is_replica && !report.is_clean());

    let names = |relations: Vec<&Relation>| relations.into_iter().map(|table| table.name.clone()).collect::<Vec<_>>();
    let stale = names(report.stale_statistics.iter().map(|stale| &stale.table).collect());
    assert_eq!(stale, ["Odd \"'; name", "orders"]);
    assert_eq!(report.stale_statistics[0].analyzed, None);
    assert_eq!((report.stale_statistics[1].rows, report.stale_statistics[1].modified), (1000, 500));
    assert_eq!(names(report.unused_indexes.iter().map(|unused| &unused.index).collect()), ["orders_note"]);
    assert_eq!(names(report.invalid_indexes.iter().map(|invalid| &invalid.index).collect()), ["orders_twice"]);
    assert_eq!(report.indexes.len(), 4);
    let bloat: Vec<_> = report.bloat_candidates.iter().map(|bloat| bloat.table.name.as_str()).collect();
    assert_eq!(bloat, ["hollow", "orders"], "{report}");
    assert!(report.bloat_candidates[0].reclaimable_bytes.unwrap() > report.bloat_candidates[0].bytes / 2);

    let analyzed = maintenance.analyze(&report.stale_statistics[..1]).await.unwrap();
    assert_eq!(analyzed.len(), 1);
    assert_eq!(analyzed[0].table, public("Odd \"'; name"));
    let left = maintenance.report().await.unwrap();
    assert_eq!(names(left.stale_statistics.iter().map(|stale| &stale.table).collect()), ["orders"]);
    // As it was before, for the next driver.
    postgres.psql("SELECT pg_stat_reset_single_table_counters('\"Odd \"\"''; name\"'::regclass)");
    postgres.psql("INSERT INTO \"Odd \"\"'; name\" SELECT n FROM generate_series(1, 2000) n");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; run by tests/run"]
async fn report_says_what_a_database_needs_and_changes_nothing() {
    let postgres = Postgres::start_with(&[("autovacuum", "off")]);
    postgres.psql(
        "CREATE TABLE orders (id int PRIMARY KEY, note text, kind int); \
         INSERT INTO orders SELECT n, 'note', n % 3 FROM generate_series(1, 1000) n; \
         CREATE INDEX orders_note ON orders (note); CREATE INDEX orders_kind ON orders (kind); \
         CREATE TABLE \"Odd \"\"'; name\" AS SELECT n FROM generate_series(1, 2000) n; \
         CREATE TABLE hollow AS SELECT n, repeat('x', 1000) AS text FROM generate_series(1, 5000) n; \
         CREATE TABLE calm AS SELECT n FROM generate_series(1, 100) n",
    );
    // In a transaction of its own: what one changes itself counts as changed later.
    postgres.psql("ANALYZE orders, calm");
    postgres.psql("DELETE FROM hollow WHERE n % 100 > 0");
    postgres.psql("VACUUM ANALYZE hollow");
    postgres.psql("UPDATE orders SET kind = 4 WHERE id <= 500");
    postgres.psql("SET enable_seqscan = off; SELECT count(*) FROM orders WHERE kind = 1");
    psql(&postgres.url(), "CREATE UNIQUE INDEX CONCURRENTLY orders_twice ON orders (kind)").unwrap_err();

    report_changes_nothing_and_analyze_does_what_it_is_told::<sqlx_0_8::PgConnection>(&postgres).await;
    report_changes_nothing_and_analyze_does_what_it_is_told::<PgConnection>(&postgres).await;
    report_changes_nothing_and_analyze_does_what_it_is_told::<Client>(&postgres).await;

    // Its SQL runs as it stands, but for the index that cannot be unique, and then there is nothing left to do.
    let maintenance = Maintenance::<PgConnection>::from_url(postgres.url()).unwrap();
    let report = maintenance.report().await.unwrap();
    for line in report.to_string().lines().filter(|line| !line.starts_with("REINDEX")) {
        postgres.psql(line);
    }
    assert!(postgres_refuses(&postgres, &report.invalid_indexes[0].sql()).contains("could not create unique index"));
    let left = maintenance.report().await.unwrap();
    assert_eq!((left.stale_statistics.len(), left.unused_indexes.len()), (0, 0), "{left}");

    // A table that is gone stops the work and is named; a lock is not waited for without end.
    postgres.psql("DROP TABLE \"Odd \"\"'; name\"");
    let gone = maintenance.analyze(&report.stale_statistics).await.unwrap_err();
    let MaintenanceError::Analyze { table, source: PostgresError::Server { sqlstate, .. } } = &gone else {
        panic!("{gone:?}")
    };
    assert_eq!((table, sqlstate.as_str()), (&public("Odd \"'; name"), "42P01"));

    // Somebody else's table is not analyzed, and that is said.
    postgres.psql("CREATE ROLE clerk LOGIN PASSWORD 'right'; GRANT SELECT ON orders TO clerk");
    let clerk = Maintenance::<PgConnection>::from_url(postgres.url_as("clerk", "right")).unwrap();
    let orders = report.stale_statistics.iter().filter(|stale| stale.table == public("orders")).cloned();
    let skipped = clerk.analyze(&orders.collect::<Vec<_>>()).await.unwrap_err();
    assert!(matches!(&skipped, MaintenanceError::NotPermitted { table } if *table == public("orders")), "{skipped:?}");

    statistics_that_are_older_than_told_are_stale_if_something_changed(&postgres).await;
}

fn postgres_refuses(postgres: &Postgres, sql: &str) -> String {
    psql(&postgres.url(), sql).unwrap_err()
}

async fn statistics_that_are_older_than_told_are_stale_if_something_changed(postgres: &Postgres) {
    postgres.psql("CREATE DATABASE fresh");
    let url = format!("postgres://postgres@127.0.0.1:{}/fresh", postgres.port());
    // Each in a transaction of its own.
    for sql in [
        "CREATE TABLE orders AS SELECT n FROM generate_series(1, 1000) n",
        "ANALYZE orders",
        "INSERT INTO orders VALUES (0)",
    ] {
        psql(&url, sql).unwrap();
    }
    let usual = Maintenance::<PgConnection>::from_url(&url).unwrap();
    assert!(usual.report().await.unwrap().is_clean());
    let strict = Maintenance::<PgConnection>::from_url(&url).unwrap().stale_after(Duration::ZERO);
    assert_eq!(strict.report().await.unwrap().stale_statistics[0].table, public("orders"));
}
