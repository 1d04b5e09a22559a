use std::time::Duration;

use super::IbkrCheck;
use crate::clock::ManualClock;
use crate::health::checks::peer::{CERTIFICATE, Peer, nobody};
use crate::health::{CheckFailure, CheckReport, Datum, EndpointError, HealthCheck, Status};

/// A live session, as a gateway shows it, with everything in it that nobody may see.
const LIVE: &str = r#"{"session":"9fe1secret","ssoExpires":444936,"collission":false,"userId":132329622,
    "hmds":{"error":"no bridge"},"iserver":{"authStatus":{"authenticated":true,"competing":false,"connected":true,
    "message":"","MAC":"F4:03:43:E6:secret","serverInfo":{"serverName":"JifZ34060",
    "serverVersion":"Build 10.33.1f, Feb 5, 2025 10:21:09 AM"},"hardware_info":"secret"}}}"#;

/// Asks once, with a tickle.
async fn ask(url: &str) -> Result<CheckReport, CheckFailure> {
    let mut check = IbkrCheck::client_portal(url).unwrap().keep_alive();
    check.use_clock(&ManualClock::new().clock());
    check.check().await
}

async fn ask_peer(peer: &Peer) -> Result<CheckReport, CheckFailure> {
    ask(&peer.url("http", "/v1/api/")).await
}

/// The code of a failure, or `degraded:` and that of a report.
fn reason(outcome: &Result<CheckReport, CheckFailure>) -> String {
    match outcome {
        Ok(report) => report.reason().map_or("healthy".to_owned(), |reason| format!("degraded:{reason}")),
        Err(failure) => failure.reason().to_owned(),
    }
}

#[tokio::test]
async fn live_session_is_healthy_and_shows_nothing_of_itself() {
    let peer = Peer::json(LIVE);
    let report = ask_peer(&peer).await.unwrap();
    assert_eq!(report.status(), Status::Healthy);
    assert_eq!(report.data(), [("login_left_seconds", Datum::Number(444.936))]);
    let requests = peer.requests();
    let request = requests[0].to_ascii_lowercase();
    assert!(request.starts_with("post /v1/api/tickle http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nuser-agent: aistm7-monitoring/"), "{request}");
    assert!(request.contains("\r\ncontent-length: 0\r\n"), "some edges refuse a POST without a length: {request}");
}

