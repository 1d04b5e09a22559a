//! An operator changes what a running service logs, over HTTP, and nobody else can.

use std::net::SocketAddr;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::redact::Secret;
use serde_json::{Value, json};

use crate::http::{self, Response};
use crate::service::{Lines, all_lines, builder, line, log_here, until};

const TOKEN: &str = "6f1c0a5e9b7d4f21";

/// A service whose levels can be changed, its admin address and its time.
async fn controlled(lines: &Lines) -> (Monitoring, SocketAddr, ManualClock) {
    let clock = ManualClock::new();
    let builder = builder(lines).clock(clock.clock()).log_control(Secret::new(TOKEN.to_owned()));
    let monitoring = builder.build().unwrap();
    let admin = monitoring.serve_admin("127.0.0.1:0").await.unwrap().local_addr();
    (monitoring, admin, clock)
}

/// The client waits on its socket, so it has a thread.
async fn ask(
    admin: SocketAddr,
    method: &'static str,
    authorization: Option<&str>,
    body: impl Into<Vec<u8>>,
) -> Response {
    let authorization = authorization.map(str::to_owned);
    let body = body.into();
    ask_at("/log/levels", admin, method, authorization, body).await
}

async fn ask_at(
    path: &'static str,
    admin: SocketAddr,
    method: &'static str,
    authorization: Option<String>,
    body: Vec<u8>,
) -> Response {
    let asked = tokio::task::spawn_blocking(move || {
        let headers: Vec<_> = authorization.iter().map(|value| ("Authorization", value.as_str())).collect();
        http::request(admin, method, path, &headers, &body)
    });
    asked.await.unwrap().unwrap()
}

async fn put(admin: SocketAddr, body: impl Into<Vec<u8>>) -> Response {
    ask(admin, "PUT", Some(&format!("Bearer {TOKEN}")), body).await
}

