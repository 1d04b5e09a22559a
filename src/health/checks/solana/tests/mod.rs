mod node;
mod several;
mod silence;

use std::io::{Read, Write};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::{SolanaCheck, SolanaCluster};
use crate::clock::ManualClock;
use crate::health::checks::peer::{CERTIFICATE, Peer, nobody};
use crate::health::outcome::Weight;
use crate::health::{CheckFailure, CheckReport, Datum, HealthCheck};
use node::Node;

const AT_SLOT_7: &str = r#"[{"jsonrpc":"2.0","id":2,"result":7},{"jsonrpc":"2.0","id":1,"result":"ok"}]"#;

async fn ask(url: &str) -> Result<CheckReport, CheckFailure> {
    SolanaCheck::new(url).unwrap().check().await
}

/// The code of a failure, or `degraded:` and that of a report.
fn reason(outcome: &Result<CheckReport, CheckFailure>) -> String {
    match outcome {
        Ok(report) => report.reason().map_or("healthy".to_owned(), |reason| format!("degraded:{reason}")),
        Err(failure) => failure.reason().to_owned(),
    }
}

#[tokio::test]
async fn healthy_node_shows_its_slot_and_never_its_key() {
    let peer = Peer::json(AT_SLOT_7);
    let report = ask(&peer.url("http", "/v2/secret?api-key=secret")).await.unwrap();
    assert_eq!(report.data(), [("slot", Datum::Integer(7))]);
    let requests = peer.requests();
    assert!(requests[0].starts_with("POST /v2/secret?api-key=secret HTTP/1.1\r\n"), "{}", requests[0]);
    let body = requests[0].split_once("\r\n\r\n").unwrap().1;
    let batch: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&batch[0]["method"], &batch[1]["method"]), (&"getHealth".into(), &"getSlot".into()));
    assert_eq!(batch[2], serde_json::Value::Null, "no slot is known that a block could be asked for");
    assert_eq!(batch[1]["params"][0]["commitment"], "processed");
}

