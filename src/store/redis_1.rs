//! The probe for the asynchronous connections of redis 1.x.

use redis_1::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis_1::{Cmd, ErrorKind};

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
