//! Whether Redis works for this service: not only whether it answers.

mod asking;
mod cluster;
mod info;
mod sentinel;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::error::InvalidValue;
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck, Severity};
use crate::store::redis::{RedisConnection, RedisError, RedisProbe};
use asking::{answer, failure_of};
pub use cluster::RedisClusterCheck;
use info::Info;
pub use sentinel::RedisSentinelCheck;

/// Sends `PING` and `INFO` over the service's own connection: a replica without its primary and a server without memory
/// still answer `PONG`, while writes fail.
///
/// A user that may not run `INFO` is no fault of the server: the report then says `partial`.
///
/// Defaults: every 10 s, 2 s timeout, unhealthy after 3 failures, healthy after 2 reports, warning, or critical by
/// [`used_for`](Self::used_for), dependency `redis`.
///
/// | reason | meaning |
/// |---|---|
/// | `unreachable` | nobody answers in time, the connection broke, or the client is trying to connect |
/// | `auth` | the credentials are refused, or do not allow `PING` |
/// | `loading` | the server reads its data into memory |
/// | `masterdown` | a replica has lost its primary and serves nothing |
/// | `replica_link_down` | a replica has lost its primary: what it serves is old |
/// | `read_only` | a replica answers, as after a failover: failed if a primary is expected, else degraded |
/// | `not_a_replica` | a replica is expected, a primary answers |
/// | `out_of_memory` | the memory limit is reached and nothing may be evicted: writes fail |
/// | `misconf` | data cannot be written to disk: writes fail; degraded if they do not, or that cannot be known |
/// | `busy` | a script holds the server |
/// | `cluster_down` | the cluster has lost a part of its slots |
/// | `server_error` | any other error of the server |
/// | `invalid_response` | an answer that makes no sense |
///
/// With the feature `redis-1`: `RedisCheck::new(connection_manager.clone())`. A `MultiplexedConnection` works too, but it
/// never connects again once it broke, which the check then rightly says; nor does a `ConnectionManager` of redis 1.8
/// whose reconnection was refused for its credentials, so `auth` stays until the service makes a new one. With another
/// driver: implement [`RedisProbe`]. Without one: `RedisCheck::from_url("redis://…")`.
#[derive(Debug)]
pub struct RedisCheck<P> {
    probe: P,
    expected: Option<RedisRole>,
    usage: RedisUse,
}

/// What a server is to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisRole {
    /// It takes writes.
    Primary,
    /// It follows a primary.
    Replica,
}

/// What the service keeps in a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RedisUse {
    /// What can be had from elsewhere, later.
    #[default]
    Cache,
    /// Who is logged in.
    Sessions,
    /// Who may go on.
    Locks,
    /// What is to be done.
    Queue,
}

impl RedisUse {
    /// Whether the service can do without for a while.
    const fn is_dispensable(self) -> bool {
        matches!(self, Self::Cache)
    }

    fn options(self) -> CheckOptions {
        CheckOptions::new()
            .interval(Duration::from_secs(10))
            .timeout(Duration::from_secs(2))
            .failure_threshold(3)
            .recovery_threshold(2)
            .severity(if self.is_dispensable() { Severity::Warning } else { Severity::Critical })
            .dependency("redis")
    }
}

impl RedisCheck<RedisConnection> {
    /// A check with a connection of its own, which is kept: for a server that the service has no connection to. Needs no
    /// driver.
    ///
    /// # Errors
    /// When `url` is not one such as `redis://user:password@host:6379`. The error shows its scheme and host.
    pub fn from_url(url: &str) -> Result<Self, InvalidValue> {
        RedisConnection::from_url(url).map(Self::new)
    }
}

impl<P: RedisProbe> RedisCheck<P> {
    /// A check through `probe`, which is a connection of the `redis` crate or an implementation of one's own.
    pub fn new(probe: P) -> Self {
        Self { probe, expected: None, usage: RedisUse::default() }
    }

    /// Fails when the server has another role: after a failover a connection may still lead to the old primary. Default:
    /// any will do for a cache, a primary is expected for everything else.
    #[must_use]
    pub fn expect(mut self, role: RedisRole) -> Self {
        self.expected = Some(role);
        self
    }

    /// Says what the service keeps there. Without a cache it is slower, which is a warning; without its sessions, locks or
    /// queues it does not work, which is critical. Default: a cache.
    #[must_use]
    pub fn used_for(mut self, usage: RedisUse) -> Self {
        self.usage = usage;
        self
    }

    fn expected_role(&self) -> Option<RedisRole> {
        self.expected.or((!self.usage.is_dispensable()).then_some(RedisRole::Primary))
    }

    /// Whether the server refuses writes after a snapshot that failed; no, if it does not say.
    async fn refuses_writes_unsaved(&self) -> bool {
        // A name and its value, a line each.
        let is_set = async |name: &str, unset: &str| {
            let setting = answer(&self.probe, &["CONFIG", "GET", name]).await.unwrap_or_default();
            setting.split_once('\n').is_some_and(|(_, value)| value != unset)
        };
        is_set("stop-writes-on-bgsave-error", "no").await && is_set("save", "").await
    }
}

impl<P: RedisProbe> HealthCheck for RedisCheck<P> {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        let pong = answer(&self.probe, &["PING"]).await.map_err(failure_of)?;
        if pong != "PONG" {
            return Err(CheckFailure::new("invalid_response", "the answer to PING is not PONG"));
        }
        let text = match answer(&self.probe, &["INFO"]).await {
            Ok(text) => text,
            Err(RedisError::Server { code }) if code == "NOPERM" => {
                return Ok(CheckReport::healthy().with_data("partial", true));
            }
            Err(error) => return Err(failure_of(error)),
        };
        let info = Info::read(&text);
        let report = info.judge(self.expected_role())?;
        if info.snapshot_failed() && self.refuses_writes_unsaved().await {
            return Err(CheckFailure::new("misconf", "the last snapshot could not be saved: writes are refused"));
        }
        Ok(report)
    }

    fn defaults(&self) -> CheckOptions {
        self.usage.options()
    }
}