#[tokio::test]
async fn level_is_raised_over_http_for_a_time_and_comes_back_by_itself() {
    let lines = Lines::default();
    let (monitoring, admin, clock) = controlled(&lines).await;
    let _subscriber = log_here(&monitoring);
    let work = |when| tracing::debug!(target: "orders::book", when, "a detail");
    work("before");
    let answer = put(admin, r#"{"directives":"info,orders=debug","seconds":600}"#).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let expected = json!({"directives": "orders=debug,info", "permanent": "info", "reverts_in_seconds": 600});
    assert_eq!(answer.json(), expected);
    work("meanwhile");
    clock.advance(Duration::from_secs(600));
    let back = || monitoring.log().levels().current().reverts_in.is_none().then_some(());
    until("the levels to come back", back).await;
    work("after");
    let answer = ask(admin, "GET", Some(&format!("bearer {TOKEN}")), "").await;
    assert_eq!(answer.json(), json!({"directives": "info", "permanent": "info", "reverts_in_seconds": null}));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let lines = all_lines(&monitoring, &lines).await;
    assert_eq!(line(&lines, "a detail")["details"]["when"], "meanwhile");
}

#[tokio::test]
async fn errors_of_the_day_are_one_answer() {
    let lines = Lines::default();
    let (monitoring, admin, _clock) = controlled(&lines).await;
    let _subscriber = log_here(&monitoring);
    for token in ["hunter2", "hunter3"] {
        tracing::error!(target: "risk::var", token, error = "InsufficientHistoricalData", "Failed to calculate VaR");
    }
    tracing::warn!(error = %"slow\u{1b}[2J", "Upstream is slow");
    let asked =
        async |authorization: Option<String>| ask_at("/log/summary", admin, "GET", authorization, Vec::new()).await;
    let refused = asked(None).await;
    assert_eq!((refused.status, refused.text()), (401, ""));
    let answer = asked(Some(format!("Bearer {TOKEN}"))).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert!(!answer.text().contains("hunter") && !answer.text().contains('\u{1b}'), "{}", answer.text());
    let summary = answer.json();
    assert_eq!((&summary["lines"]["error"], &summary["lines"]["warn"]), (&2.into(), &1.into()));
    assert_eq!(summary["since"], "2025-01-22T10:30:00.000Z");
    let worst = &summary["sites"][0];
    assert_eq!((&worst["level"], &worst["target"], &worst["lines"]), (&"ERROR".into(), &"risk::var".into(), &2.into()));
    assert_eq!(worst["reasons"], json!([{"reason": "InsufficientHistoricalData", "lines": 2}]));
    // What the handle says is the same.
    assert_eq!(serde_json::to_value(monitoring.log().summary()).unwrap()["sites"], summary["sites"]);
}

#[tokio::test]
async fn permanent_change_stays_until_the_next() {
    let lines = Lines::default();
    let (monitoring, admin, clock) = controlled(&lines).await;
    assert_eq!(put(admin, r#"{"directives":"warn","permanent":true}"#).await.status, 200);
    clock.advance(Duration::from_secs(100_000));
    assert_eq!(monitoring.log().levels().current().permanent.to_string(), "warn");
}

#[tokio::test]
async fn nobody_without_the_token_sees_or_changes_anything() {
    let lines = Lines::default();
    let (monitoring, admin, _clock) = controlled(&lines).await;
    let before = monitoring.log().levels().current();
    let change = r#"{"directives":"off","permanent":true}"#;
    let wrong = [None, Some(""), Some("Bearer"), Some("Bearer 6f1c0a5e9b7d4f2"), Some("Basic 6f1c0a5e9b7d4f21")];
    for authorization in wrong {
        for (method, body) in [("GET", ""), ("PUT", change), ("PUT", "{"), ("DELETE", ""), ("POST", change)] {
            let answer = ask(admin, method, authorization, body).await;
            assert_eq!((answer.status, answer.text()), (401, ""), "{method} {authorization:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(monitoring.log().levels().current(), before);
    // A body that is announced is not waited for.
    let head = format!("PUT /log/levels HTTP/1.1\r\nHost: {admin}\r\nContent-Length: 999\r\nConnection: close\r\n\r\n");
    let answer = tokio::task::spawn_blocking(move || http::exchange(admin, head.as_bytes())).await.unwrap().unwrap();
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn hostile_bodies_are_refused_with_a_code_and_change_nothing() {
    let lines = Lines::default();
    let (monitoring, admin, _clock) = controlled(&lines).await;
    let before = monitoring.log().levels().current();
    let bodies: [(Vec<u8>, u16, &str); 8] = [
        (b"".into(), 400, "not_an_object"),
        (b"\xff\xfe{}".into(), 400, "not_an_object"),
        ("[".repeat(4_096).into(), 400, "not_an_object"),
        (" ".repeat(4_097).into(), 413, "too_large"),
        ("x".repeat(1_000_000).into(), 413, "too_large"),
        (br#"{"directives":"info,\u001b[2Jsqlx=debug","seconds":5}"#.into(), 400, "invalid_directives"),
        (br#"{"directives":"info","seconds":0}"#.into(), 400, "invalid_seconds"),
        (br#"{"directives":"info","seconds":18446744073709551615}"#.into(), 400, "invalid_seconds"),
    ];
    for (body, status, code) in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = put(admin, body).await;
        assert_eq!(answer.status, status, "{shown}");
        let error: Value = answer.json()["error"].take();
        assert_eq!(error["code"], code, "{error}");
        assert!(!answer.text().contains('\u{1b}') && !answer.text().contains(TOKEN));
    }
    let answer = ask(admin, "DELETE", Some(&format!("Bearer {TOKEN}")), "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD,PUT")));
    assert_eq!(monitoring.log().levels().current(), before);
    assert!(all_lines(&monitoring, &lines).await.is_empty());
}

#[tokio::test]
async fn routes_are_there_only_when_asked_for_and_a_weak_token_is_refused() {
    let lines = Lines::default();
    let monitoring = builder(&lines).build().unwrap();
    let admin = monitoring.serve_admin("127.0.0.1:0").await.unwrap().local_addr();
    assert_eq!(put(admin, r#"{"directives":"off","permanent":true}"#).await.status, 404);
    let refused = builder(&lines).log_control(Secret::new("hunter2".to_owned())).build().unwrap_err().to_string();
    assert!(refused.starts_with("log control token") && !refused.contains("hunter2"), "{refused}");
}

#[tokio::test]
async fn routes_and_levels_keep_no_log_alive() {
    let lines = Lines::default();
    let (monitoring, _, _clock) = controlled(&lines).await;
    let registry = monitoring.registry().clone();
    let (routes, levels) = (monitoring.admin_routes::<()>(), monitoring.log_filter());
    drop(monitoring);
    levels.revert();
    levels.set(levels.current().permanent);
    registry.snapshot().assert_value("log_lines_dropped_total", &[("reason", "stopped"), ("sink", "writer")], 1);
    drop(routes);
}
