//! What `/health` shows to whom, over real connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::health::{CheckFailure, CheckOptions, CheckReport, ComponentKind, Impact, check_fn};
use axum::Router;
use serde_json::json;

use crate::client;
use crate::service::{Lines, builder, serve, until};

/// A service whose ledger is closed and whose cache works.
async fn service() -> Monitoring {
    let closed = check_fn(async || Err::<CheckReport, _>(CheckFailure::new("refused", "the books are closed")));
    let ledger = CheckOptions::new().failure_threshold(1).impact(Impact::Unhealthy).kind(ComponentKind::Datastore);
    let monitoring = builder(&Lines::default())
        .check_with("ledger", closed, ledger.tag("books"))
        .check_with("cache", check_fn(async || Ok(CheckReport::healthy())), CheckOptions::new().tag("trading"))
        .health_details_for(|request| {
            request.headers.get("authorization").is_some_and(|token| token == "Bearer operator")
        })
        .build()
        .unwrap();
    until("first results", || monitoring.health().report().is_started().then_some(())).await;
    monitoring
}

#[tokio::test]
async fn strangers_see_statuses_and_those_whom_the_host_lets_see_reasons() {
    let monitoring = service().await;
    let address = serve(Router::new().merge(monitoring.routes())).await;
    let both =
        json!({"status": "unhealthy", "checks": {"ledger": {"status": "unhealthy"}, "cache": {"status": "healthy"}}});
    for headers in [&[][..], &[("authorization", "Bearer guess")]] {
        let all = client::request(address, "GET", "/health", headers).await;
        assert_eq!((all.status, all.json()), (503, both.clone()));
        let one = client::request(address, "GET", "/health/ledger", headers).await;
        assert_eq!((one.status, one.json()), (503, json!({"status": "unhealthy"})));
    }
    let operator = [("authorization", "Bearer operator")];
    let all = client::request(address, "GET", "/health", &operator).await.json();
    assert_eq!(all["checks"]["ledger"]["message"], "the books are closed");
    let one = client::request(address, "GET", "/health/ledger", &operator).await.json();
    assert_eq!(
        (&one["reason"], &one["kind"], &one["tags"]),
        (&json!("refused"), &json!("datastore"), &json!(["books"]))
    );
    assert_eq!(client::get(address, "/health/none").await.status, 404);
}

#[tokio::test]
async fn tag_asks_for_a_group_of_checks() {
    let monitoring = service().await;
    let address = serve(Router::new().merge(monitoring.routes())).await;
    for (query, status, checks) in [
        ("tag=trading", 200, json!({"cache": {"status": "healthy"}})),
        ("other=1&tag=boo%6Bs", 503, json!({"ledger": {"status": "unhealthy"}})),
        ("tag=none", 200, json!({})),
        ("tag=%zz", 503, json!({"ledger": {"status": "unhealthy"}, "cache": {"status": "healthy"}})),
    ] {
        let answer = client::get(address, &format!("/health?{query}")).await;
        assert_eq!((answer.status, &answer.json()["checks"]), (status, &checks), "{query}");
    }
}

#[tokio::test]
async fn health_json_is_for_those_who_ask_for_it() {
    let monitoring = service().await;
    let address = serve(Router::new().merge(monitoring.routes())).await;
    for (accept, content_type) in [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/health+json", "application/health+json"),
        ("application/health+json;q=0.1, application/json", "application/json"),
        ("text/html", "application/json"),
    ] {
        let answer = client::request(address, "GET", "/health", &[("accept", accept)]).await;
        assert_eq!(answer.header("content-type"), Some(content_type), "{accept}");
        assert_eq!((answer.header("cache-control"), answer.header("vary")), (Some("no-store"), Some("accept")));
    }
    let accept = [("accept", "application/health+json"), ("authorization", "Bearer operator")];
    let answer = client::request(address, "GET", "/health", &accept).await;
    assert_eq!((answer.status, &answer.json()["status"]), (503, &json!("fail")));
    let ledger = &answer.json()["checks"]["ledger"][0];
    assert_eq!(
        (&ledger["output"], &ledger["componentType"]),
        (&json!("refused: the books are closed"), &json!("datastore"))
    );
    let one = client::request(address, "GET", "/health/cache", &accept[..1]).await;
    assert_eq!((one.status, one.json()), (200, json!({"status": "pass"})));
}

#[tokio::test]
async fn thousand_requests_at_once_cause_no_run() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let counted = check_fn(move || {
        // Ordering: a count that the test reads when all is over.
        counter.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(CheckReport::healthy()))
    });
    let monitoring = builder(&Lines::default()).check("counted", counted).build().unwrap();
    until("first results", || monitoring.health().report().is_started().then_some(())).await;
    let address = serve(Router::new().merge(monitoring.routes())).await;
    let requests: Vec<_> = (0..1_000).map(|_| tokio::spawn(client::get(address, "/health"))).collect();
    for request in requests {
        assert_eq!(request.await.unwrap().status, 200);
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}
