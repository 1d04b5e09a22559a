//! A collector that is down, silent, overloaded or picky: it costs spans, which are counted, and nothing else.

use std::time::Duration;

use aistm7_monitoring::diagnostics::Problem;
use aistm7_monitoring::otlp::OtlpOptions;
use axum::Router;
use axum::routing::get;

use super::collector::{Answer, Collector};
use super::{ask, count, exporting, flush, subscribe};
use crate::client::PATIENCE;
use crate::service::{line, settled, until};

const REQUESTS: u64 = 20;

/// Requests that are answered while the export has this trouble.
async fn requests_beside(options: OtlpOptions) -> (aistm7_monitoring::Monitoring, crate::service::Lines) {
    let (monitoring, lines) = exporting(options);
    let app = Router::new().route("/", get(async || "ok")).layer(monitoring.http_layer());
    for _ in 0..REQUESTS {
        assert_eq!(ask(&app, "/", "01").await.status(), 200);
    }
    assert_eq!(settled(&monitoring, REQUESTS).await["GET / 200 ok"], REQUESTS);
    (monitoring, lines)
}

#[tokio::test]
async fn collector_that_is_down_or_silent_fails_no_request_and_is_told_once() {
    let silent = Collector::answering([Answer::Hang]).await;
    for (url, cause) in [("http://127.0.0.1:1".to_owned(), "no connection"), (silent.url(), "no answer in time")] {
        let options = OtlpOptions::new().endpoint(url.clone()).timeout(Duration::from_millis(300));
        let (monitoring, lines) = requests_beside(options).await;
        assert_eq!(flush(&monitoring).await, REQUESTS);
        let lost = [("signal", "spans"), ("reason", "unreachable")];
        assert_eq!(count(&monitoring, "otlp_items_dropped_total", &lost), REQUESTS, "{cause}");
        assert!(count(&monitoring, "otlp_requests_total", &[]) >= 1);
        let told = line(&lines.read(), "Monitoring had a problem")["details"].clone();
        assert_eq!(
            (&told["problem"], &told["cause"]),
            (&"export_failed".into(), &format!("spans to {url}: {cause}").into())
        );
    }
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_silent_collector_longer_than_it_may() {
    let silent = Collector::answering([Answer::Hang]).await;
    // An hour: only the deadline of the shutdown can end the wait.
    let options = OtlpOptions::new().endpoint(silent.url()).timeout(Duration::from_secs(3600));
    let (monitoring, _) = requests_beside(options).await;
    let flushed = tokio::time::timeout(PATIENCE, monitoring.shutdown(Duration::from_millis(200))).await.unwrap();
    assert_eq!((flushed.otlp_items_lost, flushed.log_lines_lost), (REQUESTS, 0));
}

#[tokio::test]
async fn collector_that_is_overloaded_is_asked_again() {
    for status in [429, 502, 503, 504] {
        let collector = Collector::answering([Answer::Refuse(status), Answer::Refuse(status), Answer::Take]).await;
        let (monitoring, _) = requests_beside(OtlpOptions::new().endpoint(collector.url())).await;
        assert_eq!(flush(&monitoring).await, 0, "{status}");
        assert_eq!(collector.received().spans.len() as u64, REQUESTS);
        assert_eq!(count(&monitoring, "otlp_items_exported_total", &[("signal", "spans")]), REQUESTS);
        assert!(count(&monitoring, "otlp_requests_total", &[("signal", "spans")]) >= 3);
        assert_eq!(monitoring.diagnostics().total(Problem::ExportFailed), 0);
    }
}

#[tokio::test]
async fn refusals_and_rejections_are_counted_and_not_repeated() {
    for (answer, reason, lost) in [(Answer::Refuse(401), "refused", REQUESTS), (Answer::TakeWithout(3), "rejected", 3)]
    {
        let collector = Collector::answering([answer]).await;
        let (monitoring, lines) = requests_beside(OtlpOptions::new().endpoint(collector.url())).await;
        let left = flush(&monitoring).await;
        let batches = collector.received().requests.len() as u64;
        let lost = if reason == "rejected" { lost * batches } else { lost };
        assert_eq!(left, lost, "{answer:?}");
        assert_eq!(count(&monitoring, "otlp_items_dropped_total", &[("reason", reason)]), lost);
        assert_eq!(count(&monitoring, "otlp_requests_total", &[]), batches);
        let told = line(&lines.read(), "Monitoring had a problem")["details"]["cause"].to_string();
        let why = if reason == "rejected" { "rejects some: too many" } else { "status 401" };
        assert!(told.contains(why), "{told}");
    }
}

#[tokio::test]
async fn queue_that_is_full_drops_and_what_comes_after_the_end_is_counted() {
    let silent = Collector::answering([Answer::Hang]).await;
    let options = OtlpOptions::new().endpoint(silent.url()).queue_bytes(OtlpOptions::MIN_QUEUE_BYTES).logs();
    let (monitoring, _) = exporting(options);
    let subscriber = subscribe(&monitoring);
    let full = [("signal", "logs"), ("reason", "queue_full")];
    let told = 100_u64;
    for _ in 0..told {
        tracing::info!(text = "x".repeat(4000), "long");
    }
    let dropped = count(&monitoring, "otlp_items_dropped_total", &full);
    // Some fifteen fit, and a batch that is under way makes room for as many.
    assert!((told - 40..told).contains(&dropped), "{dropped}");
    assert_eq!(count(&monitoring, "otlp_items_total", &[("signal", "logs")]), told);

    let registry = monitoring.registry().clone();
    drop(monitoring);
    tracing::info!("nobody exports it");
    drop(subscriber);
    assert_eq!(registry.snapshot().sum("otlp_items_dropped_total", &[("reason", "stopped")]), Some(1.0));
}

#[tokio::test]
async fn dropped_monitoring_still_sends_what_it_had() {
    let collector = Collector::start().await;
    let (monitoring, _) = requests_beside(OtlpOptions::new().endpoint(collector.url())).await;
    drop(monitoring);
    until("all spans", || (collector.received().spans.len() as u64 == REQUESTS).then_some(())).await;
}
