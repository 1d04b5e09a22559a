//! The probe and the leases for the asynchronous connections of redis 1.x.

use redis_1::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis_1::{Cmd, ErrorKind, Value};

use super::lease::redis::{SCRIPT, arguments_of, keys_of, standing_of};
use super::lease::{Bid, LeaseError, LeaseStore, Standing};
use super::redis::{RedisError, RedisProbe};

impl RedisProbe for ConnectionManager {
    async fn command(&self, command: &[&str]) -> Result<String, RedisError> {
        send(self.clone(), command).await
    }
}

impl RedisProbe for MultiplexedConnection {
    async fn command(&self, command: &[&str]) -> Result<String, RedisError> {
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
async fn send(mut connection: impl ConnectionLike, command: &[&str]) -> Result<String, RedisError> {
    let mut request = Cmd::new();
    for part in command {
        request.arg(part);
    }
    let answer = request.query_async(&mut connection).await.map_err(sorted)?;
    let mut lines = Vec::new();
    write_lines(&mut lines, answer)?;
    Ok(lines.join("\n"))
}

/// Arrays, and what the newer protocol has in their place, become their elements.
fn write_lines(lines: &mut Vec<String>, value: Value) -> Result<(), RedisError> {
    match value {
        Value::Nil => lines.push(String::new()),
        Value::Okay => lines.push("OK".to_owned()),
        Value::Int(number) => lines.push(number.to_string()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => lines.push(text),
        Value::BulkString(bytes) => lines.push(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Array(values) | Value::Set(values) => {
            values.into_iter().try_for_each(|value| write_lines(lines, value))?;
        }
        Value::Map(pairs) => {
            pairs.into_iter().flat_map(|(key, value)| [key, value]).try_for_each(|value| write_lines(lines, value))?;
        }
        _ => return Err(RedisError::Other("an answer of a kind that no command of a check has".into())),
    }
    Ok(())
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
