//! Asking a server, and what its errors mean.

use std::time::Duration;

use tokio::time::timeout;

use crate::error::InvalidValue;
use crate::health::CheckFailure;
use crate::store::redis::{RedisConnection, RedisError, RedisProbe};

/// For each of two commands, and together less than the usual timeout, so that the reason is given before the run is
/// aborted.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(800);

/// Clients that connect again by themselves let a command wait for that, for longer than a check may.
pub(super) async fn answer(probe: &impl RedisProbe, command: &[&str]) -> Result<String, RedisError> {
    match timeout(ANSWER_TIMEOUT, probe.command(command)).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(RedisError::Unreachable(elapsed.into())),
    }
}

/// A connection of the check's own for each URL.
pub(super) fn connections<'a>(urls: impl IntoIterator<Item = &'a str>) -> Result<Vec<RedisConnection>, InvalidValue> {
    urls.into_iter().map(RedisConnection::from_url).collect()
}

pub(super) fn failure_of(error: RedisError) -> CheckFailure {
    let (reason, message) = match &error {
        RedisError::Unreachable(_) => ("unreachable", "the server cannot be reached, or the connection broke"),
        RedisError::Unauthenticated(_) => ("auth", "the server refuses the credentials"),
        RedisError::Server { code } => match code.as_str() {
            "NOAUTH" | "WRONGPASS" | "NOPERM" => ("auth", "the server refuses the credentials"),
            "LOADING" => ("loading", "the server reads its data into memory"),
            "MASTERDOWN" => ("masterdown", "the replica has lost its primary and serves nothing"),
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
