//! What a server is asked, in the words of its version: from PostgreSQL 13 to 17.
//!
//! Rows have their values in columns that are called as the metrics are, and their labels in columns of theirs.

use super::chosen::Chosen;
use super::server::{Server, Statements};
use crate::store::postgres::APPLICATION_NAME;

pub(super) fn server(_: &Server, _: &Chosen) -> Vec<String> {
    vec![SERVER.to_owned()]
}

pub(super) fn locks(_: &Server, _: &Chosen) -> Vec<String> {
    vec![LOCKS.to_owned()]
}

pub(super) fn replication(_: &Server, _: &Chosen) -> Vec<String> {
    [REPLICAS, REPLICATION_LAG, SLOTS, SLOT_RETAINS].map(str::to_owned).into()
}

pub(super) fn size(_: &Server, _: &Chosen) -> Vec<String> {
    vec![SIZE.to_owned()]
}

pub(super) fn wal(_: &Server, _: &Chosen) -> Vec<String> {
    vec![WAL_FILES.to_owned()]
}

pub(super) fn tables(_: &Server, chosen: &Chosen) -> Vec<String> {
    vec![TABLES_IN_ALL.to_owned(), TABLES.replace(OF_CHOSEN, &chosen.tables.array())]
}

pub(super) fn indexes(_: &Server, chosen: &Chosen) -> Vec<String> {
    let in_all = INDEXES_IN_ALL.replace(OF_INDEXES, INDEX_USE);
    vec![in_all, INDEXES.replace(OF_CHOSEN, &chosen.indexes.array())]
}

/// Where a query has an array of the chosen.
const OF_CHOSEN: &str = "{chosen}";
/// Where a query has all indexes.
const OF_INDEXES: &str = "{indexes}";

/// The lag is 0 while all that was received is replayed: a primary may have nothing to say.
const SERVER: &str = "\
SELECT current_setting('server_version_num')::int AS db_server_version,
    extract(epoch FROM pg_postmaster_start_time()) AS db_server_start_timestamp_seconds,
    pg_is_in_recovery()::int AS db_in_recovery,
    CASE WHEN NOT pg_is_in_recovery() THEN NULL
        WHEN pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
        ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END AS db_replica_lag_seconds,
    takes AS db_max_connections,
    reserved AS db_reserved_connections,
    used AS db_used_connections,
    greatest(takes - reserved - used, 0) AS db_connection_headroom,
    (SELECT max(age(datfrozenxid)) FROM pg_database) AS db_transaction_id_age,
    (SELECT max(mxid_age(datminmxid)) FROM pg_database) AS db_multixact_id_age
FROM (SELECT current_setting('max_connections')::int AS takes,
    current_setting('superuser_reserved_connections')::int
        + coalesce(current_setting('reserved_connections', true), '0')::int AS reserved,
    (SELECT sum(numbackends) FROM pg_stat_database)::int AS used) AS connections";

/// Sessions of clients of this database, but for our own.
const CLIENTS: &str = "\
(SELECT * FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' \
    AND pid <> pg_backend_pid()) AS a";

pub(super) fn activity(server: &Server, _: &Chosen) -> Vec<String> {
    let states = format!(
        "SELECT word AS state, count(a.pid) AS db_sessions
        FROM (VALUES ('active', 'active'), ('idle', 'idle'), ('idle_in_transaction', 'idle in transaction'),
            ('idle_in_transaction_aborted', 'idle in transaction (aborted)'),
            ('fastpath_function_call', 'fastpath function call'), ('disabled', 'disabled')) AS states (word, state)
        LEFT JOIN {CLIENTS} ON a.state = states.state GROUP BY word"
    );
    let waits = format!(
        "SELECT word AS wait_event_type, count(a.pid) AS db_waiting_sessions
        FROM (VALUES ('buffer_pin', 'BufferPin'), ('client', 'Client'), ('extension', 'Extension'), ('io', 'IO'),
            ('ipc', 'IPC'), ('lock', 'Lock'), ('lwlock', 'LWLock'), ('timeout', 'Timeout')) AS types (word, type)
        LEFT JOIN {CLIENTS} ON a.wait_event_type = types.type AND a.state = 'active' GROUP BY word"
    );
    // pg_blocking_pids stops the lock manager for a moment, so it is called only if somebody waits.
    let ages = format!(
        "SELECT count(*) FILTER (WHERE xact_start IS NOT NULL AND state <> 'idle') AS db_active_transactions,
            {transaction} AS db_longest_transaction_seconds,
            {query} AS db_longest_query_seconds,
            {idle} AS db_longest_idle_in_transaction_seconds,
            count(*) FILTER (WHERE wait_event_type = 'Lock') AS db_lock_waiting_sessions,
            CASE WHEN count(*) FILTER (WHERE wait_event_type = 'Lock') = 0 THEN 0 ELSE (
                SELECT count(DISTINCT blocker) FROM (SELECT unnest(pg_blocking_pids(a.pid)) AS blocker
                    FROM {CLIENTS} WHERE a.wait_event_type = 'Lock') AS blockers) END AS db_lock_blocking_sessions,
            (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'
                AND datname = current_database()) AS db_autovacuum_workers
        FROM {CLIENTS}",
        transaction = oldest("xact_start", "state <> 'idle'"),
        query = oldest("query_start", "state = 'active'"),
        idle = oldest("state_change", "state LIKE 'idle in transaction%'"),
    );
    let lock_wait = if server.is_since(14) {
        format!(
            "SELECT {} AS db_longest_lock_wait_seconds FROM pg_locks
            WHERE NOT granted AND pid IN (SELECT pid FROM {CLIENTS})",
            oldest("waitstart", "true")
        )
    } else {
        // How long the query has run that waits, at least.
        let waits = oldest("state_change", "wait_event_type = 'Lock'");
        format!("SELECT {waits} AS db_longest_lock_wait_seconds FROM {CLIENTS}")
    };
    vec![states, waits, ages, lock_wait]
}