#[tokio::test]
async fn answers_are_told_apart_by_reason() {
    let session = |flags: &str| format!(r#"{{"ssoExpires":444936,"iserver":{{"authStatus":{{{flags}}}}}}}"#);
    for (body, expected) in [
        (r#"{"error":"no session"}"#.to_owned(), "no_session"),
        ("{}".to_owned(), "not_authenticated"),
        (r#"{"iserver":{}}"#.to_owned(), "not_authenticated"),
        (session(r#""authenticated":false,"connected":true,"competing":false"#), "not_authenticated"),
        (session(r#""authenticated":false,"connected":false,"competing":false"#), "backend_disconnected"),
        (session(r#""authenticated":true,"connected":false"#), "backend_disconnected"),
        (session(r#""authenticated":true,"connected":true,"competing":true"#), "competing_session"),
        (session(r#""authenticated":false,"connected":true,"competing":true"#), "competing_session"),
        (LIVE.replace(r#""collission":false"#, r#""collission":true"#), "competing_session"),
        (session(r#""authenticated":"yes","connected":true"#), "invalid_response"),
        (session(r#""message":"""#), "invalid_response"),
        (LIVE.replace("444936", "59999"), "degraded:session_expiring"),
        (LIVE.replace("444936", "60000"), "healthy"),
        (LIVE.replace("444936", "null"), "healthy"),
        ("[]".to_owned(), "invalid_response"),
        ("<html>login</html>".to_owned(), "invalid_response"),
        (String::new(), "invalid_response"),
    ] {
        assert_eq!(reason(&ask_peer(&Peer::json(&body)).await), expected, "{body}");
    }
}

#[tokio::test]
async fn statuses_are_told_apart_by_reason() {
    for (status, expected) in [
        ("401 Unauthorized", "no_session"),
        ("403 Forbidden", "forbidden"),
        ("404 Not Found", "invalid_response"),
        ("500 Internal Server Error", "ibkr_restarting"),
        ("503 Service Unavailable", "ibkr_restarting"),
    ] {
        assert_eq!(reason(&ask_peer(&Peer::http(status, "", LIVE)).await), expected, "{status}");
    }
    let elsewhere = Peer::json(LIVE);
    let location = format!("Location: {}\r\n", elsewhere.url("http", "/"));
    let redirects = Peer::http("302 Found", &location, "");
    assert_eq!(reason(&ask_peer(&redirects).await), "invalid_response");
    assert!(elsewhere.requests().is_empty(), "no redirect is followed");
}

#[tokio::test]
async fn broken_peers_are_told_apart_by_reason() {
    let huge = format!(r#"{{"x":"{}"}}"#, "x".repeat(1 << 20));
    for (peer, expected) in [
        (Peer::json(&huge), "invalid_response"),
        (Peer::raw("SSH-2.0-OpenSSH_9.2\r\n"), "invalid_response"),
        (Peer::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "gateway_unreachable"),
        (Peer::raw(""), "gateway_unreachable"),
    ] {
        assert_eq!(reason(&ask_peer(&peer).await), expected);
    }
    assert_eq!(reason(&ask(&nobody()).await), "gateway_unreachable");
    let slow = Peer::silent();
    let answer = tokio::time::timeout(Duration::from_millis(50), ask_peer(&slow)).await;
    assert!(answer.is_err(), "time is limited by the runner");
}

#[tokio::test]
async fn penalty_is_sat_out_without_asking() {
    let peer = Peer::http("429 Too Many Requests", "", "");
    let held = ManualClock::new();
    let mut check = IbkrCheck::client_portal(&peer.url("http", "/v1/api")).unwrap();
    check.use_clock(&held.clock());
    for _ in 0..3 {
        assert_eq!(reason(&check.check().await), "degraded:rate_limited");
        held.advance(Duration::from_secs(299));
    }
    assert_eq!(peer.requests().len(), 1);
    held.advance(Duration::from_secs(3));
    assert_eq!(reason(&check.check().await), "degraded:rate_limited");
    assert_eq!(peer.requests().len(), 2);
}

#[tokio::test]
async fn self_signed_gateway_is_trusted_only_when_told_so() {
    let peer = Peer::tls_json(LIVE);
    let url = peer.url("https", "/v1/api");
    let make = || IbkrCheck::client_portal(&url).unwrap().keep_alive();
    assert_eq!(reason(&make().check().await), "tls");
    assert_eq!(reason(&make().pinned_certificate(CERTIFICATE).unwrap().check().await), "healthy");
    assert_eq!(reason(&make().any_certificate_on_loopback().unwrap().check().await), "healthy");
    let ssh = Peer::speaking_first("SSH-2.0-OpenSSH_9.2\r\n");
    let not_tls = IbkrCheck::client_portal(&ssh.url("https", "")).unwrap();
    assert_eq!(reason(&not_tls.check().await), "tls");
}

#[test]
fn unchecked_certificates_are_refused_off_this_machine() {
    for base in ["https://api.ibkr.com/v1/api", "https://localhost.example.com", "https://10.0.0.1:5000/v1/api"] {
        let refused = IbkrCheck::client_portal(base).unwrap().any_certificate_on_loopback().unwrap_err();
        assert!(matches!(refused, EndpointError::UncheckedHost { .. }), "{refused}");
    }
    let refused = IbkrCheck::client_portal("https://localhost:5000").unwrap().pinned_certificate("no PEM").unwrap_err();
    assert!(matches!(refused, EndpointError::InvalidCertificate(_)), "{refused}");
}
