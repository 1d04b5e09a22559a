//! What is measured of a PostgreSQL server. Every metric has the label `database` first.

use crate::metrics::{Definition, Unit};

/// A gauge that is absent where it is not known.
const fn gauge(name: &'static str, help: &'static str) -> Definition {
    Definition::gauge_absent_until_set(name, help).labels(&["database"])
}

/// A count of the server's own, as it stands: after a reset it begins anew, which `rate()` understands.
const fn counter(name: &'static str, help: &'static str) -> Definition {
    Definition::counter(name, help).labels(&["database"])
}

pub(super) const PARTIAL: Definition = Definition::gauge(
    "db_facts_partial",
    "1 while a section of what the server tells is left out, because the role may not see it, the server is too old or the \
     query failed; else 0.",
)
.labels(&["database", "section"]);

/// The server as a whole.
pub(super) static SERVER: [Definition; 10] = [
    gauge("db_server_version", "Version of the server as a number: 150018 is 15.18."),
    gauge("db_server_start_timestamp_seconds", "When the server started, in Unix seconds.").unit(Unit::Seconds),
    gauge("db_in_recovery", "1 while the server is a replica, else 0."),
    gauge(
        "db_replica_lag_seconds",
        "Age of what a replica replayed last; 0 while it has replayed all that it received.",
    )
    .unit(Unit::Seconds),
    gauge("db_max_connections", "The most connections that the server takes."),
    gauge("db_reserved_connections", "Connections of those that are kept for superusers and reserved roles."),
    gauge("db_used_connections", "Connections that the server has, to all its databases."),
    gauge("db_connection_headroom", "Connections that are left for roles that nothing is reserved for."),
    gauge(
        "db_transaction_id_age",
        "Transactions since the oldest that is not frozen, of all databases; the server stops at 2^31.",
    ),
    gauge("db_multixact_id_age", "The same of multixacts, which stand for rows that several lock."),
];

/// Who does what, in this database.
pub(super) static ACTIVITY: [Definition; 10] = [
    gauge("db_sessions", "Sessions of clients by state.").labels(&["database", "state"]),
    gauge("db_waiting_sessions", "Active sessions that wait, by the type of what they wait for.")
        .labels(&["database", "wait_event_type"]),
    gauge("db_active_transactions", "Transactions that are open."),
    gauge("db_longest_transaction_seconds", "Age of the oldest open transaction.").unit(Unit::Seconds),
    gauge("db_longest_query_seconds", "Age of the oldest running query.").unit(Unit::Seconds),
    gauge("db_longest_idle_in_transaction_seconds", "How long a session has been idle in a transaction, at most.")
        .unit(Unit::Seconds),
    gauge("db_lock_waiting_sessions", "Sessions that wait for a lock."),
    gauge("db_lock_blocking_sessions", "Sessions that others wait for."),
    gauge("db_longest_lock_wait_seconds", "How long a session has waited for a lock, at most.").unit(Unit::Seconds),
    gauge("db_autovacuum_workers", "Autovacuum workers that run in this database."),
];

/// The statistics of this database.
pub(super) static DATABASE: [Definition; 18] = [
    counter("db_commits_total", "Transactions that were committed."),
    counter("db_rollbacks_total", "Transactions that were rolled back."),
    counter("db_blocks_hit_total", "Blocks that were found in the server's buffers."),
    counter("db_blocks_read_total", "Blocks that were read from disk, or from the system's cache."),
    counter("db_block_read_seconds_total", "Time that reading blocks took; 0 unless track_io_timing is on.")
        .unit(Unit::Seconds),
    counter("db_block_write_seconds_total", "Time that writing blocks took; 0 unless track_io_timing is on.")
        .unit(Unit::Seconds),
    counter("db_rows_returned_total", "Rows that were read by scans."),
    counter("db_rows_fetched_total", "Rows that were fetched by index scans."),
    counter("db_rows_inserted_total", "Rows that were inserted."),
    counter("db_rows_updated_total", "Rows that were updated."),
    counter("db_rows_deleted_total", "Rows that were deleted."),
    counter("db_conflicts_total", "Queries that were cancelled on a replica because of its primary, by cause.")
        .labels(&["database", "cause"]),
    counter("db_deadlocks_total", "Deadlocks that were broken."),
    counter("db_temporary_files_total", "Temporary files that queries wrote."),
    counter("db_temporary_bytes_total", "What queries wrote to temporary files.").unit(Unit::Bytes),
    counter("db_checksum_failures_total", "Blocks whose checksum is wrong; absent without data checksums."),
    counter(
        "db_sessions_ended_total",
        "Sessions that ended badly, by cause: abandoned, fatal, killed; from PostgreSQL 14.",
    )
    .labels(&["database", "cause"]),
    gauge("db_statistics_reset_timestamp_seconds", "When the statistics were last reset, in Unix seconds.")
        .unit(Unit::Seconds),
];

/// Locks in this database.
pub(super) static LOCKS: [Definition; 1] =
    [gauge("db_locks", "Locks that are held or waited for, by mode.").labels(&["database", "mode"])];

/// Who follows the server.
pub(super) static REPLICATION: [Definition; 5] = [
    gauge("db_replicas", "Replicas that are connected, by state.").labels(&["database", "state"]),
    gauge("db_replication_lag_bytes", "What the replica that is furthest behind has not replayed.").unit(Unit::Bytes),
    gauge("db_replication_lag_seconds", "How far behind the replica that is furthest behind is.").unit(Unit::Seconds),
    gauge("db_replication_slots", "Replication slots, by whether somebody uses them: active, inactive.")
        .labels(&["database", "state"]),
    gauge("db_replication_slot_retained_bytes", "The most of the log that a replication slot holds back.")
        .unit(Unit::Bytes),
];