#[tokio::test]
async fn answers_are_told_apart_by_reason() {
    let error = |code: i64, data: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"key secret","data":{data}}}}}"#)
    };
    let behind = error(-32005, r#"{"numSlotsBehind":42}"#);
    let slot = r#"{"jsonrpc":"2.0","id":2,"result":7}"#;
    for (body, expected) in [
        (AT_SLOT_7.to_owned(), "healthy"),
        (format!("[{behind},{slot}]"), "behind"),
        (format!("[{},{slot}]", error(-32005, r#"{"numSlotsBehind":null}"#)), "behind"),
        (format!("[{},{slot}]", error(-32601, "null")), "rpc_error"),
        (error(-32600, "null"), "rpc_error"),
        (error(429, "null"), "degraded:rate_limited"),
        (AT_SLOT_7.replace('7', "-7"), "invalid_response"),
        (AT_SLOT_7.replace("ok", "well"), "invalid_response"),
        (format!("[{slot}]"), "invalid_response"),
        ("[]".to_owned(), "invalid_response"),
        ("ok".to_owned(), "invalid_response"),
    ] {
        let outcome = ask(&Peer::json(&body).url("http", "/")).await;
        assert_eq!(reason(&outcome), expected, "{body}");
        assert!(!format!("{outcome:?}").contains("secret"), "{outcome:?}");
    }
    let outcome = ask(&Peer::json(&format!("[{behind},{slot}]")).url("http", "/")).await;
    assert_eq!(outcome.unwrap_err().message(), "the node is 42 slots behind the cluster");
}

#[tokio::test]
async fn statuses_and_broken_peers_are_told_apart_by_reason() {
    for (peer, expected) in [
        (Peer::http("401 Unauthorized", "", ""), "forbidden"),
        (Peer::http("403 Forbidden", "", ""), "forbidden"),
        (Peer::http("502 Bad Gateway", "", ""), "rpc_error"),
        (Peer::json(&" ".repeat(1 << 20)), "invalid_response"),
        (Peer::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n["), "unreachable"),
        (Peer::raw("SSH-2.0-OpenSSH_9.2\r\n"), "invalid_response"),
        (Peer::raw([0xff; 64]), "invalid_response"),
        (Peer::half_closed(""), "unreachable"),
        (Peer::half_closed("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{"), "unreachable"),
        (Peer::half_closed("HTTP/1.1 200 OK\r\n\r\n[{"), "invalid_response"),
    ] {
        assert_eq!(reason(&ask(&peer.url("http", "/")).await), expected);
    }
    let outcome = ask(&format!("{}/secret", nobody())).await;
    assert_eq!(reason(&outcome), "unreachable");
    assert!(!format!("{outcome:?}").contains("secret"), "{outcome:?}");
}

#[tokio::test]
async fn wait_that_the_node_asks_for_is_kept() {
    let peer = Peer::http("429 Too Many Requests", "Retry-After: 20\r\n", "");
    let held = ManualClock::new();
    let mut check = SolanaCheck::new(&peer.url("http", "/")).unwrap();
    check.use_clock(&held.clock());
    assert_eq!(reason(&check.check().await), "degraded:rate_limited");
    held.advance(Duration::from_secs(19));
    assert_eq!(reason(&check.check().await), "degraded:rate_limited");
    assert_eq!(peer.requests().len(), 1);
    held.advance(Duration::from_secs(1));
    assert_eq!(reason(&check.check().await), "degraded:rate_limited");
    assert_eq!(peer.requests().len(), 2);
}

#[tokio::test]
async fn node_that_calls_itself_healthy_but_stands_still_is_stalled() {
    let peer = Peer::json(AT_SLOT_7);
    let held = ManualClock::new();
    let mut check = SolanaCheck::new(&peer.url("http", "/")).unwrap();
    check.use_clock(&held.clock());
    for expected in ["healthy", "healthy", "healthy", "slot_stalled"] {
        assert_eq!(reason(&check.check().await), expected);
        held.advance(Duration::from_secs(15));
    }
}

#[tokio::test]
async fn stall_is_told_in_time_also_when_the_last_slot_comes_just_after_a_run() {
    let node = Node::start();
    let held = ManualClock::new();
    let mut check = SolanaCheck::new(&node.url()).unwrap();
    check.use_clock(&held.clock());
    assert_eq!(reason(&check.check().await), "healthy");
    let faulty_since = held.clock().now();
    node.advance(1);
    let mut runs = Vec::new();
    for _ in 0..4 {
        held.advance(Duration::from_secs(15));
        runs.push(reason(&check.check().await));
    }
    assert_eq!(runs, ["healthy", "healthy", "healthy", "slot_stalled"]);
    // What the document says, without the run itself.
    assert_eq!(
        held.clock().now() - faulty_since,
        Duration::from_secs(15) + SolanaCheck::STALL + Duration::from_secs(15)
    );
}

#[tokio::test]
async fn self_signed_node_is_trusted_only_when_told_so() {
    let peer = Peer::tls_json(AT_SLOT_7);
    let make = || SolanaCheck::new(&peer.url("https", "/")).unwrap();
    assert_eq!(reason(&make().check().await), "tls");
    assert_eq!(reason(&make().pinned_certificate(CERTIFICATE).unwrap().check().await), "healthy");
    assert_eq!(reason(&make().any_certificate_on_loopback().unwrap().check().await), "healthy");
    assert!(SolanaCheck::new("https://rpc.example.com").unwrap().any_certificate_on_loopback().is_err());
    let ssh = Peer::speaking_first("SSH-2.0-OpenSSH_9.2\r\n");
    assert_eq!(reason(&ask(&ssh.url("https", "/")).await), "tls");
    let slow = Peer::silent();
    let url = slow.url("http", "/");
    assert!(tokio::time::timeout(Duration::from_millis(50), ask(&url)).await.is_err(), "time is limited by the runner");
}

#[tokio::test]
async fn node_that_never_ends_its_answer_takes_its_run_and_no_longer() {
    let trickle = Peer::with_threads(|mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let url = trickle.url("http", "/");
    assert!(tokio::time::timeout(Duration::from_millis(50), ask(&url)).await.is_err(), "time is limited by the runner");
    let check = SolanaCheck::new(&url).unwrap().fallback(&nobody()).unwrap().answer_within(Duration::from_millis(50));
    let failure = check.check().await.unwrap_err();
    assert_eq!(failure.reason(), "timeout");
    assert_eq!(failure.data(), [("rpcs", Datum::from("127.0.0.1: timeout, 127.0.0.1: unreachable"))]);
}

#[tokio::test]
async fn node_of_another_cluster_is_wrong_at_once_and_asked_until_it_is_right() {
    let node = Node::start();
    let held = ManualClock::new();
    let mut check = SolanaCheck::new(&node.url()).unwrap().expect(SolanaCluster::MAINNET);
    check.use_clock(&held.clock());
    let failure = check.check().await.unwrap_err();
    assert_eq!((failure.reason(), failure.weight()), ("wrong_cluster", Weight::Conclusive));
    assert_eq!(failure.message(), "the node is of devnet, and not of mainnet");

    node.set(|state| state.genesis = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d".into());
    assert_eq!(reason(&check.check().await), "healthy");
    assert_eq!(node.methods(), ["getHealth", "getSlot", "getGenesisHash"]);
    assert_eq!(reason(&check.check().await), "healthy");
    assert_eq!(node.methods(), ["getHealth", "getSlot", "getBlockTime"], "it is known");

    // Behind the same address, a node that is elsewhere.
    node.set(|state| {
        state.slot = 50_000;
        state.genesis = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG".into();
    });
    assert_eq!(reason(&check.check().await), "healthy");
    assert_eq!(reason(&check.check().await), "wrong_cluster");
    node.set(|state| state.genesis = "https://h/?key=secret".into());
    assert_eq!(reason(&check.check().await), "invalid_response");
}

#[tokio::test]
async fn old_blocks_degrade_and_then_fail_and_blocks_without_a_time_do_neither() {
    let node = Node::start();
    let held = ManualClock::starting_at(UNIX_EPOCH + Duration::from_secs(1_000_000));
    let mut check = SolanaCheck::new(&node.url()).unwrap();
    check.use_clock(&held.clock());
    assert_eq!(reason(&check.check().await), "healthy");
    for (block_time, expected) in [
        (json!(1_000_000), "healthy"),
        (json!(1_000_000 - 45), "healthy"),
        (json!(1_000_000 - 46), "degraded:block_time_lag"),
        (json!(1_000_000 - 150), "degraded:block_time_lag"),
        (json!(1_000_000 - 151), "block_time_lag"),
        // Clocks differ.
        (json!(1_000_600), "healthy"),
        (json!(i64::MAX), "healthy"),
        (json!(i64::MIN), "block_time_lag"),
        // Slots without a block, and what is no time.
        (json!(null), "healthy"),
        (json!({"code": -32007, "message": "Slot 7 was skipped"}), "healthy"),
        (json!({"code": 429, "message": "slow down"}), "degraded:rate_limited"),
    ] {
        node.set(|state| {
            state.slot += 1;
            state.block_time = block_time.clone();
        });
        assert_eq!(reason(&check.check().await), expected, "{block_time}");
    }
}

#[tokio::test]
async fn age_of_a_block_is_that_at_the_run_that_saw_its_slot() {
    let node = Node::start();
    let held = ManualClock::starting_at(UNIX_EPOCH + Duration::from_secs(1_000_000));
    let mut check = SolanaCheck::new(&node.url()).unwrap();
    check.use_clock(&held.clock());
    assert_eq!(reason(&check.check().await), "healthy");
    held.advance(Duration::from_secs(15));
    node.set(|state| {
        state.slot += 37;
        state.block_time = json!(1_000_000 - 1);
    });
    let report = check.check().await.unwrap();
    assert!(report.data().contains(&("block_age_seconds", Datum::Number(1.0))), "{report:?}");
    let asked = node.peer.requests().last().cloned().unwrap_or_default();
    assert!(asked.contains(r#""method":"getBlockTime","params":[1000]"#), "{asked}");
}

#[tokio::test]
async fn replica_that_asks_for_the_slot_only_makes_one_call_and_no_batch() {
    let node = Node::start();
    let held = ManualClock::new();
    let mut check = SolanaCheck::new(&node.url()).unwrap().slot_only().expect(SolanaCluster::MAINNET);
    check.use_clock(&held.clock());
    for expected in ["healthy", "healthy", "healthy", "slot_stalled"] {
        assert_eq!(reason(&check.check().await), expected);
        assert_eq!(node.methods(), ["getSlot"]);
        held.advance(Duration::from_secs(15));
    }
}
