//! A primary with a replica under three Sentinels.

use std::time::Duration;

use aistm7_monitoring::health::{Datum, HealthCheck, RedisCheck, RedisSentinelCheck, RedisUse};
use aistm7_monitoring::store::redis::RedisConnection;

use super::{manager, send};
use crate::stores::{ask, assert_steadily, run, until_within};
use crate::support::poll::eventually_async;
use crate::support::redis::{Redis, Sentinel};

/// A Sentinel whose machine stood still for two seconds only watches for thirty (it calls that TILT), and may do so again.
const TILTED: Duration = Duration::from_secs(90);

async fn until(check: &impl HealthCheck, wanted: &str) {
    until_within(TILTED, check, wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn failover_is_seen_from_its_beginning_to_its_end() {
    let mut primary = Redis::start();
    let address = format!("127.0.0.1 {}", primary.port());
    let replica = Redis::start_with(&[("replicaof", &address), ("repl-diskless-sync-delay", "0")]);
    let sentinels = start_sentinels(&primary);
    let check = check_of(&sentinels).used_for(RedisUse::Sessions);
    until(&check, "healthy").await;
    until_both_are_known(&sentinels, &check).await;
    let through_driver =
        RedisSentinelCheck::new(PRIMARY, [manager(&sentinels[0].url()).await, manager(&sentinels[1].url()).await]);
    assert_steadily(&through_driver.unwrap(), "healthy").await;
    assert_steadily(&RedisSentinelCheck::from_urls("other", [sentinels[0].url().as_str()]).unwrap(), "primary_unknown")
        .await;

    primary.kill();
    let mut seen = Vec::new();
    eventually_async(TILTED, async || {
        let said = ask(&check).await;
        if seen.last() != Some(&said) {
            seen.push(said.clone());
        }
        let is_over = said == "healthy" && primary_of(&check).await == format!("127.0.0.1:{}", replica.port());
        if is_over { Ok(()) } else { Err(said) }
    })
    .await;
    assert!(seen.iter().any(|said| said == "failover_in_progress"), "{seen:?}");
    assert_eq!(ask(&RedisCheck::from_url(&replica.url()).unwrap().used_for(RedisUse::Sessions)).await, "healthy");

    // Back as a replica of the new one: a connection that still leads there must not be taken for the primary's.
    primary.restart();
    until(&RedisCheck::from_url(&primary.url()).unwrap().used_for(RedisUse::Sessions), "read_only").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn primary_without_a_replica_is_down_and_stays_it() {
    let mut primary = Redis::start();
    let mut sentinels = start_sentinels(&primary);
    let check = check_of(&sentinels);
    until(&check, "healthy").await;

    // Too few to agree, and too few to replace it.
    sentinels[1].kill();
    until(&check, "degraded:sentinel_unreachable").await;
    sentinels[2].kill();
    until(&check, "degraded:no_quorum").await;
    primary.freeze();
    until(&check, "degraded:primary_suspected").await;
    primary.thaw();
    until(&check, "degraded:no_quorum").await;
    for sentinel in &mut sentinels[1..] {
        sentinel.restart();
    }
    until(&check, "healthy").await;

    primary.freeze();
    until(&check, "primary_down").await;
    primary.thaw();
    until(&check, "healthy").await;

    for sentinel in &mut sentinels {
        sentinel.kill();
    }
    assert_steadily(&check, "unreachable").await;
}

const PRIMARY: &str = "mymaster";

fn start_sentinels(primary: &Redis) -> Vec<Sentinel> {
    (0..3).map(|_| Sentinel::start_for(PRIMARY, primary)).collect()
}

fn check_of(sentinels: &[Sentinel]) -> RedisSentinelCheck<RedisConnection> {
    let urls: Vec<String> = sentinels.iter().map(Sentinel::url).collect();
    RedisSentinelCheck::from_urls(PRIMARY, urls.iter().map(String::as_str)).unwrap()
}

/// They find the replica and each other by what the primary says, every few seconds.
async fn until_both_are_known(sentinels: &[Sentinel], check: &RedisSentinelCheck<RedisConnection>) {
    eventually_async(TILTED, async || {
        let report = run(check).await.unwrap();
        let has_replica = report.data().contains(&("replicas", Datum::Integer(1)));
        let mut admin = manager(&sentinels[0].url()).await;
        let others = send(&mut admin, &["SENTINEL", "SENTINELS", PRIMARY]).await.unwrap();
        let others: Vec<redis_1::Value> = redis_1::from_redis_value(others).unwrap();
        if has_replica && others.len() == 2 { Ok(()) } else { Err(format!("{report:?} {others:?}")) }
    })
    .await;
}

async fn primary_of(check: &RedisSentinelCheck<RedisConnection>) -> String {
    let report = run(check).await;
    let data = report.as_ref().map(|report| report.data()).unwrap_or_default();
    match data.iter().find(|(name, _)| *name == "primary") {
        Some((_, Datum::Text(address))) => address.clone(),
        _ => String::new(),
    }
}
