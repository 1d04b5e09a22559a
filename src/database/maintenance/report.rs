//! What a database needs, as a person reads it.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::relation::Relation;

/// What a database needs. As text it is SQL that a person can read, choose from and run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaintenanceReport {
    /// Whether the server is a replica, on which nothing of this can be run. Its scans are its own: an index is unused only
    /// if it is so on the primary and on every replica.
    pub is_replica: bool,
    /// Since when the server counts scans; `None` for ever. What was not scanned for a day need not be unused.
    pub statistics_since: Option<SystemTime>,
    /// Tables whose statistics no longer say what is in them, most changed first.
    pub stale_statistics: Vec<StaleStatistics>,
    /// Indexes that nobody scans and nothing else needs, largest first.
    pub unused_indexes: Vec<UnusedIndex>,
    /// Indexes that were not built to their end: every write keeps them, no query uses them.
    pub invalid_indexes: Vec<InvalidIndex>,
    /// Tables that may take much more than their rows need.
    pub bloat_candidates: Vec<BloatCandidate>,
    /// All indexes of users' tables, largest first.
    pub indexes: Vec<IndexUse>,
}

/// A table whose planner's statistics are old.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StaleStatistics {
    /// The table.
    pub table: Relation,
    /// Its rows, as far as the server knows.
    pub rows: u64,
    /// Rows that were inserted, updated or deleted since.
    pub modified: u64,
    /// When the statistics were made; `None` if never.
    pub analyzed: Option<SystemTime>,
}

/// How an index is used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexUse {
    /// Its table.
    pub table: Relation,
    /// The index.
    pub index: Relation,
    /// Scans of it.
    pub scans: u64,
    /// Entries that these scans read.
    pub rows_read: u64,
    /// About its size.
    pub bytes: u64,
}

/// An index that could go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnusedIndex {
    /// Its table.
    pub table: Relation,
    /// The index.
    pub index: Relation,
    /// About its size.
    pub bytes: u64,
}

/// An index that was not built to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidIndex {
    /// Its table.
    pub table: Relation,
    /// The index.
    pub index: Relation,
}

/// A table that may take much more than its rows need.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BloatCandidate {
    /// The table.
    pub table: Relation,
    /// Its rows, as far as the server knows.
    pub rows: u64,
    /// Rows that wait for a vacuum.
    pub dead_rows: u64,
    /// Its size, without indexes.
    pub bytes: u64,
    /// About what its rows do not need; `None` where the role may not read the table, or it was never analyzed.
    pub reclaimable_bytes: Option<u64>,
}

impl StaleStatistics {
    /// Makes the statistics anew. Harmless: it reads a sample, and writes only what the planner knows.
    pub fn sql(&self) -> String {
        format!("ANALYZE VERBOSE {};", self.table)
    }
}

impl UnusedIndex {
    /// Removes the index without a lock that stops the table. Keep the definition (`pg_get_indexdef`) until you are sure.
    pub fn sql(&self) -> String {
        format!("DROP INDEX CONCURRENTLY {};", self.index)
    }
}

impl InvalidIndex {
    /// Builds the index to its end, or removes what an interrupted `REINDEX CONCURRENTLY` left behind.
    pub fn sql(&self) -> String {
        // As REINDEX CONCURRENTLY names what it has not finished; a number may follow.
        let name = self.index.name.trim_end_matches(|c: char| c.is_ascii_digit());
        let is_left_behind = name.ends_with("_ccnew") || name.ends_with("_ccold");
        let what = if is_left_behind { "DROP INDEX" } else { "REINDEX INDEX" };
        format!("{what} CONCURRENTLY {};", self.index)
    }
}

impl BloatCandidate {
    /// Frees the dead rows for new ones. It gives nothing back to the system; that takes `VACUUM FULL`, which stops the
    /// table meanwhile, or an extension such as pg_repack.
    pub fn sql(&self) -> String {
        format!("VACUUM (VERBOSE, ANALYZE) {};", self.table)
    }
}

impl MaintenanceReport {
    /// Whether there is nothing to do.
    pub fn is_clean(&self) -> bool {
        self.stale_statistics.is_empty()
            && self.unused_indexes.is_empty()
            && self.invalid_indexes.is_empty()
            && self.bloat_candidates.is_empty()
    }

    /// `None` for what is no answer to the report's query.
    pub(super) fn read(answer: &str) -> Option<Self> {
        let answer: Value = serde_json::from_str(answer).ok()?;
        let indexes =
            rows(&answer, "indexes", |row| Some((index_use(row)?, flag(row, "is_valid")?, flag(row, "is_unused")?)))?;
        let unused = indexes.iter().filter(|(_, _, is_unused)| *is_unused).map(|(index, ..)| UnusedIndex {
            table: index.table.clone(),
            index: index.index.clone(),
            bytes: index.bytes,
        });
        let invalid = indexes
            .iter()
            .filter(|(_, is_valid, _)| !is_valid)
            .map(|(index, ..)| InvalidIndex { table: index.table.clone(), index: index.index.clone() });
        Some(Self {
            is_replica: flag(&answer, "is_replica")?,
            statistics_since: moment(&answer, "statistics_since"),
            stale_statistics: rows(&answer, "stale_statistics", |row| {
                let (rows, modified) = (number(row, "rows")?, number(row, "modified")?);
                Some(StaleStatistics {
                    table: relation(row, "name")?,
                    rows,
                    modified,
                    analyzed: moment(row, "analyzed"),
                })
            })?,
            unused_indexes: unused.collect(),
            invalid_indexes: invalid.collect(),
            bloat_candidates: rows(&answer, "bloat_candidates", |row| {
                Some(BloatCandidate {
                    table: relation(row, "name")?,
                    rows: number(row, "rows")?,
                    dead_rows: number(row, "dead_rows")?,
                    bytes: number(row, "bytes")?,
                    reclaimable_bytes: number(row, "reclaimable_bytes"),
                })
            })?,
            indexes: indexes.into_iter().map(|(index, ..)| index).collect(),
        })
    }
}

