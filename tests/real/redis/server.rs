//! A server that is killed, frozen, full, loading, busy, unsaved or cut off from its primary.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aistm7_monitoring::health::{Datum, RedisCheck, RedisRole, RedisUse};
use redis_1::Client;
use redis_1::aio::{ConnectionManager, ConnectionManagerConfig};

use super::{manager, send};
use crate::stores::{SOON, Watched, ask, assert_steadily, debug, run, shown, until};
use crate::support::poll::eventually_async;
use crate::support::port::free_port;
use crate::support::redis::Redis;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn killed_server_is_unreachable_until_it_is_back() {
    let mut redis = Redis::start();
    let check = RedisCheck::new(manager(&redis.url()).await);
    assert_steadily(&check, "healthy").await;
    let report = run(&check).await.unwrap();
    assert_eq!(report.data()[0], ("role", Datum::from("primary")));

    redis.kill();
    assert_steadily(&check, "unreachable").await;
    redis.restart();
    until(&check, "healthy").await;
    assert_steadily(&check, "healthy").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn frozen_server_is_unreachable_until_it_thaws() {
    let mut redis = Redis::start();
    let check = RedisCheck::new(manager(&redis.url()).await);
    let patient = ConnectionManagerConfig::new().set_response_timeout(None);
    let client = Client::open(redis.url()).unwrap();
    let without_limit = RedisCheck::new(ConnectionManager::new_with_config(client, patient).await.unwrap());
    assert_steadily(&check, "healthy").await;

    redis.freeze();
    assert_steadily(&check, "unreachable").await;
    assert_steadily(&without_limit, "unreachable").await;
    redis.thaw();
    until(&check, "healthy").await;
    until(&without_limit, "healthy").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn refused_credentials_say_auth() {
    let redis = Redis::start_with(&[("requirepass", "right")]);
    let without_password = manager(&format!("redis://127.0.0.1:{}/", redis.port())).await;
    assert_steadily(&RedisCheck::new(without_password), "auth").await;

    let mut admin = manager(&redis.url()).await;
    send(&mut admin, &["ACL", "SETUSER", "mute", "on", ">pw", "~*", "+@all", "-ping"]).await.unwrap();
    assert_steadily(&RedisCheck::new(manager(&redis.url_as("mute", "pw")).await), "auth").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn changed_password_says_auth() {
    let redis = Redis::start_with(&[("requirepass", "right")]);
    let check = RedisCheck::new(manager(&redis.url()).await);
    assert_steadily(&check, "healthy").await;
    let mut admin = manager(&redis.url()).await;
    send(&mut admin, &["CONFIG", "SET", "requirepass", "other"]).await.unwrap();
    send(&mut admin, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await.unwrap();
    // Not at once: the driver tries again, whatever the server says. Then it gives up for good.
    until(&check, "auth").await;
    assert_steadily(&check, "auth").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn user_without_info_gives_a_partial_report() {
    let redis = Redis::start();
    let mut admin = manager(&redis.url()).await;
    send(&mut admin, &["ACL", "SETUSER", "viewer", "on", ">pw", "~*", "+ping"]).await.unwrap();
    let check = RedisCheck::new(manager(&redis.url_as("viewer", "pw")).await);
    assert_steadily(&check, "healthy").await;
    assert_eq!(run(&check).await.unwrap().data(), [("partial", Datum::Flag(true))]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn full_memory_that_may_not_be_evicted_is_out_of_memory() {
    let redis = Redis::start_with(&[("maxmemory", "4mb"), ("maxmemory-policy", "noeviction")]);
    let mut service = manager(&redis.url()).await;
    let check = RedisCheck::new(service.clone());
    assert_steadily(&check, "healthy").await;

    let value = "x".repeat(1000);
    let mut written = 0;
    let refused = loop {
        match send(&mut service, &["SET", &format!("key-{written}"), &value]).await {
            Ok(_) => written += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.code(), Some("OOM"), "after {written}");
    assert_steadily(&check, "out_of_memory").await;

    send(&mut service, &["FLUSHALL"]).await.unwrap();
    until(&check, "healthy").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn replica_is_judged_by_its_primary_and_by_what_is_expected() {
    use RedisRole::{Primary, Replica};
    let mut primary = Redis::start();
    let address = format!("127.0.0.1 {}", primary.port());
    let replica = Redis::start_with(&[("replicaof", &address), ("repl-diskless-sync-delay", "0")]);
    let connection = manager(&replica.url()).await;
    let check = || RedisCheck::new(connection.clone());

    until(&check().expect(Replica), "healthy").await;
    assert_steadily(&check(), "degraded:read_only").await;
    assert_steadily(&check().expect(Primary), "read_only").await;
    assert_eq!(ask(&RedisCheck::new(manager(&primary.url()).await).expect(Replica)).await, "not_a_replica");

    primary.kill();
    until(&check(), "replica_link_down").await;
    assert_steadily(&check().expect(Replica), "replica_link_down").await;
    primary.restart();
    until(&check().expect(Replica), "healthy").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn replica_that_never_had_its_primary_says_what_it_serves() {
    let dead = format!("127.0.0.1 {}", free_port());
    for (serves_stale_data, expected) in [("yes", "replica_link_down"), ("no", "masterdown")] {
        let settings = [("replicaof", dead.as_str()), ("replica-serve-stale-data", serves_stale_data)];
        let replica = Redis::start_with(&settings);
        assert_steadily(&RedisCheck::new(manager(&replica.url()).await), expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn server_that_reads_its_data_is_loading() {
    // Seconds for what is read in a moment otherwise, with an ear for clients in between.
    let slowly = [
        ("key-load-delay", "300"),
        ("loading-process-events-interval-bytes", "1024"),
        ("enable-debug-command", "yes"),
        ("rdbcompression", "no"),
    ];
    let mut redis = Redis::start_with(&slowly);
    let mut service = manager(&redis.url()).await;
    send(&mut service, &["DEBUG", "POPULATE", "20000"]).await.unwrap();
    send(&mut service, &["SAVE"]).await.unwrap();
    let check = RedisCheck::new(service);

    redis.kill();
    until(&check, "unreachable").await;
    // Starting returns when all is read.
    let starting = tokio::task::spawn_blocking(move || {
        redis.restart();
        redis
    });
    until(&check, "loading").await;
    assert!(!starting.is_finished());
    let _redis = starting.await.unwrap();
    until(&check, "healthy").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn server_held_by_a_script_is_busy() {
    let redis = Redis::start_with(&[("busy-reply-threshold", "50")]);
    let check = RedisCheck::new(manager(&redis.url()).await);
    let mut other = manager(&redis.url()).await;
    let script = tokio::spawn(async move { send(&mut other, &["EVAL", "while true do end", "0"]).await });
    until(&check, "busy").await;

    send(&mut manager(&redis.url()).await, &["SCRIPT", "KILL"]).await.unwrap();
    until(&check, "healthy").await;
    script.await.unwrap().unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn snapshot_that_cannot_be_saved_is_misconf() {
    let read_only = tempfile::tempdir().unwrap();
    let writable = |mode| fs::set_permissions(read_only.path(), fs::Permissions::from_mode(mode)).unwrap();
    // Redis only looks at it when it saves. The server is somebody else if we are root.
    writable(0o555);
    let redis = Redis::start_with(&[("dir", read_only.path().to_str().unwrap())]);
    let mut service = manager(&redis.url()).await;
    let check = RedisCheck::new(service.clone());
    assert_steadily(&check, "healthy").await;

    send(&mut service, &["BGSAVE"]).await.unwrap();
    until(&check, "degraded:misconf").await;
    writable(0o777);
    eventually_async(SOON, async || send(&mut service, &["BGSAVE"]).await).await;
    until(&check, "healthy").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn snapshot_that_cannot_be_saved_and_stops_writes_is_a_failure() {
    let read_only = tempfile::tempdir().unwrap();
    fs::set_permissions(read_only.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let redis = Redis::start_with(&[("dir", read_only.path().to_str().unwrap()), ("save", "3600 1000")]);
    let mut service = manager(&redis.url()).await;
    let check = RedisCheck::new(service.clone());
    assert_steadily(&check, "healthy").await;

    send(&mut service, &["BGSAVE"]).await.unwrap();
    until(&check, "misconf").await;
    let refused = send(&mut service, &["SET", "key", "value"]).await.unwrap_err();
    assert_eq!(refused.code(), Some("MISCONF"));
    send(&mut service, &["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]).await.unwrap();
    assert_steadily(&check, "degraded:misconf").await;
    send(&mut service, &["SET", "key", "value"]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn memory_full_of_what_may_not_be_evicted_is_out_of_memory() {
    let redis = Redis::start_with(&[("maxmemory", "4mb"), ("maxmemory-policy", "volatile-lru")]);
    let mut service = manager(&redis.url()).await;
    let check = RedisCheck::new(service.clone());
    let value = "x".repeat(1000);
    for key in 0.. {
        if send(&mut service, &["SET", &format!("key-{key}"), &value]).await.is_err() {
            break;
        }
    }
    assert_steadily(&check, "out_of_memory").await;
}

/// A failover behind the service's back: its connection stays where the primary was.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn connection_that_a_failover_left_behind_is_read_only() {
    let first = Redis::start();
    let address = format!("127.0.0.1 {}", first.port());
    let second = Redis::start_with(&[("replicaof", &address), ("repl-diskless-sync-delay", "0")]);
    let mut service = manager(&first.url()).await;
    let sessions = RedisCheck::new(service.clone()).used_for(RedisUse::Sessions);
    let cache = RedisCheck::new(service.clone());
    until(&RedisCheck::new(manager(&second.url()).await).expect(RedisRole::Replica), "healthy").await;
    assert_steadily(&sessions, "healthy").await;

    send(&mut manager(&second.url()).await, &["REPLICAOF", "NO", "ONE"]).await.unwrap();
    let second_port = second.port().to_string();
    send(&mut manager(&first.url()).await, &["REPLICAOF", "127.0.0.1", &second_port]).await.unwrap();
    until(&sessions, "read_only").await;
    until(&cache, "degraded:read_only").await;
    let refused = send(&mut service, &["SET", "key", "value"]).await.unwrap_err();
    assert_eq!(refused.code(), Some("READONLY"));
    assert_steadily(&RedisCheck::from_url(&second.url()).unwrap().used_for(RedisUse::Sessions), "healthy").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn password_is_shown_nowhere() {
    const SECRET: &str = "s3cr3t-Pa55";
    let mut redis = Redis::start_with(&[("requirepass", SECRET)]);
    let service = manager(&redis.url()).await;
    let check = RedisCheck::new(service.clone());
    let watched = Watched::start(RedisCheck::new(service));
    let mut all = debug(&check) + &debug(&run(&check).await.unwrap());
    all += &watched.until(None).await;

    redis.kill();
    all += &shown(&run(&check).await.unwrap_err());
    all += &watched.until(Some("unreachable")).await;
    redis.restart();
    all += &watched.until(None).await;
    let mut admin = manager(&redis.url()).await;
    send(&mut admin, &["CONFIG", "SET", "requirepass", "other"]).await.unwrap();
    send(&mut admin, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await.unwrap();
    all += &watched.until(Some("auth")).await;
    all += &shown(&run(&check).await.unwrap_err());
    assert!(!all.contains(SECRET), "{all}");
}
