//! A cluster of three primaries, of which one is lost.

use aistm7_monitoring::health::{RedisCheck, RedisClusterCheck, RedisUse};
use redis_1::Value;

use super::{manager, send};
use crate::stores::{SOON, ask, assert_steadily, until};
use crate::support::poll::eventually_async;
use crate::support::port::free_port;
use crate::support::redis::Redis;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn cluster_is_down_when_its_nodes_say_so() {
    let mut nodes: Vec<Node> = (0..3).map(|_| Node::start()).collect();
    let lonely = Redis::start();
    let not_one = RedisClusterCheck::from_urls([lonely.url().as_str(), lonely.url().as_str()]).unwrap();
    assert_steadily(&not_one, "not_a_cluster").await;

    join(&nodes).await;
    let urls: Vec<String> = nodes.iter().map(|node| node.redis.url()).collect();
    let of_two = RedisClusterCheck::from_urls([urls[0].as_str(), urls[1].as_str()]).unwrap();
    let of_all = RedisClusterCheck::from_urls(urls.iter().map(String::as_str)).unwrap().used_for(RedisUse::Queue);
    let through_driver = RedisClusterCheck::new([manager(&urls[0]).await, manager(&urls[1]).await]).unwrap();
    for check in [&of_two, &of_all] {
        until(check, "healthy").await;
    }
    until(&through_driver, "healthy").await;

    nodes[2].redis.kill();
    until(&of_two, "cluster_down").await;
    assert_steadily(&of_all, "cluster_down").await;
    assert_steadily(&through_driver, "cluster_down").await;
    // What `PING` and `INFO` of a node do not show.
    assert_eq!(ask(&RedisCheck::from_url(&urls[0]).unwrap()).await, "healthy");

    // Serves on without the slots that are lost.
    for url in &urls[..2] {
        send(&mut manager(url).await, &["CONFIG", "SET", "cluster-require-full-coverage", "no"]).await.unwrap();
    }
    until(&of_two, "degraded:slots_lost").await;
    nodes[2].redis.restart();
    until(&of_all, "healthy").await;

    for node in &mut nodes {
        node.redis.kill();
    }
    assert_steadily(&of_all, "unreachable").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn user_without_cluster_info_gives_a_partial_report() {
    let node = Node::start();
    let mut admin = manager(&node.redis.url()).await;
    send(&mut admin, &["ACL", "SETUSER", "viewer", "on", ">pw", "+ping"]).await.unwrap();
    let url = node.redis.url_as("viewer", "pw");
    assert_steadily(&RedisClusterCheck::from_urls([url.as_str(), url.as_str()]).unwrap(), "healthy").await;
}

struct Node {
    redis: Redis,
    bus: u16,
}

impl Node {
    fn start() -> Self {
        let bus = free_port();
        let port = bus.to_string();
        let settings = [("cluster-enabled", "yes"), ("cluster-port", port.as_str()), ("cluster-node-timeout", "1000")];
        Self { redis: Redis::start_with(&settings), bus }
    }
}

/// Gives each a third of the slots, and makes them known to each other.
async fn join(nodes: &[Node]) {
    for (node, (first, last)) in nodes.iter().zip([("0", "5461"), ("5462", "10922"), ("10923", "16383")]) {
        let mut admin = manager(&node.redis.url()).await;
        send(&mut admin, &["CLUSTER", "ADDSLOTSRANGE", first, last]).await.unwrap();
    }
    let mut admin = manager(&nodes[0].redis.url()).await;
    for other in &nodes[1..] {
        let (port, bus) = (other.redis.port().to_string(), other.bus.to_string());
        send(&mut admin, &["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await.unwrap();
    }
    eventually_async(SOON, async || {
        let Value::VerbatimString { text, .. } = send(&mut admin, &["CLUSTER", "INFO"]).await.unwrap() else {
            return Ok(());
        };
        if text.contains("cluster_known_nodes:3") { Ok(()) } else { Err(text) }
    })
    .await;
}
