use std::time::Duration;

use super::{HttpCheck, ServiceCheck};
use crate::clock::ManualClock;
use crate::health::checks::peer::{CERTIFICATE, Peer, nobody};
use crate::health::{HealthCheck, Impact};

/// The code of a failure, or `degraded:` and that of a report.
async fn said(check: &impl HealthCheck) -> String {
    match check.check().await {
        Ok(report) => report.reason().map_or("healthy".to_owned(), |reason| format!("degraded:{reason}")),
        Err(failure) => failure.reason().to_owned(),
    }
}

fn get(peer: &Peer) -> HttpCheck {
    HttpCheck::get(&peer.url("http", "/status?x=1")).unwrap()
}

#[tokio::test]
async fn endpoint_is_judged_by_status_and_text() {
    let peer = Peer::http("200 OK", "", "all is well");
    assert_eq!(said(&get(&peer)).await, "healthy");
    assert!(peer.requests()[0].starts_with("GET /status?x=1 HTTP/1.1\r\n"), "{:?}", peer.requests());
    assert_eq!(said(&get(&peer).containing("is well")).await, "healthy");
    assert_eq!(said(&get(&peer).containing("is wells")).await, "unexpected_content");
    for (status, expected) in
        [("204 No Content", "healthy"), ("302 Found", "unexpected_status"), ("500 Oh", "unexpected_status")]
    {
        assert_eq!(said(&get(&Peer::http(status, "", ""))).await, expected, "{status}");
    }
    let redirect = Peer::http("302 Found", "Location: /elsewhere\r\n", "");
    assert_eq!(said(&get(&redirect).status(300..=399).unwrap()).await, "healthy");
    assert_eq!(redirect.requests().len(), 1, "a redirect is not followed");
    for empty in [99..=200, 200..=600] {
        assert!(get(&peer).status(empty).is_err());
    }
}

#[tokio::test]
async fn endpoint_that_cannot_be_reached_says_why() {
    assert_eq!(said(&HttpCheck::get(&nobody()).unwrap()).await, "unreachable");
    assert_eq!(said(&get(&Peer::raw("no HTTP at all\r\n\r\n"))).await, "invalid_response");
    let peer = Peer::tls_json("{}");
    let check = || HttpCheck::get(&peer.url("https", "/")).unwrap();
    assert_eq!(said(&check()).await, "tls");
    assert_eq!(said(&check().pinned_certificate(CERTIFICATE).unwrap()).await, "healthy");
}

#[tokio::test]
async fn endpoint_that_asks_for_a_pause_has_it() {
    let peer = Peer::http("429 Too Many Requests", "Retry-After: 30\r\n", "");
    let held = ManualClock::new();
    let mut check = get(&peer);
    check.use_clock(&held.clock());
    assert_eq!(said(&check).await, "degraded:rate_limited");
    held.advance(Duration::from_secs(29));
    assert_eq!((said(&check).await.as_str(), peer.requests().len()), ("degraded:rate_limited", 1));
    held.advance(Duration::from_secs(1));
    said(&check).await;
    assert_eq!(peer.requests().len(), 2);
}

#[tokio::test]
async fn words_of_another_service_are_understood_whatever_the_code() {
    for (status, body, expected) in [
        ("200 OK", r#"{"status":"healthy","checks":{}}"#, "healthy"),
        ("200 OK", r#"{"status":"degraded"}"#, "degraded:service_degraded"),
        ("200 OK", r#"{"status":"unknown"}"#, "degraded:service_degraded"),
        ("503 No", r#"{"status":"unhealthy"}"#, "service_unhealthy"),
        ("200 OK", r#"{"status":"Pass"}"#, "healthy"),
        ("200 OK", r#"{"status":"warn"}"#, "degraded:service_degraded"),
        ("503 No", r#"{"status":"fail"}"#, "service_unhealthy"),
        ("200 OK", r#"{"status":"UP"}"#, "healthy"),
        ("200 OK", r#"{"status":"fine"}"#, "invalid_response"),
        ("200 OK", r#"{"status":{}}"#, "invalid_response"),
        ("502 Bad", "<html>", "invalid_response"),
    ] {
        let peer = Peer::http(status, "", body);
        let check = ServiceCheck::follow(&peer.url("http", "/health")).unwrap();
        assert_eq!(said(&check).await, expected, "{status} {body}");
    }
    assert_eq!(said(&ServiceCheck::follow(&nobody()).unwrap()).await, "unreachable");
}

#[tokio::test]
async fn real_answers_of_this_crate_are_understood() {
    use crate::health::report::tests::check;
    use crate::health::{Answer, HealthReport, Status, View};

    for (status, expected) in [
        (Status::Healthy, "healthy"),
        (Status::Degraded, "degraded:service_degraded"),
        (Status::Unhealthy, "service_unhealthy"),
    ] {
        let report = HealthReport::new(vec![check("database", status, Impact::Unhealthy)], true);
        for view in [View::statuses(), View::statuses().ietf(), View::details()] {
            let answer = Answer::of_report(&report, &[], view);
            let peer = Peer::json(&answer.body);
            assert_eq!(said(&ServiceCheck::follow(&peer.url("http", "/health")).unwrap()).await, expected, "{view:?}");
        }
    }
}
