//! What `INFO` says of a server that answers.

use std::collections::HashMap;

use super::RedisRole;
use crate::health::{CheckFailure, CheckReport};

/// The fields of an answer to `INFO`: lines of `name:value`, grouped under `# Headings`.
pub(super) struct Info<'a>(HashMap<&'a str, &'a str>);

impl<'a> Info<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        Self(text.lines().filter_map(|line| line.trim_end().split_once(':')).collect())
    }

    /// Judges what `PING` hides. Fields that a server does not have prove nothing.
    pub(super) fn judge(&self, expected: Option<RedisRole>) -> Result<CheckReport, CheckFailure> {
        let failed = |reason, message| Err(CheckFailure::new(reason, message));
        let is_replica = self.is("role", "slave");
        if self.is("loading", "1") {
            return failed("loading", "the server reads its data into memory");
        }
        if is_replica && self.is("master_link_status", "down") {
            return failed("masterdown", "the replica has lost its primary: what it serves is old");
        }
        if self.is("aof_last_write_status", "err") {
            return failed("misconf", "the append-only file cannot be written: writes fail");
        }
        if self.is_full() {
            return failed("out_of_memory", "the memory limit is reached and nothing may be evicted: writes fail");
        }
        match expected {
            Some(RedisRole::Primary) if is_replica => {
                return failed("read_only", "a primary is expected; this is a replica");
            }
            Some(RedisRole::Replica) if !is_replica => {
                return failed("not_a_replica", "a replica is expected; this is a primary");
            }
            _ => {}
        }
        let report = if is_replica && expected.is_none() {
            CheckReport::degraded("read_only", "the server is a replica: writes are refused")
        } else if self.is("rdb_last_bgsave_status", "err") {
            CheckReport::degraded("misconf", "the last snapshot could not be saved: writes may be refused")
        } else {
            CheckReport::healthy()
        };
        Ok(self.facts(report.with_data("role", if is_replica { "replica" } else { "primary" })))
    }

    fn facts(&self, report: CheckReport) -> CheckReport {
        let facts = [
            ("used_memory_bytes", "used_memory"),
            ("max_memory_bytes", "maxmemory"),
            ("connected_clients", "connected_clients"),
        ];
        facts.into_iter().fold(report, |report, (key, field)| match self.number(field) {
            Some(value) => report.with_data(key, value),
            None => report,
        })
    }

    /// A limit of 0 is none.
    fn is_full(&self) -> bool {
        let (Some(used), Some(limit)) = (self.number("used_memory"), self.number("maxmemory")) else {
            return false;
        };
        limit > 0 && used >= limit && self.is("maxmemory_policy", "noeviction")
    }

    fn is(&self, field: &str, value: &str) -> bool {
        self.0.get(field) == Some(&value)
    }

    fn number(&self, field: &str) -> Option<u64> {
        self.0.get(field)?.parse().ok()
    }
}