impl fmt::Display for MaintenanceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return writeln!(f, "-- Nothing to do.");
        }
        if self.is_replica {
            writeln!(f, "-- This is a replica: run it on the primary.")?;
        }
        for stale in &self.stale_statistics {
            writeln!(f, "{} -- {} of {} rows changed", stale.sql(), stale.modified, stale.rows)?;
        }
        for invalid in &self.invalid_indexes {
            writeln!(f, "{} -- invalid, on {}", invalid.sql(), invalid.table)?;
        }
        for unused in &self.unused_indexes {
            writeln!(f, "{} -- never scanned, {} bytes, on {}", unused.sql(), unused.bytes, unused.table)?;
        }
        for bloat in &self.bloat_candidates {
            writeln!(f, "{} -- {} dead of {} rows, {} bytes", bloat.sql(), bloat.dead_rows, bloat.rows, bloat.bytes)?;
        }
        Ok(())
    }
}

fn rows<T>(answer: &Value, list: &str, row: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    answer.get(list)?.as_array()?.iter().map(row).collect()
}

fn index_use(row: &Value) -> Option<IndexUse> {
    let (table, index) = (relation(row, "table")?, relation(row, "name")?);
    let (scans, rows_read, bytes) = (number(row, "scans")?, number(row, "rows_read")?, number(row, "bytes")?);
    Some(IndexUse { table, index, scans, rows_read, bytes })
}

fn relation(row: &Value, name: &str) -> Option<Relation> {
    let text = |column| Some(row.get(column)?.as_str()?.to_owned());
    Some(Relation { schema: text("schema")?, name: text(name)? })
}

fn number(row: &Value, column: &str) -> Option<u64> {
    row.get(column)?.as_u64()
}

fn flag(row: &Value, column: &str) -> Option<bool> {
    row.get(column)?.as_bool()
}

fn moment(row: &Value, column: &str) -> Option<SystemTime> {
    let since = Duration::try_from_secs_f64(row.get(column)?.as_f64()?).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"is_replica": false, "statistics_since": null,
        "stale_statistics": [{"schema": "public", "name": "Orders", "rows": 10, "modified": 9, "analyzed": 12.5}],
        "indexes": [
            {"schema": "public", "table": "Orders", "name": "used", "scans": 5, "rows_read": 9, "bytes": 8192, "is_valid": true, "is_unused": false},
            {"schema": "public", "table": "Orders", "name": "unused", "scans": 0, "rows_read": 0, "bytes": 8192, "is_valid": true, "is_unused": true},
            {"schema": "public", "table": "Orders", "name": "broken", "scans": 0, "rows_read": 0, "bytes": 0, "is_valid": false, "is_unused": false},
            {"schema": "public", "table": "Orders", "name": "used_ccnew1", "scans": 0, "rows_read": 0, "bytes": 0, "is_valid": false, "is_unused": false}],
        "bloat_candidates": [{"schema": "public", "name": "Orders", "rows": 10, "dead_rows": 90, "bytes": 81920, "reclaimable_bytes": null}]}"#;

    #[test]
    fn report_is_sql_that_a_person_can_run() {
        let report = MaintenanceReport::read(ANSWER).unwrap();
        assert_eq!((report.indexes.len(), report.indexes[0].scans, report.statistics_since), (4, 5, None));
        assert_eq!(report.stale_statistics[0].analyzed, Some(SystemTime::UNIX_EPOCH + Duration::from_millis(12_500)));
        assert_eq!(
            report.to_string(),
            r#"ANALYZE VERBOSE "public"."Orders"; -- 9 of 10 rows changed
REINDEX INDEX CONCURRENTLY "public"."broken"; -- invalid, on "public"."Orders"
DROP INDEX CONCURRENTLY "public"."used_ccnew1"; -- invalid, on "public"."Orders"
DROP INDEX CONCURRENTLY "public"."unused"; -- never scanned, 8192 bytes, on "public"."Orders"
VACUUM (VERBOSE, ANALYZE) "public"."Orders"; -- 90 dead of 10 rows, 81920 bytes
"#
        );
    }

    #[test]
    fn answers_of_something_else_are_no_report() {
        for nonsense in ["", "[]", "{}", r#"{"is_replica": false, "stale_statistics": [{}]}"#] {
            assert_eq!(MaintenanceReport::read(nonsense), None, "{nonsense}");
        }
    }
}
