//! The probe and the leases for the asynchronous connections of redis 1.x.

use redis_1::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis_1::{Cmd, ErrorKind};

use super::lease::redis::{SCRIPT, arguments_of, keys_of, standing_of};
use super::lease::{Bid, LeaseError, LeaseStore, Standing};
use super::redis::{RedisError, RedisProbe};

impl RedisProbe for ConnectionManager {
    async fn command(&self, command: &'static [&'static str]) -> Result<String, RedisError> {
        send(self.clone(), command).await
    }
}

impl RedisProbe for MultiplexedConnection {
    async fn command(&self, command: &'static [&'static str]) -> Result<String, RedisError> {
        send(self.clone(), command).await
    }
}

impl LeaseStore for ConnectionManager {
    async fn bid(&self, bid: Bid) -> Result<Standing, LeaseError> {
        exchange(self.clone(), bid).await
    }
}

impl LeaseStore for MultiplexedConnection {
    async fn bid(&self, bid: Bid) -> Result<Standing, LeaseError> {
        exchange(self.clone(), bid).await
    }
}

/// On a clone, as below.
async fn exchange(mut connection: impl ConnectionLike, bid: Bid) -> Result<Standing, LeaseError> {
    let keys = keys_of(&bid);
    let mut request = redis_1::cmd("EVAL");
    request.arg(SCRIPT).arg(keys.len()).arg(&keys).arg(&arguments_of(bid));
    let answer: Result<(String, String, String), _> = request.query_async(&mut connection).await;
    let (epoch, age, result) = answer.map_err(sorted)?;
    standing_of([epoch, age, result])
}

/// On a clone, which shares the connection: these clients take themselves mutably.
async fn send(mut connection: impl ConnectionLike, command: &'static [&'static str]) -> Result<String, RedisError> {
    let mut request = Cmd::new();
    for part in command {
        request.arg(part);
    }
    request.query_async(&mut connection).await.map_err(sorted)
}

fn sorted(error: redis_1::RedisError) -> RedisError {
    match error.kind() {
        ErrorKind::Io => RedisError::Unreachable(error.into()),
        ErrorKind::AuthenticationFailed => RedisError::Unauthenticated(error.into()),
        _ => match error.code() {
            Some(code) => RedisError::Server { code: code.to_owned() },
            None => RedisError::Other(error.into()),
        },
    }
}