/// The age of the oldest such moment, 0 if there is none.
fn oldest(moment: &str, condition: &str) -> String {
    format!("coalesce(extract(epoch FROM max(clock_timestamp() - {moment}) FILTER (WHERE {condition})), 0)")
}

pub(super) fn database(server: &Server, _: &Chosen) -> Vec<String> {
    let mut queries = vec![DATABASE.to_owned()];
    let since_16 = if server.is_since(16) { ", ('logical_slot', confl_active_logicalslot)" } else { "" };
    queries.push(format!(
        "SELECT cause, n AS db_conflicts_total FROM pg_stat_database_conflicts, LATERAL (VALUES
            ('tablespace', confl_tablespace), ('lock', confl_lock), ('snapshot', confl_snapshot),
            ('buffer_pin', confl_bufferpin), ('deadlock', confl_deadlock){since_16}) AS causes (cause, n)
        WHERE datname = current_database()"
    ));
    if server.is_since(14) {
        queries.push(SESSIONS_ENDED.to_owned());
    }
    queries
}

const DATABASE: &str = "\
SELECT xact_commit AS db_commits_total, xact_rollback AS db_rollbacks_total,
    blks_hit AS db_blocks_hit_total, blks_read AS db_blocks_read_total,
    blk_read_time / 1000 AS db_block_read_seconds_total, blk_write_time / 1000 AS db_block_write_seconds_total,
    tup_returned AS db_rows_returned_total, tup_fetched AS db_rows_fetched_total,
    tup_inserted AS db_rows_inserted_total, tup_updated AS db_rows_updated_total, tup_deleted AS db_rows_deleted_total,
    deadlocks AS db_deadlocks_total, temp_files AS db_temporary_files_total, temp_bytes AS db_temporary_bytes_total,
    checksum_failures AS db_checksum_failures_total,
    extract(epoch FROM stats_reset) AS db_statistics_reset_timestamp_seconds
FROM pg_stat_database WHERE datname = current_database()";

const SESSIONS_ENDED: &str = "\
SELECT cause, n AS db_sessions_ended_total FROM pg_stat_database, LATERAL (VALUES
    ('abandoned', sessions_abandoned), ('fatal', sessions_fatal), ('killed', sessions_killed)) AS causes (cause, n)
WHERE datname = current_database()";

/// Without those of this very query.
const LOCKS: &str = "\
SELECT word AS mode, count(l.pid) AS db_locks
FROM (VALUES ('access_share', 'AccessShareLock'), ('row_share', 'RowShareLock'), ('row_exclusive', 'RowExclusiveLock'),
    ('share_update_exclusive', 'ShareUpdateExclusiveLock'), ('share', 'ShareLock'),
    ('share_row_exclusive', 'ShareRowExclusiveLock'), ('exclusive', 'ExclusiveLock'),
    ('access_exclusive', 'AccessExclusiveLock'), ('serializable_read', 'SIReadLock')) AS modes (word, mode)
LEFT JOIN pg_locks l ON l.mode = modes.mode AND l.pid <> pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
GROUP BY word";

const REPLICAS: &str = "\
SELECT states.state, count(r.pid) AS db_replicas
FROM (VALUES ('startup'), ('catchup'), ('streaming'), ('backup'), ('stopping')) AS states (state)
LEFT JOIN pg_stat_replication r ON r.state = states.state GROUP BY states.state";

/// The last of the log that a server has: a replica may have replicas too.
macro_rules! end_of_log {
    () => {
        "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END"
    };
}

