//! The Solana checks against a real RPC node: surfpool, which runs the validator's own runtime.
//!
//! Its clock can be paused. Then it is what a node that has lost its cluster is: its slot stands still, and `getHealth`
//! says `ok`. The checks run by their own schedule, with their defaults, and must say so within the time that
//! `src/docs/health.md` promises.
//!
//! `tests/surfpool/run` builds and runs it: a thousand packages, so it is no part of the other tests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::health::{HealthCheck, STUCK_AFTER, SolanaCheck, SolanaCluster, SolanaWebSocketCheck, Status};
use surfpool_sdk::{BlockProductionMode, Surfnet};

#[tokio::main]
async fn main() {
    let node = start().await;
    let reference = start().await;
    let genesis = call(&node, "getGenesisHash");
    println!("node at {}, genesis {genesis}", node.rpc_url());

    let cluster = SolanaCluster::genesis(genesis).expect("a genesis hash");
    let check = SolanaCheck::new(node.rpc_url()).expect("a URL").expect(cluster);
    let check = check.reference(reference.rpc_url()).expect("a URL");
    let elsewhere = SolanaCheck::new(node.rpc_url()).expect("a URL").expect(SolanaCluster::MAINNET);
    // As the document has it: the last slot is seen by the next run; three runs later the stall is known, or at the first
    // one after it has lasted long enough. A run may take its whole timeout.
    let interval = Duration::from_secs(15);
    let lasting = (SolanaCheck::STALL + interval).max(interval * SolanaCheck::STALL_RUNS);
    let seen_within = interval + lasting + Duration::from_secs(3) + STUCK_AFTER;
    assert!(format!("{:?}", check.defaults()).contains("interval: Some(15s)"), "the interval is the default");

    let websocket = SolanaWebSocketCheck::new(node.ws_url()).expect("a URL");
    let monitoring = Monitoring::builder("surfpool-job")
        .check("solana", check)
        .check("solana-websocket", websocket)
        .check("solana-elsewhere", elsewhere)
        .build()
        .expect("valid checks");

    until(&monitoring, "solana", Status::Healthy, None, Duration::from_secs(10)).await;
    until(&monitoring, "solana-websocket", Status::Healthy, None, Duration::from_secs(10)).await;
    until(&monitoring, "solana-elsewhere", Status::Unhealthy, Some("wrong_cluster"), Duration::from_secs(10)).await;
    // Long enough for a run that knows how old the newest block is.
    tokio::time::sleep(Duration::from_secs(20)).await;
    println!("{}", monitoring.health().details().body);
    until(&monitoring, "solana", Status::Healthy, None, Duration::ZERO).await;

    call(&node, "surfnet_pauseClock");
    let stands_at = call(&node, "getSlot");
    assert_eq!(call(&node, "getHealth"), "ok", "the node calls itself healthy");
    let took = until(&monitoring, "solana", Status::Unhealthy, Some("slot_stalled"), seen_within).await;
    println!("slot_stalled after {took:?}, of {seen_within:?} at most");
    assert_eq!(call(&node, "getSlot"), stands_at, "the node stands still");
    assert_eq!(call(&node, "getHealth"), "ok", "the node calls itself healthy");
    until(&monitoring, "solana-websocket", Status::Unhealthy, Some("websocket_silent"), seen_within).await;

    call(&reference, "surfnet_pauseClock");
    let took = until(&monitoring, "solana", Status::Unhealthy, Some("cluster_halted"), seen_within + interval).await;
    println!("cluster_halted after {took:?}");

    call(&reference, "surfnet_resumeClock");
    call(&node, "surfnet_resumeClock");
    until(&monitoring, "solana-websocket", Status::Healthy, None, interval * 4).await;
    // It goes on from where it stood, as far behind as it was paused longer.
    until(&monitoring, "solana", Status::Unhealthy, Some("lags_reference"), interval * 2).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_millis();
    ask(&node, "surfnet_timeTravel", &format!(r#"{{"absoluteTimestamp":{now}}}"#));
    let took = until(&monitoring, "solana", Status::Healthy, None, interval * 4).await;
    println!("healthy {took:?} after it has caught up");
    println!("passed");
}

async fn start() -> Surfnet {
    let builder = Surfnet::builder().offline(true).block_production_mode(BlockProductionMode::Clock).slot_time_ms(400);
    builder.start().await.expect("a node")
}

/// The result of a call without parameters, as text.
fn call(node: &Surfnet, method: &str) -> String {
    ask(node, method, "")
}

/// As [`call`], with parameters.
fn ask(node: &Surfnet, method: &str, params: &str) -> String {
    let address = node.rpc_url().trim_start_matches("http://");
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[{params}]}}"#);
    let length = body.len();
    let mut stream = TcpStream::connect(address).expect("the node listens");
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .expect("the node reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the node answers");
    let (_, result) = answer.split_once(r#""result":"#).unwrap_or_else(|| panic!("{method}: {answer}"));
    result.split([',', '}']).next().unwrap_or_default().trim_matches('"').to_owned()
}

/// Waits for a status and a reason, and says how long that took.
async fn until(
    monitoring: &Monitoring,
    check: &str,
    status: Status,
    reason: Option<&str>,
    at_most: Duration,
) -> Duration {
    let began = Instant::now();
    loop {
        let took = began.elapsed();
        let report = monitoring.health().report();
        let now = report.check(check).expect("it is registered");
        if now.status == status && now.reason == reason {
            return took;
        }
        assert!(took <= at_most, "{check} is {:?} ({:?}) after {took:?}: {}", now.status, now.reason, now.message);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
