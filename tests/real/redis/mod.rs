//! The checks of Redis against real servers, through a `ConnectionManager` that lives as long as a service's, and from URLs.
//!
//! [`server`] is one server in all its troubles, [`url`] the connection that needs no driver, [`cluster`] three nodes and
//! [`sentinel`] a primary, its replica and three Sentinels.

#![allow(clippy::unwrap_used, reason = "helpers of tests, beside tests")]

mod cluster;
mod facts;
mod sentinel;
mod server;
mod url;

use redis_1::aio::ConnectionManager;
use redis_1::{Client, Cmd, RedisError};

/// The connection of a service: with the driver's own settings, and never made anew.
async fn manager(url: &str) -> ConnectionManager {
    ConnectionManager::new(Client::open(url).expect("the URL is good")).await.expect("the server lets it in")
}

async fn send(connection: &mut ConnectionManager, command: &[&str]) -> Result<redis_1::Value, RedisError> {
    let mut request = Cmd::new();
    for part in command {
        request.arg(part);
    }
    request.query_async(connection).await
}