const REPLICATION_LAG: &str = concat!(
    "SELECT max(pg_wal_lsn_diff(",
    end_of_log!(),
    ", replay_lsn)) AS db_replication_lag_bytes,
    CASE WHEN count(*) > 0 THEN coalesce(extract(epoch FROM max(replay_lag)), 0) END AS db_replication_lag_seconds
FROM pg_stat_replication WHERE state <> 'backup'"
);

const SLOTS: &str = "\
SELECT word AS state, count(s.slot_name) AS db_replication_slots
FROM (VALUES ('active', true), ('inactive', false)) AS states (word, active)
LEFT JOIN pg_replication_slots s ON s.active = states.active GROUP BY word";

const SLOT_RETAINS: &str = concat!(
    "SELECT max(pg_wal_lsn_diff(",
    end_of_log!(),
    ", restart_lsn)) AS db_replication_slot_retained_bytes FROM pg_replication_slots"
);

pub(super) fn writes(server: &Server, _: &Chosen) -> Vec<String> {
    let mut queries: Vec<String> = if server.is_since(17) { CHECKPOINTER } else { WRITER }.map(str::to_owned).into();
    if server.is_since(14) {
        queries.push(
            "SELECT wal_records AS db_wal_records_total, wal_bytes AS db_wal_bytes_total FROM pg_stat_wal".to_owned(),
        );
    }
    queries
}

/// To PostgreSQL 16.
const WRITER: [&str; 3] = [
    "SELECT checkpoint_write_time / 1000 AS db_checkpoint_write_seconds_total,
        checkpoint_sync_time / 1000 AS db_checkpoint_sync_seconds_total,
        maxwritten_clean AS db_writer_stopped_total, buffers_alloc AS db_buffers_allocated_total FROM pg_stat_bgwriter",
    "SELECT cause, n AS db_checkpoints_total FROM pg_stat_bgwriter, LATERAL (VALUES
        ('timed', checkpoints_timed), ('requested', checkpoints_req)) AS causes (cause, n)",
    "SELECT by, n AS db_buffers_written_total FROM pg_stat_bgwriter, LATERAL (VALUES
        ('checkpointer', buffers_checkpoint), ('writer', buffers_clean), ('backends', buffers_backend)) AS writers (by, n)",
];

/// From PostgreSQL 17.
const CHECKPOINTER: [&str; 3] = [
    "SELECT c.write_time / 1000 AS db_checkpoint_write_seconds_total, c.sync_time / 1000 AS db_checkpoint_sync_seconds_total,
        w.maxwritten_clean AS db_writer_stopped_total, w.buffers_alloc AS db_buffers_allocated_total
        FROM pg_stat_checkpointer c, pg_stat_bgwriter w",
    "SELECT cause, n AS db_checkpoints_total FROM pg_stat_checkpointer, LATERAL (VALUES
        ('timed', num_timed), ('requested', num_requested)) AS causes (cause, n)",
    "SELECT by, n AS db_buffers_written_total FROM pg_stat_checkpointer c, pg_stat_bgwriter w, LATERAL (VALUES
        ('checkpointer', c.buffers_written), ('writer', w.buffers_clean)) AS writers (by, n)",
];

const SIZE: &str = "SELECT pg_database_size(current_database()) AS db_size_bytes";

const WAL_FILES: &str = "SELECT count(*) AS db_wal_files, sum(size) AS db_wal_size_bytes FROM pg_ls_waldir()";

/// Of the catalogue itself: the view `pg_stat_user_tables` adds up the scans of every index.
const TABLES_IN_ALL: &str = "\
SELECT count(*) AS db_tables, count(*) FILTER (WHERE pg_stat_get_live_tuples(t.oid) >= 10000
    AND pg_stat_get_numscans(t.oid) > (SELECT coalesce(sum(pg_stat_get_numscans(i.indexrelid)), 0)
        FROM pg_index i WHERE i.indrelid = t.oid)) AS db_sequential_scan_heavy_tables
FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
WHERE t.relkind IN ('r', 't', 'm', 'p')";

