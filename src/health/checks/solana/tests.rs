use std::time::Duration;

use super::SolanaCheck;
use crate::clock::ManualClock;
use crate::health::checks::peer::{CERTIFICATE, Peer, nobody};
use crate::health::{CheckFailure, CheckReport, Datum, HealthCheck};

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
