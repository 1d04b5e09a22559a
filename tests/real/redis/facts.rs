//! What a server tells of itself, beside what it says when it is asked by hand.

use std::process::Command;
use std::sync::{Arc, Mutex};

use aistm7_monitoring::cache::Caches;
use aistm7_monitoring::diagnostics::Diagnostics;
use aistm7_monitoring::metrics::{AskOptions, Scope, Snapshot};
use aistm7_monitoring::store::lease::Lease;
use aistm7_monitoring::store::redis::{RedisConnection, RedisProbe};

use super::{manager, send};
use crate::scraped::{Scraped, quiet};
use crate::stores::SOON;
use crate::support::poll::eventually_async;
use crate::support::redis::Redis;
use crate::support::tool;

const COLLECTOR: &str = "redis-sessions";

/// A service that shows a server's facts.
struct Service {
    scraped: Scraped,
    told: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn asking(connection: impl RedisProbe) -> Self {
        let diagnostics = Diagnostics::new();
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&told);
        diagnostics.set_hook(move |_, cause| heard.lock().unwrap().push(cause.to_owned()));
        let scraped = Scraped::with(diagnostics);
        let caches = Caches::new(&scraped.meter(), scraped.clock()).unwrap();
        caches.redis("sessions", connection, AskOptions::new().scope(Scope::Instance)).unwrap();
        Self { scraped, told }
    }

    async fn after(&self, outcome: &str) -> Snapshot {
        self.scraped.after_a_run_of(COLLECTOR, outcome).await
    }
}

fn value(snapshot: &Snapshot, metric: &str) -> Option<f64> {
    snapshot.value(metric, &[("server", "sessions")])
}

fn own(url: &str) -> RedisConnection {
    RedisConnection::from_url(url).unwrap()
}