const TABLES: &str = "\
SELECT s.schemaname || '.' || s.relname AS \"table\",
    s.seq_scan AS db_table_sequential_scans_total, s.seq_tup_read AS db_table_sequential_rows_read_total,
    s.idx_scan AS db_table_index_scans_total, s.idx_tup_fetch AS db_table_index_rows_fetched_total,
    s.n_tup_ins AS db_table_rows_inserted_total, s.n_tup_upd AS db_table_rows_updated_total,
    s.n_tup_hot_upd AS db_table_rows_hot_updated_total, s.n_tup_del AS db_table_rows_deleted_total,
    b.heap_blks_hit + coalesce(b.idx_blks_hit, 0) + coalesce(b.toast_blks_hit, 0) + coalesce(b.tidx_blks_hit, 0)
        AS db_table_blocks_hit_total,
    b.heap_blks_read + coalesce(b.idx_blks_read, 0) + coalesce(b.toast_blks_read, 0) + coalesce(b.tidx_blks_read, 0)
        AS db_table_blocks_read_total,
    s.n_live_tup AS db_table_live_rows, s.n_dead_tup AS db_table_dead_rows,
    s.n_mod_since_analyze AS db_table_rows_modified_since_analyze,
    extract(epoch FROM greatest(s.last_analyze, s.last_autoanalyze)) AS db_table_last_analyze_timestamp_seconds,
    extract(epoch FROM greatest(s.last_vacuum, s.last_autovacuum)) AS db_table_last_vacuum_timestamp_seconds,
    pg_total_relation_size(s.relid) AS db_table_size_bytes
FROM pg_stat_user_tables s JOIN pg_statio_user_tables b USING (relid) WHERE s.relid = ANY ({chosen})";

/// All indexes of users, with whether each is scanned by nobody and needed for nothing else: no constraint, no part of a
/// partitioned index, no expression, whose statistics the planner uses. Joins, since a question for each of a thousand
/// indexes costs ten times as much, and of the catalogue itself, since the view `pg_stat_user_indexes` joins it once more.
pub(in crate::database) const INDEX_USE: &str = "\
(SELECT n.nspname AS schemaname, t.relname, r.relname AS indexrelname, i.indexrelid,
    pg_stat_get_numscans(i.indexrelid) AS idx_scan, pg_stat_get_tuples_returned(i.indexrelid) AS idx_tup_read,
    i.indisvalid AS is_valid, r.relpages::bigint * current_setting('block_size')::int AS about_bytes,
    i.indisvalid AND NOT i.indisunique AND NOT i.indisprimary AND NOT i.indisexclusion AND NOT i.indisreplident
        AND 0 <> ALL (i.indkey) AND c.conindid IS NULL AND h.inhrelid IS NULL
        AND pg_stat_get_numscans(i.indexrelid) = 0 AS is_unused
FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid
    JOIN pg_class t ON t.oid = i.indrelid AND t.relkind IN ('r', 't', 'm')
    JOIN pg_namespace n ON n.oid = t.relnamespace
        AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
    LEFT JOIN (SELECT DISTINCT conindid FROM pg_constraint) c ON c.conindid = i.indexrelid
    LEFT JOIN (SELECT DISTINCT inhrelid FROM pg_inherits) h ON h.inhrelid = i.indexrelid) AS indexes";

const INDEXES_IN_ALL: &str = "\
SELECT count(*) AS db_indexes, count(*) FILTER (WHERE is_unused) AS db_unused_indexes,
    coalesce(sum(about_bytes) FILTER (WHERE is_unused), 0) AS db_unused_index_bytes,
    count(*) FILTER (WHERE NOT is_valid) AS db_invalid_indexes,
    sum(pg_stat_get_blocks_hit(indexrelid)) AS db_index_blocks_hit_total,
    sum(pg_stat_get_blocks_fetched(indexrelid) - pg_stat_get_blocks_hit(indexrelid)) AS db_index_blocks_read_total
FROM {indexes}";

const INDEXES: &str = "\
SELECT schemaname || '.' || relname AS \"table\", indexrelname AS \"index\", idx_scan AS db_index_scans_total,
    idx_tup_read AS db_index_rows_read_total, pg_relation_size(indexrelid) AS db_index_size_bytes
FROM pg_stat_user_indexes WHERE indexrelid = ANY ({chosen})";

/// Those that clients sent, our own left out: what a function does is part of the statement that calls it.
pub(super) fn statements(server: &Server, chosen: &Chosen) -> Vec<String> {
    let Some(Statements { view, tells_top_level }) = &server.statements else {
        return Vec::new();
    };
    let sent = if *tells_top_level { "toplevel" } else { "true" };
    vec![format!(
        "SELECT u.rolname AS \"user\", queryid::text AS queryid, left(query, 4000) AS statement,
            calls AS db_statement_calls_total, total_exec_time / 1000 AS db_statement_seconds_total,
            rows AS db_statement_rows_total, shared_blks_read + local_blks_read AS db_statement_blocks_read_total
        FROM {view} s JOIN pg_roles u ON u.oid = s.userid
        WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND {sent}
            AND position('{APPLICATION_NAME}' IN query) = 0 AND query NOT LIKE 'SET LOCAL %'
        ORDER BY total_exec_time DESC LIMIT {at_most}",
        at_most = chosen.statements,
    )]
}
