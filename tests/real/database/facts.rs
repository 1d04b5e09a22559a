//! What a server tells of itself: checked against its own views, in all its troubles.

use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::database::postgres::PostgresFacts;
use aistm7_monitoring::database::{Database, DatabaseOptions};
use aistm7_monitoring::metrics::{Meter, Registry, RegistryOptions};
use aistm7_monitoring::store::lease::{Lease, POSTGRES_LEASE_TABLE};
use aistm7_monitoring::store::postgres::PostgresSession;
use deadpool_postgres_0_14::tokio_postgres::Client;
use sqlx_0_9::{Connection, PgConnection, PgPool};

use crate::scraped::quiet;
use crate::stores::SOON;
use crate::support::pgbouncer::PgBouncer;
use crate::support::poll::eventually_async;
use crate::support::postgres::Postgres;

/// From one round to the next.
const INTERVAL: Duration = Duration::from_secs(30);

/// A service that collects the facts of one server, a round whenever the test says so.
struct Watched {
    registry: Registry,
    held: ManualClock,
}

impl Watched {
    fn new<S: PostgresSession>(url: &str) -> Self {
        Self::with::<S>(url, |facts| facts)
    }

    fn with<S: PostgresSession>(url: &str, set: impl FnOnce(PostgresFacts<S>) -> PostgresFacts<S>) -> Self {
        let held = ManualClock::new();
        let registry = Registry::with(RegistryOptions::new().clock(held.clock()));
        let database = Database::register(&Meter::new(&registry), held.clock(), DatabaseOptions::new()).unwrap();
        let facts = PostgresFacts::from_url(url).unwrap().interval(INTERVAL).slow_interval(INTERVAL);
        database.collect("trading", set(facts)).unwrap();
        Self { registry, held }
    }

    /// One round to its end: how it ended.
    async fn round(&self) -> &'static str {
        let runs = |outcome| {
            let labels = [("collector", "postgres-trading"), ("outcome", outcome)];
            self.registry.snapshot().value("monitoring_collector_runs_total", &labels).unwrap_or_default()
        };
        let ends = ["ok", "failed", "late", "panicked"];
        let before = ends.map(runs);
        self.held.advance(INTERVAL);
        self.registry.collect();
        let ended = eventually_async(SOON, async || {
            let ended = ends.iter().zip(before).find(|(outcome, before)| runs(outcome) > *before);
            ended.map(|(outcome, _)| *outcome).ok_or("the round has not ended")
        });
        let ended = ended.await;
        // Another would be due later only; this one is shown.
        self.registry.collect();
        ended
    }

    fn value(&self, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: Vec<_> = [("database", "trading")].into_iter().chain(labels.iter().copied()).collect();
        self.registry.snapshot().value(metric, &labels)
    }

    fn partial(&self, section: &str) -> Option<f64> {
        self.value("db_facts_partial", &[("section", section)])
    }
}

const SECTIONS: [&str; 11] = [
    "server",
    "activity",
    "database",
    "locks",
    "replication",
    "writes",
    "size",
    "wal",
    "tables",
    "indexes",
    "statements",
];

