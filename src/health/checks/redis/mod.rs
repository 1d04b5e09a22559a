//! Whether Redis works for this service: not only whether it answers.

mod info;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::timeout;

use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck, Severity};
use crate::store::redis::{RedisError, RedisProbe};
use info::Info;

/// Sends `PING` and `INFO` over the service's own connection: a replica without its primary and a server without memory
/// still answer `PONG`, while writes fail.
///
/// A user that may not run `INFO` is no fault of the server: the report then says `partial`.
///
/// Defaults: every 10 s, 2 s timeout, unhealthy after 3 failures, healthy after 2 reports, warning (right for a cache;
/// make it critical for sessions, locks and queues), dependency `redis`.
///
/// | reason | meaning |
/// |---|---|
/// | `unreachable` | nobody answers in time, the connection broke, or the client is trying to connect |
/// | `auth` | the credentials are refused, or do not allow `PING` |
/// | `loading` | the server reads its data into memory |
/// | `masterdown` | a replica has lost its primary: what it serves is old |
/// | `read_only` | a replica answers: failed if a primary is expected, else degraded |
/// | `not_a_replica` | a replica is expected, a primary answers |
/// | `out_of_memory` | the memory limit is reached and nothing may be evicted: writes fail |
/// | `misconf` | data cannot be written to disk: writes fail; degraded if only the last snapshot failed |
/// | `busy` | a script holds the server |
/// | `cluster_down` | the cluster has lost a part of its slots |
/// | `server_error` | any other error of the server |
/// | `invalid_response` | an answer that makes no sense |
///
/// With the feature `redis-1`: `RedisCheck::new(connection_manager.clone())`. A `MultiplexedConnection` works too, but it
/// never connects again once it broke, which the check then rightly says; nor does a `ConnectionManager` of redis 1.8
/// whose reconnection was refused for its credentials, so `auth` stays until the service makes a new one. With another
/// driver: implement [`RedisProbe`].
#[derive(Debug)]
pub struct RedisCheck<P> {
    probe: P,
    expected: Option<RedisRole>,
}

/// What a server is to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisRole {
    /// It takes writes.
    Primary,
    /// It follows a primary.
    Replica,
}

impl<P: RedisProbe> RedisCheck<P> {
    /// A check through `probe`, which is a connection of the `redis` crate or an implementation of one's own.
    pub fn new(probe: P) -> Self {
        Self { probe, expected: None }
    }

    /// Fails when the server has another role: after a failover a connection may still lead to the old primary.
    #[must_use]
    pub fn expect(mut self, role: RedisRole) -> Self {
        self.expected = Some(role);
        self
    }

    /// Clients that connect again by themselves let a command wait for that, for longer than a check may.
    async fn command(&self, command: &'static [&'static str]) -> Result<String, RedisError> {
        match timeout(ANSWER_TIMEOUT, self.probe.command(command)).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(RedisError::Unreachable(elapsed.into())),
        }
    }
}

/// For each of two commands, and together less than the usual timeout, so that the reason is given before the run is
/// aborted.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(800);

impl<P: RedisProbe> HealthCheck for RedisCheck<P> {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        let pong = self.command(&["PING"]).await.map_err(failure_of)?;
        if pong != "PONG" {
            return Err(CheckFailure::new("invalid_response", "the answer to PING is not PONG"));
        }
        match self.command(&["INFO"]).await {
            Ok(text) => Info::read(&text).judge(self.expected),
            Err(RedisError::Server { code }) if code == "NOPERM" => {
                Ok(CheckReport::healthy().with_data("partial", true))
            }
            Err(error) => Err(failure_of(error)),
        }
    }

    fn defaults(&self) -> CheckOptions {
        CheckOptions::new()
            .interval(Duration::from_secs(10))
            .timeout(Duration::from_secs(2))
            .failure_threshold(3)
            .recovery_threshold(2)
            .severity(Severity::Warning)
            .dependency("redis")
    }
}

fn failure_of(error: RedisError) -> CheckFailure {
    let (reason, message) = match &error {
        RedisError::Unreachable(_) => ("unreachable", "the server cannot be reached, or the connection broke"),
        RedisError::Unauthenticated(_) => ("auth", "the server refuses the credentials"),
        RedisError::Server { code } => match code.as_str() {
            "NOAUTH" | "WRONGPASS" | "NOPERM" => ("auth", "the server refuses the credentials"),
            "LOADING" => ("loading", "the server reads its data into memory"),
            "MASTERDOWN" => ("masterdown", "the replica has lost its primary"),
            "READONLY" => ("read_only", "the server is a replica"),
            "OOM" => ("out_of_memory", "the memory limit is reached"),
            "MISCONF" => ("misconf", "data cannot be written to disk"),
            "BUSY" => ("busy", "a script holds the server"),
            "CLUSTERDOWN" => ("cluster_down", "the cluster is down"),
            _ => ("server_error", "the server answers with an error"),
        },
        RedisError::Other(_) => ("invalid_response", "the answer cannot be read"),
    };
    CheckFailure::new(reason, message).with_source(error)
}