/// What the server writes.
pub(super) static WRITES: [Definition; 8] = [
    counter("db_checkpoints_total", "Checkpoints, by why they began: timed, requested.").labels(&["database", "cause"]),
    counter("db_checkpoint_write_seconds_total", "Time that checkpoints spent writing.").unit(Unit::Seconds),
    counter("db_checkpoint_sync_seconds_total", "Time that checkpoints spent syncing.").unit(Unit::Seconds),
    counter(
        "db_buffers_written_total",
        "Buffers that were written, by whom: checkpointer, writer, backends (to PostgreSQL 16).",
    )
    .labels(&["database", "by"]),
    counter("db_buffers_allocated_total", "Buffers that were allocated."),
    counter("db_writer_stopped_total", "Times that the background writer stopped because it had written enough."),
    counter("db_wal_records_total", "Records of the write-ahead log; from PostgreSQL 14."),
    counter("db_wal_bytes_total", "Bytes of the write-ahead log; from PostgreSQL 14.").unit(Unit::Bytes),
];

/// How much there is.
pub(super) static SIZE: [Definition; 1] = [gauge("db_size_bytes", "Size of this database.").unit(Unit::Bytes)];

/// How much of the log there is.
pub(super) static WAL: [Definition; 2] = [
    gauge("db_wal_files", "Files of the write-ahead log."),
    gauge("db_wal_size_bytes", "Size of the write-ahead log's files.").unit(Unit::Bytes),
];

const fn of_table(definition: Definition) -> Definition {
    definition.labels(&["database", "table"])
}

/// The chosen tables, and what counts them all.
pub(super) static TABLES: [Definition; 18] = [
    of_table(counter("db_table_sequential_scans_total", "Scans of the whole table.")),
    of_table(counter("db_table_sequential_rows_read_total", "Rows that scans of the whole table read.")),
    of_table(counter("db_table_index_scans_total", "Scans of the table by an index.")),
    of_table(counter("db_table_index_rows_fetched_total", "Rows that scans by an index fetched.")),
    of_table(counter("db_table_rows_inserted_total", "Rows that were inserted.")),
    of_table(counter("db_table_rows_updated_total", "Rows that were updated.")),
    of_table(counter("db_table_rows_hot_updated_total", "Rows of those that were updated without touching an index.")),
    of_table(counter("db_table_rows_deleted_total", "Rows that were deleted.")),
    of_table(counter(
        "db_table_blocks_hit_total",
        "Blocks of the table and its indexes that were found in the server's buffers.",
    )),
    of_table(counter("db_table_blocks_read_total", "Blocks of the table and its indexes that were read.")),
    of_table(gauge("db_table_live_rows", "Rows, as far as the server knows.")),
    of_table(gauge("db_table_dead_rows", "Rows that wait for a vacuum, as far as the server knows.")),
    of_table(gauge(
        "db_table_rows_modified_since_analyze",
        "Rows that changed since the planner's statistics were made.",
    )),
    of_table(gauge(
        "db_table_last_analyze_timestamp_seconds",
        "When the planner's statistics were last made, by whomever, in Unix seconds; absent if never.",
    ))
    .unit(Unit::Seconds),
    of_table(gauge(
        "db_table_last_vacuum_timestamp_seconds",
        "When the table was last vacuumed, by whomever, in Unix seconds; absent if never.",
    ))
    .unit(Unit::Seconds),
    of_table(gauge("db_table_size_bytes", "Size of the table with its indexes.")).unit(Unit::Bytes),
    gauge("db_tables", "Tables of users."),
    gauge(
        "db_sequential_scan_heavy_tables",
        "Tables of 10,000 rows or more that are scanned as a whole more often than by an index.",
    ),
];

const fn of_index(definition: Definition) -> Definition {
    definition.labels(&["database", "table", "index"])
}

/// The chosen indexes, and what counts them all.
pub(super) static INDEXES: [Definition; 9] = [
    of_index(counter("db_index_scans_total", "Scans of the index.")),
    of_index(counter("db_index_rows_read_total", "Entries that scans of the index read.")),
    of_index(gauge("db_index_size_bytes", "Size of the index.")).unit(Unit::Bytes),
    gauge("db_indexes", "Indexes of users' tables."),
    gauge(
        "db_unused_indexes",
        "Indexes that were not scanned since the statistics were reset and that nothing else needs.",
    ),
    gauge("db_unused_index_bytes", "About what unused indexes take.").unit(Unit::Bytes),
    gauge("db_invalid_indexes", "Indexes that no query uses because they were not built to their end."),
    counter("db_index_blocks_hit_total", "Blocks of indexes that were found in the server's buffers."),
    counter("db_index_blocks_read_total", "Blocks of indexes that were read."),
];

const fn of_statement(definition: Definition) -> Definition {
    definition.labels(&["database", "user", "statement", "queryid"])
}

/// What takes the most time, of pg_stat_statements.
pub(super) static STATEMENTS: [Definition; 4] = [
    of_statement(counter("db_statement_calls_total", "Times that the user's clients ran the statement.")),
    of_statement(counter("db_statement_seconds_total", "Time that the statement ran.")).unit(Unit::Seconds),
    of_statement(counter("db_statement_rows_total", "Rows that the statement gave or changed.")),
    of_statement(counter("db_statement_blocks_read_total", "Blocks that the statement read.")),
];
