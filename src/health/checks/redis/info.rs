//! What `INFO` says of a server that answers.

use std::collections::HashMap;

use super::RedisRole;
use crate::health::{CheckFailure, CheckReport};
use crate::store::redis::{fields, parts};

/// The fields of an answer to `INFO`: lines of `name:value`, grouped under `# Headings`.
pub(super) struct Info<'a>(HashMap<&'a str, &'a str>);

impl<'a> Info<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        Self(fields(text))
    }

    /// Judges what `PING` hides. Fields that a server does not have prove nothing.
    pub(super) fn judge(&self, expected: Option<RedisRole>) -> Result<CheckReport, CheckFailure> {
        let failed = |reason, message| Err(CheckFailure::new(reason, message));
        let is_replica = self.is("role", "slave");
        if self.is("loading", "1") {
            return failed("loading", "the server reads its data into memory");
        }
        if is_replica && self.is("master_link_status", "down") {
            return failed("replica_link_down", "the replica has lost its primary: what it serves is old");
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
        } else if self.snapshot_failed() {
            CheckReport::degraded("misconf", "the last snapshot could not be saved")
        } else {
            CheckReport::healthy()
        };
        Ok(self.facts(report.with_data("role", if is_replica { "replica" } else { "primary" })))
    }

    /// Whether writes may fail because data was not saved: that depends on the settings.
    pub(super) fn snapshot_failed(&self) -> bool {
        self.is("rdb_last_bgsave_status", "err")
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

    /// A limit of 0 is none. Buffers of replicas do not count towards it.
    fn is_full(&self) -> bool {
        let (Some(used), Some(limit)) = (self.number("used_memory"), self.number("maxmemory")) else {
            return false;
        };
        let not_counted = self.number("mem_not_counted_for_evict").unwrap_or(0);
        let nothing_to_evict = match self.0.get("maxmemory_policy") {
            Some(&"noeviction") => true,
            // These evict only keys that expire.
            Some(policy) if policy.starts_with("volatile-") => !self.has_keys_that_expire(),
            _ => false,
        };
        limit > 0 && used.saturating_sub(not_counted) >= limit && nothing_to_evict
    }

    /// By lines such as `db0:keys=5,expires=2,avg_ttl=0`.
    fn has_keys_that_expire(&self) -> bool {
        let databases = self.0.iter().filter(|(field, _)| field.starts_with("db"));
        databases.flat_map(|(_, value)| parts(value)).any(|(name, count)| name == "expires" && count != "0")
    }

    fn is(&self, field: &str, value: &str) -> bool {
        self.0.get(field) == Some(&value)
    }

    fn number(&self, field: &str) -> Option<u64> {
        self.0.get(field)?.parse().ok()
    }
}