/// A field of `INFO ALL`, asked for by hand.
async fn told(redis: &Redis, field: &str) -> f64 {
    let text = own(&redis.url()).command(&["INFO", "ALL"]).await.unwrap();
    let line = text.lines().find_map(|line| line.trim_end().strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{field} is not in {text}"))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn numbers_under_a_benchmark_are_those_of_info() {
    let redis = Redis::start_with(&[("maxmemory", "3mb"), ("maxmemory-policy", "allkeys-lru")]);
    let driver = manager(&redis.url()).await;
    for service in [Service::asking(own(&redis.url())), Service::asking(driver)] {
        let port = redis.port().to_string();
        // Of a hundred thousand keys, too many for the memory.
        let arguments = ["-p", &port, "-q", "-n", "10000", "-r", "100000", "-d", "200", "-P", "16", "-t", "set,get"];
        let benchmark = Command::new(tool::REDIS_BENCHMARK.require()).args(arguments).output().unwrap();
        assert!(benchmark.status.success(), "{benchmark:?}");

        let shown = service.after("ok").await;
        for (field, metric) in [
            ("keyspace_hits", "redis_keyspace_hits_total"),
            ("keyspace_misses", "redis_keyspace_misses_total"),
            ("evicted_keys", "redis_evicted_keys_total"),
            ("rejected_connections", "redis_rejected_connections_total"),
            ("maxmemory", "redis_memory_max_bytes"),
            ("maxclients", "redis_config_maxclients"),
        ] {
            assert_eq!(value(&shown, metric), Some(told(&redis, field).await), "{metric}");
        }
        assert!(value(&shown, "redis_keyspace_misses_total") > Some(0.0));
        assert!(value(&shown, "redis_evicted_keys_total") > Some(0.0));
        // What the questions themselves move.
        for (field, metric, at_most) in [
            ("total_commands_processed", "redis_commands_processed_total", 20.0),
            ("total_connections_received", "redis_connections_received_total", 20.0),
            ("total_net_input_bytes", "redis_net_input_bytes_total", 10_000.0),
            ("used_memory", "redis_memory_used_bytes", 500_000.0),
        ] {
            let (shown, told) = (value(&shown, metric).unwrap(), told(&redis, field).await);
            assert!((told - shown).abs() <= at_most && shown > 0.0, "{metric}: {shown}, {told}");
        }
        let get = shown.value("redis_commands_total", &[("cmd", "get"), ("server", "sessions")]).unwrap();
        let looked_up =
            value(&shown, "redis_keyspace_hits_total").unwrap() + value(&shown, "redis_keyspace_misses_total").unwrap();
        assert_eq!(get, looked_up, "who gets, looks up");
        let keys = shown.value("redis_db_keys", &[("db", "db0"), ("server", "sessions")]).unwrap();
        assert!(keys > 0.0 && keys < 100_000.0, "{keys}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn server_that_begins_anew_is_a_counter_that_does_and_one_that_is_gone_is_absent() {
    let mut redis = Redis::start();
    let service = Service::asking(own(&redis.url()));
    let mut admin = own(&redis.url());
    for _ in 0..100 {
        admin.command(&["GET", "nothing"]).await.unwrap();
    }
    let before = service.after("ok").await;
    assert_eq!(value(&before, "redis_keyspace_misses_total"), Some(100.0));

    redis.kill();
    redis.restart();
    admin = own(&redis.url());
    admin.command(&["GET", "nothing"]).await.unwrap();
    let after = service.after("ok").await;
    assert_eq!(value(&after, "redis_keyspace_misses_total"), Some(1.0));
    assert_eq!(value(&after.since(&before), "redis_keyspace_misses_total"), Some(1.0), "it began anew, and rose");
    assert!(value(&after, "redis_start_time_seconds") >= value(&before, "redis_start_time_seconds"));
    admin.command(&["CONFIG", "RESETSTAT"]).await.unwrap();
    assert_eq!(value(&service.after("ok").await, "redis_keyspace_misses_total"), Some(0.0));

    redis.freeze();
    let frozen = service.after("failed").await;
    assert_eq!(value(&frozen, "redis_keyspace_misses_total"), Some(0.0), "it is fresh still");
    let frozen = service.after("failed").await;
    assert_eq!(value(&frozen, "redis_keyspace_misses_total"), None, "it is not known, and not 0");
    assert_eq!(value(&frozen, "redis_connected_clients"), None);
    redis.thaw();
    // Asked less often meanwhile.
    eventually_async(SOON, async || match value(&service.scraped.scrape().await, "redis_connected_clients") {
        Some(clients) if clients > 0.0 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn user_without_info_is_a_failure_that_says_what_to_do_and_no_zero() {
    let redis = Redis::start();
    let mut admin = manager(&redis.url()).await;
    send(&mut admin, &["ACL", "SETUSER", "viewer", "on", ">s3cr3t-Pa55", "~*", "+ping"]).await.unwrap();
    let service = Service::asking(own(&redis.url_as("viewer", "s3cr3t-Pa55")));
    let shown = service.after("failed").await;
    assert_eq!(value(&shown, "redis_connected_clients"), None);
    assert_eq!(shown.sum("redis_keyspace_hits_total", &[]), None);
    let told = service.told.lock().unwrap().join("\n");
    assert!(told.contains("+info") && !told.contains("s3cr3t"), "{told}");

    send(&mut admin, &["ACL", "SETUSER", "viewer", "+info"]).await.unwrap();
    assert_eq!(value(&service.after("ok").await, "redis_connected_clients"), Some(2.0));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn replication_is_told_from_both_sides() {
    let mut primary = Redis::start();
    let address = format!("127.0.0.1 {}", primary.port());
    let replica = Redis::start_with(&[("replicaof", &address), ("repl-diskless-sync-delay", "0")]);
    let (above, below) = (Service::asking(own(&primary.url())), Service::asking(own(&replica.url())));
    eventually_async(SOON, async || {
        let (above, below) = (above.scraped.scrape().await, below.scraped.scrape().await);
        let lag = (value(&above, "redis_replicas_max_lag_seconds"), value(&above, "redis_replicas_max_lag_bytes"));
        let is_following = matches!(lag, (Some(0.0..=1.0), Some(_)))
            && value(&above, "redis_connected_slaves") == Some(1.0)
            && value(&below, "redis_master_link_up") == Some(1.0);
        if is_following { Ok(()) } else { Err(format!("{lag:?}")) }
    })
    .await;
    assert_eq!(value(&above.scraped.scrape().await, "redis_master_link_up"), None, "a primary has none");

    primary.kill();
    eventually_async(SOON, async || match value(&below.scraped.scrape().await, "redis_master_link_up") {
        Some(0.0) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert_eq!(value(&below.scraped.scrape().await, "redis_master_last_io_seconds_ago"), None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn server_is_asked_by_one_replica_and_shown_by_all() {
    let redis = Redis::start();
    let store = manager(&redis.url()).await;
    let replica = || {
        let monitoring = quiet("orders").lease(Lease::new(store.clone())).replicas(2).build().unwrap();
        monitoring.cache().redis("sessions", own(&redis.url()), AskOptions::new()).unwrap();
        monitoring
    };
    let replicas = [replica(), replica()];
    for monitoring in &replicas {
        eventually_async(SOON, async || {
            let registry = monitoring.registry().clone();
            tokio::task::spawn_blocking(move || registry.collect()).await.unwrap();
            value(&monitoring.registry().snapshot(), "redis_uptime_in_seconds").ok_or("nothing is shown yet")
        })
        .await;
    }
    let shown = replicas.each_ref().map(|monitoring| monitoring.registry().snapshot());
    for metric in ["redis_commands_processed_total", "redis_memory_used_bytes", "redis_start_time_seconds"] {
        assert_eq!(value(&shown[0], metric), value(&shown[1], metric), "{metric}");
    }
    let text = own(&redis.url()).command(&["INFO", "COMMANDSTATS"]).await.unwrap();
    assert!(text.contains("cmdstat_info:calls=1,"), "{text}");
}
