//! The one question of a report, and the one thing that is done about it.

use std::time::Duration;

use super::relation::Relation;
use crate::database::postgres::{INDEX_USE, rows};
use crate::store::postgres::literal;

/// An object with an array of rows for each list of the report.
pub(super) fn report(stale_after: Duration) -> String {
    format!(
        "jsonb_build_object(
            'is_replica', pg_is_in_recovery(),
            'statistics_since', (SELECT extract(epoch FROM stats_reset) FROM pg_stat_database
                WHERE datname = current_database()),
            'stale_statistics', {},
            'indexes', {},
            'bloat_candidates', {})",
        rows(&stale_statistics(stale_after)),
        rows(&indexes()),
        rows(BLOAT_CANDIDATES),
    )
}

/// Tables that autovacuum should have analyzed by the server's own settings, that changed at all and were not analyzed for
/// so long, or that never were.
fn stale_statistics(stale_after: Duration) -> String {
    let seconds = stale_after.as_secs();
    format!(
        "SELECT schemaname AS schema, relname AS name, n_live_tup AS rows, n_mod_since_analyze AS modified,
            extract(epoch FROM analyzed) AS analyzed
        FROM pg_stat_user_tables s, LATERAL (SELECT greatest(s.last_analyze, s.last_autoanalyze) AS analyzed) AS latest
        WHERE n_mod_since_analyze > current_setting('autovacuum_analyze_threshold')::int
                + current_setting('autovacuum_analyze_scale_factor')::float8 * n_live_tup
            OR n_mod_since_analyze > 0 AND analyzed < clock_timestamp() - interval '{seconds} seconds'
            OR analyzed IS NULL AND n_live_tup > 0
        ORDER BY n_mod_since_analyze DESC, 1, 2"
    )
}

fn indexes() -> String {
    format!(
        "SELECT schemaname AS schema, relname AS \"table\", indexrelname AS name, idx_scan AS scans,
            idx_tup_read AS rows_read, about_bytes AS bytes, is_valid, is_unused FROM {INDEX_USE}
        ORDER BY about_bytes DESC, 1, 3"
    )
}

/// Tables with many dead rows, and tables that take more than twice what their rows need, which a vacuum leaves behind.
///
/// Needed is an estimate: rows by the width that the planner knows of their columns (no more than the role may see, so
/// unknown without the right to read the table), 28 bytes of header and pointer each, pages filled as the table says.
const BLOAT_CANDIDATES: &str = "\
SELECT * FROM (
    SELECT s.schemaname AS schema, s.relname AS name, s.n_live_tup AS rows, s.n_dead_tup AS dead_rows,
        pg_relation_size(s.relid) AS bytes,
        CASE WHEN widths.width IS NOT NULL AND c.reltuples >= 0
            THEN greatest(pg_relation_size(s.relid) - (c.reltuples * (28 + widths.width) * 100 / coalesce(
                (SELECT option_value::int FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor'), 100)
            )::bigint, 0) END AS reclaimable_bytes
    FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
    LEFT JOIN (SELECT schemaname, tablename, sum((1 - null_frac) * avg_width) AS width FROM pg_stats
        GROUP BY 1, 2) AS widths ON widths.schemaname = s.schemaname AND widths.tablename = s.relname
) AS tables
WHERE dead_rows > current_setting('autovacuum_vacuum_threshold')::int
        + current_setting('autovacuum_vacuum_scale_factor')::float8 * rows
    OR reclaimable_bytes > greatest(bytes / 2, 1024 * 1024)
ORDER BY coalesce(reclaimable_bytes, 0) DESC, dead_rows DESC, 1, 2";

/// `ANALYZE` within limits, with the search path of the role, by which functions in indexes may find what they call. First
/// whether the server lets the role do it: of a table that it does not, the server says so in a warning only and goes on.
pub(super) fn analyze(table: &Relation, statement_timeout: Duration) -> String {
    format!(
        "SET LOCAL statement_timeout = {statement_timeout}; SET LOCAL lock_timeout = {lock_timeout};
        SELECT (pg_catalog.pg_has_role(c.relowner, 'usage') OR pg_catalog.pg_has_role(d.datdba, 'usage')
            OR CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 170000
                THEN pg_catalog.has_table_privilege(c.oid, 'MAINTAIN') ELSE false END)::text
        FROM pg_catalog.pg_class c, pg_catalog.pg_database d
        WHERE c.oid = pg_catalog.to_regclass({name}) AND d.datname = pg_catalog.current_database();
        ANALYZE {table}",
        statement_timeout = statement_timeout.as_millis(),
        lock_timeout = LOCK_TIMEOUT.as_millis(),
        name = literal(&table.to_string()),
    )
}

/// How long `ANALYZE` waits for a lock, which an autovacuum of the same table may hold. Chosen: others wait behind it as long.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