fn with_statements() -> Postgres {
    let settings = [
        ("shared_preload_libraries", "pg_stat_statements"),
        ("pg_stat_statements.track_planning", "on"),
        // Its workers would be connections that come and go.
        ("autovacuum", "off"),
    ];
    let postgres = Postgres::start_with(&settings);
    postgres.psql("CREATE EXTENSION pg_stat_statements");
    postgres
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; run by tests/run"]
async fn facts_under_load_are_those_of_the_servers_views() {
    let postgres = with_statements();
    postgres.pgbench(&["--initialize", "--scale=1", "--quiet"]);
    postgres.pgbench(&["--client=4", "--transactions=100", "--no-vacuum"]);
    postgres.psql("ANALYZE pgbench_accounts; CREATE TABLE fresh (n int)");
    // More than the sort has room for.
    postgres.psql("SET work_mem = '64kB'; SELECT count(*) FROM (SELECT FROM pgbench_accounts ORDER BY filler, aid) t");
    let watched = Watched::new::<PgConnection>(&postgres.url());
    let counters = [
        ("db_commits_total", "xact_commit"),
        ("db_rollbacks_total", "xact_rollback"),
        ("db_blocks_hit_total", "blks_hit"),
        ("db_blocks_read_total", "blks_read"),
        ("db_rows_fetched_total", "tup_fetched"),
        ("db_rows_inserted_total", "tup_inserted"),
        ("db_rows_updated_total", "tup_updated"),
        ("db_rows_deleted_total", "tup_deleted"),
        ("db_temporary_files_total", "temp_files"),
        ("db_deadlocks_total", "deadlocks"),
    ];
    let look = |column: &str| -> f64 {
        let sql = format!("SELECT {column} FROM pg_stat_database WHERE datname = current_database()");
        postgres.psql(&sql).parse().unwrap()
    };
    let before = counters.map(|(_, column)| look(column));
    assert_eq!(watched.round().await, "ok");
    for ((metric, column), before) in counters.into_iter().zip(before) {
        let (shown, after) = (watched.value(metric, &[]).unwrap_or_else(|| panic!("no {metric}")), look(column));
        assert!((before..=after).contains(&shown), "{metric}: {before} <= {shown} <= {after}");
    }
    assert!(watched.value("db_temporary_bytes_total", &[]).unwrap() > 1_000_000.0);
    for section in SECTIONS {
        assert_eq!(watched.partial(section), Some(0.0), "{section}");
    }
    let accounts = [("table", "public.pgbench_accounts")];
    assert_eq!(watched.value("db_table_rows_updated_total", &accounts), Some(400.0));
    assert_eq!(watched.value("db_table_live_rows", &accounts), Some(100_000.0));
    let number = |sql: &str| -> f64 { postgres.psql(sql).parse().unwrap() };
    let scans = number("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'pgbench_accounts_pkey'");
    let key = [("table", "public.pgbench_accounts"), ("index", "pgbench_accounts_pkey")];
    assert_eq!(watched.value("db_index_scans_total", &key), Some(scans));
    assert!(scans >= 800.0);
    for (metric, column) in
        [("db_index_blocks_hit_total", "idx_blks_hit"), ("db_index_blocks_read_total", "idx_blks_read")]
    {
        let told = number(&format!("SELECT sum({column}) FROM pg_statio_user_indexes"));
        assert_eq!(watched.value(metric, &[]), Some(told), "{metric}");
    }
    let size = number("SELECT pg_total_relation_size('pgbench_accounts')");
    assert_eq!(watched.value("db_table_size_bytes", &accounts), Some(size));
    let analyzed =
        number("SELECT extract(epoch FROM last_analyze) FROM pg_stat_user_tables WHERE relname = 'pgbench_accounts'");
    assert!((watched.value("db_table_last_analyze_timestamp_seconds", &accounts).unwrap() - analyzed).abs() < 1e-3);
    assert_eq!(watched.value("db_table_last_analyze_timestamp_seconds", &[("table", "public.fresh")]), None);
    assert_eq!(watched.value("db_table_live_rows", &[("table", "public.fresh")]), Some(0.0));

    let id = postgres.psql("SELECT queryid FROM pg_stat_statements WHERE query LIKE 'UPDATE pgbench_accounts%'");
    let update = [
        ("user", "postgres"),
        ("statement", "update pgbench_accounts set abalance = abalance + ? where aid = ?"),
        ("queryid", &*id),
    ];
    assert_eq!(watched.value("db_statement_calls_total", &update), Some(400.0));
    let took =
        number("SELECT total_exec_time / 1000 FROM pg_stat_statements WHERE query LIKE 'UPDATE pgbench_accounts%'");
    assert!((watched.value("db_statement_seconds_total", &update).unwrap() - took).abs() < 1e-6);

    assert_eq!(watched.value("db_max_connections", &[]), Some(100.0));
    assert_eq!(watched.value("db_reserved_connections", &[]), Some(3.0));
    assert_eq!(watched.value("db_connection_headroom", &[]), Some(96.0), "we are one");
    assert_eq!(watched.value("db_server_version", &[]), Some(number("SHOW server_version_num")));
    assert_eq!(watched.value("db_in_recovery", &[]), Some(0.0));
    assert_eq!(watched.value("db_replica_lag_seconds", &[]), None, "a primary has none");
    assert!(watched.value("db_transaction_id_age", &[]).unwrap() >= 400.0);
    assert!(watched.value("db_wal_bytes_total", &[]).unwrap() > 0.0);
    assert!(watched.value("db_wal_files", &[]).unwrap() >= 1.0);
}

async fn session(postgres: &Postgres) -> PgConnection {
    PgConnection::connect(&postgres.url()).await.unwrap()
}

async fn run(session: &mut PgConnection, sql: &'static str) -> Result<(), sqlx_0_9::Error> {
    sqlx_0_9::Executor::execute(session, sqlx_0_9::raw_sql(sql)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; run by tests/run"]
async fn deadlock_lock_queue_and_idle_transaction_are_seen() {
    let postgres = Postgres::start();
    postgres.psql("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0), (2, 0)");
    let watched = Watched::new::<PgConnection>(&postgres.url());
    assert_eq!(watched.round().await, "ok");
    for metric in
        ["db_deadlocks_total", "db_active_transactions", "db_lock_waiting_sessions", "db_longest_lock_wait_seconds"]
    {
        assert_eq!(watched.value(metric, &[]), Some(0.0), "{metric}");
    }

    let (mut one, mut other) = (session(&postgres).await, session(&postgres).await);
    run(&mut one, "BEGIN; UPDATE t SET n = 1 WHERE id = 1").await.unwrap();
    run(&mut other, "BEGIN; UPDATE t SET n = 1 WHERE id = 2").await.unwrap();
    let crossing = tokio::join!(
        run(&mut one, "UPDATE t SET n = 2 WHERE id = 2"),
        run(&mut other, "UPDATE t SET n = 2 WHERE id = 1")
    );
    assert!(crossing.0.is_err() != crossing.1.is_err(), "{crossing:?}");
    run(&mut one, "ROLLBACK").await.unwrap();
    run(&mut other, "ROLLBACK").await.unwrap();

    run(&mut one, "BEGIN; UPDATE t SET n = 3 WHERE id = 1").await.unwrap();
    let queue: Vec<_> = [other, session(&postgres).await]
        .into_iter()
        .map(|mut waits| tokio::spawn(async move { run(&mut waits, "UPDATE t SET n = 4 WHERE id = 1").await }))
        .collect();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    eventually_async(SOON, async || if postgres.psql(waiting) == "2" { Ok(()) } else { Err("nobody waits") }).await;

    assert_eq!(watched.round().await, "ok");
    assert_eq!(watched.value("db_deadlocks_total", &[]), Some(1.0));
    assert_eq!(watched.value("db_lock_waiting_sessions", &[]), Some(2.0));
    assert!(watched.value("db_lock_blocking_sessions", &[]).unwrap() >= 1.0);
    assert!(watched.value("db_longest_lock_wait_seconds", &[]).unwrap() > 0.0);
    assert_eq!(watched.value("db_sessions", &[("state", "idle_in_transaction")]), Some(1.0));
    assert_eq!(watched.value("db_sessions", &[("state", "active")]), Some(2.0));
    assert_eq!(watched.value("db_waiting_sessions", &[("wait_event_type", "lock")]), Some(2.0));
    assert_eq!(watched.value("db_active_transactions", &[]), Some(3.0));
    assert!(watched.value("db_longest_idle_in_transaction_seconds", &[]).unwrap() > 0.0);
    assert!(watched.value("db_longest_transaction_seconds", &[]) >= watched.value("db_longest_query_seconds", &[]));
    assert!(watched.value("db_locks", &[("mode", "row_exclusive")]).unwrap() >= 3.0);

    run(&mut one, "ROLLBACK").await.unwrap();
    for waited in queue {
        waited.await.unwrap().unwrap();
    }
    assert_eq!(watched.round().await, "ok");
    assert_eq!(watched.value("db_lock_blocking_sessions", &[]), Some(0.0));
    no_question_waits_for_long(&postgres, one).await;
}

/// A table that is locked costs what is told of tables, and nothing else.
async fn no_question_waits_for_long(postgres: &Postgres, mut locks: PgConnection) {
    run(&mut locks, "BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE").await.unwrap();
    for (statement_timeout, said) in [(100, "statement timeout"), (60_000, "lock timeout")] {
        let limit = Duration::from_millis(statement_timeout);
        let watched = Watched::with::<PgConnection>(&postgres.url(), |facts| facts.statement_timeout(limit));
        // On a busy machine the shorter limit may be too short for anything.
        let asked = async || if watched.round().await == "ok" { Ok(()) } else { Err("it is left alone") };
        eventually_async(SOON, asked).await;
        assert_eq!(watched.partial("tables"), Some(1.0), "{said}");
        assert_eq!(watched.value("db_tables", &[]), None, "{said}");
        let told = format!("canceling statement due to {said}");
        assert!(postgres.log().contains(&told), "{told}");
    }
    let watched = Watched::new::<PgConnection>(&postgres.url());
    assert_eq!(watched.round().await, "ok");
    for section in SECTIONS {
        let is_missing = f64::from(u8::from(matches!(section, "tables" | "statements")));
        assert_eq!(watched.partial(section), Some(is_missing), "{section}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; run by tests/run"]
async fn unused_and_invalid_indexes_are_counted_and_what_was_chosen_stays() {
    let postgres = Postgres::start();
    postgres.psql(
        "CREATE TABLE prices (id int PRIMARY KEY, day int, symbol int); \
         INSERT INTO prices SELECT n, n / 10, n % 7 FROM generate_series(1, 20000) n; \
         CREATE INDEX prices_day ON prices (day); CREATE INDEX prices_symbol ON prices (symbol); ANALYZE prices",
    );
    postgres.psql("SET enable_seqscan = off; SELECT count(*) FROM prices WHERE day = 7");
    let refused = postgres_error(&postgres, "CREATE UNIQUE INDEX CONCURRENTLY prices_twice ON prices (day)");
    assert!(refused.contains("could not create unique index"), "{refused}");
    let watched = Watched::with::<PgConnection>(&postgres.url(), |facts| facts.tables(1).indexes(3));
    assert_eq!(watched.round().await, "ok");
    let count = |metric| watched.value(metric, &[]);
    assert_eq!(
        (count("db_indexes"), count("db_unused_indexes"), count("db_invalid_indexes")),
        (Some(4.0), Some(1.0), Some(1.0))
    );
    assert!(count("db_unused_index_bytes").unwrap() >= 8192.0);
    let scans = |index| watched.value("db_index_scans_total", &[("table", "public.prices"), ("index", index)]);
    assert_eq!(scans("prices_twice"), Some(0.0), "invalid ones come first");
    assert!(scans("prices_day").unwrap() >= 1.0);

    // A larger one comes, and what is shown stays for a day.
    postgres.psql("CREATE TABLE larger AS SELECT n FROM generate_series(1, 100000) n; ANALYZE larger");
    let rows = |table| watched.value("db_table_live_rows", &[("table", table)]);
    assert_eq!(watched.round().await, "ok");
    assert_eq!((rows("public.prices"), rows("public.larger")), (Some(20_000.0), None));
    assert_eq!((count("db_tables"), count("db_sequential_scan_heavy_tables")), (Some(2.0), Some(1.0)));
    watched.held.advance(Duration::from_secs(24 * 3600));
    assert_eq!(watched.round().await, "ok");
    assert_eq!((rows("public.prices"), rows("public.larger")), (None, Some(100_000.0)));
}

fn postgres_error(postgres: &Postgres, sql: &str) -> String {
    crate::support::postgres::psql(&postgres.url(), sql).expect_err("the server refuses that")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; run by tests/run"]
async fn server_that_starts_again_is_found_and_its_counts_begin_anew() {
    let mut postgres = Postgres::start();
    postgres.psql("CREATE TABLE t AS SELECT n FROM generate_series(1, 5000) n");
    let watched = Watched::new::<PgConnection>(&postgres.url());
    assert_eq!(watched.round().await, "ok");
    let inserted = || watched.value("db_rows_inserted_total", &[]).unwrap();
    let (before, started) = (inserted(), watched.value("db_server_start_timestamp_seconds", &[]).unwrap());
    assert!(before >= 5000.0);

    postgres.kill();
    assert_eq!(watched.round().await, "failed");
    assert_eq!(inserted(), before, "what is known stays while it is fresh");
    postgres.restart();
    eventually_async(SOON, async || if watched.round().await == "ok" { Ok(()) } else { Err("it is left alone") }).await;
    assert!(inserted() < 5000.0, "{} after {before}", inserted());
    assert!(watched.value("db_server_start_timestamp_seconds", &[]).unwrap() > started);

    // Restarted between two rounds, it costs none of them.
    postgres.kill();
    postgres.restart();
    assert_eq!(watched.round().await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; run by tests/run"]
async fn what_a_role_may_not_see_is_partial_and_never_zero() {
    let postgres = with_statements();
    postgres.psql("CREATE ROLE trader LOGIN PASSWORD 'right'");
    let mut idle = session(&postgres).await;
    run(&mut idle, "BEGIN; SELECT 1").await.unwrap();
    let watched = Watched::new::<PgConnection>(&postgres.url_as("trader", "right"));
    assert_eq!(watched.round().await, "ok");
    for section in SECTIONS {
        let needs = matches!(section, "activity" | "replication" | "wal" | "statements");
        assert_eq!(watched.partial(section), Some(f64::from(u8::from(needs))), "{section}");
    }
    let active = || watched.value("db_active_transactions", &[]);
    assert_eq!(active(), None);
    assert_eq!(watched.value("db_wal_files", &[]), None);
    assert!(watched.value("db_commits_total", &[]).is_some());
    assert!(watched.value("db_used_connections", &[]).unwrap() >= 2.0);

    postgres.psql("GRANT pg_monitor TO trader");
    assert_eq!(watched.round().await, "ok");
    for section in SECTIONS {
        assert_eq!(watched.partial(section), Some(0.0), "{section}");
    }
    assert_eq!(active(), Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; run by tests/run"]
async fn replication_is_told_from_both_sides() {
    let primary = Postgres::start_with(&[("autovacuum", "off")]);
    primary.psql("CREATE TABLE t AS SELECT n FROM generate_series(1, 10) n");
    primary.psql("SELECT pg_create_physical_replication_slot('kept', true)");
    let replica = Postgres::start_replica(&primary, &[("max_standby_streaming_delay", "0")]);
    // The age of what it replayed last is known once it has replayed anything.
    primary.psql("INSERT INTO t VALUES (11)");
    let (above, below) = (Watched::new::<PgConnection>(&primary.url()), Watched::new::<PgConnection>(&replica.url()));
    eventually_async(SOON, async || {
        assert_eq!((above.round().await, below.round().await), ("ok", "ok"));
        let streaming = above.value("db_replicas", &[("state", "streaming")]);
        let lag = (above.value("db_replication_lag_bytes", &[]), below.value("db_replica_lag_seconds", &[]));
        let follows = streaming == Some(1.0) && lag == (Some(0.0), Some(0.0));
        if follows { Ok(()) } else { Err(format!("{streaming:?}, {lag:?}")) }
    })
    .await;
    for section in SECTIONS {
        let is_missing = f64::from(u8::from(section == "statements"));
        assert_eq!((above.partial(section), below.partial(section)), (Some(is_missing), Some(is_missing)), "{section}");
    }
    let in_recovery = |watched: &Watched| watched.value("db_in_recovery", &[]);
    assert_eq!((in_recovery(&above), in_recovery(&below)), (Some(0.0), Some(1.0)));
    assert!(above.value("db_replication_lag_seconds", &[]).unwrap() >= 0.0, "the last that was measured");
    let slots = |state| above.value("db_replication_slots", &[("state", state)]);
    assert_eq!((slots("active"), slots("inactive")), (Some(0.0), Some(1.0)));
    assert!(above.value("db_replication_slot_retained_bytes", &[]).unwrap() >= 0.0);
    assert_eq!(below.value("db_replicas", &[("state", "streaming")]), Some(0.0));
    assert_eq!(below.value("db_replication_lag_seconds", &[]), None, "nobody follows it");

    // It is behind: what it received it may not replay.
    replica.psql("SELECT pg_wal_replay_pause()");
    primary.psql("INSERT INTO t VALUES (12)");
    eventually_async(SOON, async || {
        assert_eq!((above.round().await, below.round().await), ("ok", "ok"));
        let lag = (above.value("db_replication_lag_bytes", &[]), below.value("db_replica_lag_seconds", &[]));
        let is_behind = lag.0.zip(lag.1).is_some_and(|(bytes, seconds)| bytes > 0.0 && seconds > 0.0);
        if is_behind { Ok(()) } else { Err(format!("{lag:?}")) }
    })
    .await;
    replica.psql("SELECT pg_wal_replay_resume()");

    // A session that holds what the primary drops.
    let conflicts = || below.value("db_conflicts_total", &[("cause", "lock")]);
    assert_eq!(conflicts(), Some(0.0));
    let mut reader = session(&replica).await;
    run(&mut reader, "BEGIN; SELECT FROM t").await.unwrap();
    primary.psql("DROP TABLE t");
    eventually_async(SOON, async || {
        assert_eq!(below.round().await, "ok");
        if conflicts() == Some(1.0) { Ok(()) } else { Err(format!("{:?}", conflicts())) }
    })
    .await;
}

async fn one_connection_is_kept<S: PostgresSession>(postgres: &Postgres) {
    let watched = Watched::new::<S>(&postgres.url());
    assert_eq!(watched.round().await, "ok");
    let first = postgres.psql(OWN_SESSIONS);
    assert!(first.starts_with("1|"), "{first}");
    for _ in 0..3 {
        assert_eq!(watched.round().await, "ok");
    }
    assert_eq!(postgres.psql(OWN_SESSIONS), first);
    drop(watched);
    none_is_left(postgres).await;
}

async fn server_is_asked_by_one_replica_and_shown_by_all(postgres: &Postgres) {
    postgres.psql(POSTGRES_LEASE_TABLE);
    let replica = || {
        let lease = Lease::new(PgPool::connect_lazy(&postgres.url()).unwrap());
        let monitoring = quiet("orders").lease(lease).replicas(2).build().unwrap();
        let facts = PostgresFacts::<PgConnection>::from_url(postgres.url()).unwrap();
        monitoring.database().collect("trading", facts).unwrap();
        monitoring
    };
    let replicas = [replica(), replica()];
    let value = |replica: &Monitoring, metric| replica.registry().snapshot().value(metric, &[("database", "trading")]);
    for replica in &replicas {
        eventually_async(SOON, async || {
            let registry = replica.registry().clone();
            tokio::task::spawn_blocking(move || registry.collect()).await.unwrap();
            value(replica, "db_commits_total").ok_or("nothing is shown yet")
        })
        .await;
    }
    for metric in ["db_commits_total", "db_server_start_timestamp_seconds", "db_size_bytes"] {
        let [one, other] = replicas.each_ref().map(|replica| value(replica, metric));
        assert!(one.is_some() && one == other, "{metric}: {one:?}, {other:?}");
    }
    assert!(postgres.psql(OWN_SESSIONS).starts_with("1|"), "only one of them has connected");
    drop(replicas);
    none_is_left(postgres).await;
}

const OWN_SESSIONS: &str =
    "SELECT count(*), min(pid) FROM pg_stat_activity WHERE application_name = 'aistm7-monitoring'";

async fn none_is_left(postgres: &Postgres) {
    let gone = async || if postgres.psql(OWN_SESSIONS).starts_with("0|") { Ok(()) } else { Err("it is still there") };
    eventually_async(SOON, gone).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and PgBouncer; run by tests/run"]
async fn collector_is_one_connection_of_each_driver_also_behind_a_pooler() {
    let postgres = Postgres::start();
    one_connection_is_kept::<sqlx_0_8::PgConnection>(&postgres).await;
    one_connection_is_kept::<PgConnection>(&postgres).await;
    one_connection_is_kept::<Client>(&postgres).await;
    server_is_asked_by_one_replica_and_shown_by_all(&postgres).await;
    let pooler = PgBouncer::in_front_of(&postgres);
    let watched = [
        Watched::new::<sqlx_0_8::PgConnection>(&pooler.url()),
        Watched::new::<PgConnection>(&pooler.url()),
        Watched::new::<Client>(&pooler.url()),
    ];
    for _ in 0..3 {
        for watched in &watched {
            assert_eq!(watched.round().await, "ok");
            assert_eq!(watched.partial("activity"), Some(0.0));
            assert!(watched.value("db_commits_total", &[]).unwrap() > 0.0);
        }
    }
}
