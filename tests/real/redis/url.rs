//! The connection of a check's own.

use std::time::Duration;

use aistm7_monitoring::health::RedisCheck;
use aistm7_monitoring::store::redis::{RedisConnection, RedisProbe};

use super::{manager, send};
use crate::stores::{ask, assert_steadily, debug, run, shown, until};
use crate::support::redis::Redis;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn fifty_runs_use_one_connection_until_it_breaks() {
    let mut redis = Redis::start();
    let check = RedisCheck::from_url(&redis.url()).unwrap();
    let mut admin = manager(&redis.url()).await;
    for _ in 0..50 {
        assert_eq!(ask(&check).await, "healthy");
    }
    let accepted = info_field(&mut admin, "total_connections_received").await;
    assert_eq!(ask(&check).await, "healthy");
    assert_eq!(info_field(&mut admin, "total_connections_received").await, accepted);
    // That of the admin, that of the check, and that which the start of the server was seen by.
    assert!(accepted.parse::<u32>().unwrap() <= 3, "{accepted}");

    // Closed by the server, it is opened again within the run.
    send(&mut admin, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await.unwrap();
    assert_steadily(&check, "healthy").await;
    redis.kill();
    assert_steadily(&check, "unreachable").await;
    redis.restart();
    assert_steadily(&check, "healthy").await;
    redis.freeze();
    assert_steadily(&check, "unreachable").await;
    redis.thaw();
    assert_steadily(&check, "healthy").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn credentials_are_those_of_the_url_and_shown_nowhere() {
    const SECRET: &str = "s3cr3t-Pa55";
    let redis = Redis::start_with(&[("requirepass", SECRET)]);
    let check = RedisCheck::from_url(&redis.url()).unwrap();
    assert_steadily(&check, "healthy").await;
    let mut admin = manager(&redis.url()).await;
    send(&mut admin, &["ACL", "SETUSER", "viewer", "on", ">pw", "~*", "+ping"]).await.unwrap();
    let viewer = RedisCheck::from_url(&redis.url_as("viewer", "pw")).unwrap();
    assert_steadily(&viewer, "healthy").await;

    let without = RedisCheck::from_url(&format!("redis://127.0.0.1:{}", redis.port())).unwrap();
    assert_steadily(&without, "auth").await;
    let wrong = RedisCheck::from_url(&redis.url_as("viewer", SECRET)).unwrap();
    assert_steadily(&wrong, "auth").await;
    let mut all = debug(&check) + &debug(&wrong) + &shown(&run(&wrong).await.unwrap_err());

    // Believed again as soon as the password is: no need for a new check.
    send(&mut admin, &["ACL", "SETUSER", "viewer", &format!(">{SECRET}")]).await.unwrap();
    until(&wrong, "healthy").await;
    all += &debug(&run(&wrong).await.unwrap());
    assert!(!all.contains(SECRET), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn answer_that_was_not_waited_for_is_nobodys() {
    let mut redis = Redis::start();
    let connection = RedisConnection::from_url(&redis.url()).unwrap();
    assert_eq!(connection.command(&["PING"]).await.unwrap(), "PONG");
    redis.freeze();
    let limit = Duration::from_millis(100);
    tokio::time::timeout(limit, connection.command(&["ECHO", "late"])).await.unwrap_err();
    redis.thaw();
    assert_eq!(connection.command(&["PING"]).await.unwrap(), "PONG");
}

async fn info_field(admin: &mut redis_1::aio::ConnectionManager, field: &str) -> String {
    let answer = send(admin, &["INFO", "stats"]).await.unwrap();
    let text: String = redis_1::from_redis_value(answer).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
    line.unwrap_or_else(|| panic!("no {field} in {text}")).to_owned()
}
