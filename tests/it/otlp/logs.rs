//! Events as log records.

use aistm7_monitoring::global::Installed;
use aistm7_monitoring::http::AccessLog;
use aistm7_monitoring::log::{Directives, Redaction, Sink, json};
use aistm7_monitoring::otlp::OtlpOptions;
use axum::Router;
use axum::routing::get;
use opentelemetry_proto::tonic::logs::v1::SeverityNumber;

use super::collector::{Collector, attributes, hex};
use super::{TRACE, ask, exporting, flush, subscribe};
use crate::child;
use crate::service::{Lines, builder_logging};

#[derive(Debug, thiserror::Error)]
#[error("no prices")]
struct NoPrices(#[source] std::io::Error);

struct Panics;

impl std::fmt::Debug for Panics {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("as the test wants")
    }
}

#[tokio::test]
async fn events_have_the_ids_of_their_span_whether_or_not_it_is_sampled() {
    let collector = Collector::start().await;
    let (monitoring, lines) = exporting(OtlpOptions::new().endpoint(collector.url()).logs());
    let _subscriber = subscribe(&monitoring);
    let handler = async || {
        tracing::warn!(attempt = 2, "in the request");
        tracing::info_span!("inside").in_scope(|| tracing::info!("in a span"));
    };
    let app = Router::new().route("/", get(handler)).layer(monitoring.http_layer());
    let own = |response: axum::http::Response<()>| {
        response.headers()["traceresponse"].to_str().unwrap().split('-').nth(2).unwrap().to_owned()
    };
    let sampled = own(ask(&app, "/", "01").await);
    tracing::info!("in none");
    assert_eq!(flush(&monitoring).await, 0);

    let [in_request, in_span, in_none] = ["in the request", "in a span", "in none"].map(|told| collector.log(told));
    assert_eq!((hex(&in_request.trace_id), hex(&in_request.span_id)), (TRACE.to_owned(), sampled));
    assert_eq!(
        (hex(&in_span.trace_id), hex(&in_span.span_id)),
        (TRACE.to_owned(), hex(&collector.span("inside").span_id))
    );
    assert_eq!((in_none.trace_id, in_none.span_id), (vec![], vec![]));
    assert_eq!((in_request.severity_number(), &*in_request.severity_text), (SeverityNumber::Warn, "WARN"));
    assert_eq!(attributes(&in_request.attributes), serde_json::json!({"attempt": 2}));
    assert_eq!(collector.received().logs[0].1, module_path!());
    assert_eq!(lines.read().iter().filter(|line| line["traceId"] == TRACE).count(), 2);
}

#[tokio::test]
async fn unsampled_request_has_log_records_and_no_span() {
    let collector = Collector::start().await;
    let options = OtlpOptions::new().endpoint(collector.url()).logs();
    let lines = Lines::default();
    let monitoring = crate::service::builder(&lines).otlp(options).access_log(AccessLog::new()).build().unwrap();
    let _subscriber = subscribe(&monitoring);
    let app = Router::new().route("/", get(async || "ok")).layer(monitoring.http_layer());
    let response = ask(&app, "/", "00").await;
    assert_eq!(flush(&monitoring).await, 0);
    let finished = collector.log("Request finished");
    let own = response.headers()["traceresponse"].to_str().unwrap().split('-').nth(2).unwrap();
    assert_eq!(
        (hex(&finished.trace_id), hex(&finished.span_id), finished.flags),
        (TRACE.to_owned(), own.to_owned(), 0)
    );
    assert_eq!(attributes(&finished.attributes)["route"], "/");
    assert_eq!(collector.received().spans.len(), 0);
}

#[tokio::test]
async fn fields_are_hidden_cut_and_kept_whole_as_in_lines() {
    let collector = Collector::start().await;
    let lines = Lines::default();
    let sink = lines.clone();
    let redaction = Redaction::new().hide("iban").scrub_values();
    let monitoring = builder_logging(move |log| log.sink(Sink::Writer(Box::new(sink))).redaction(redaction))
        .otlp(OtlpOptions::new().endpoint(collector.url()).logs().directives(Directives::parse("debug").unwrap()))
        .build()
        .unwrap();
    let _subscriber = subscribe(&monitoring);
    let cause = NoPrices(std::io::Error::other("get https://u:hunter2@h/p"));
    let book = serde_json::json!({"bids": [1.5, 2], "api_key": "hunter2", "deep": {"iban": "hunter2"}});
    tracing::debug!(
        iban = "hunter2",
        r#type = "limit",
        large = u64::MAX,
        wide = 7_i128,
        long = "x".repeat(100_000),
        header = "Bearer hunter2",
        error = &cause as &dyn std::error::Error,
        book = json(&book),
        panics = ?Panics,
        "sent Bearer hunter2"
    );
    assert_eq!(flush(&monitoring).await, 0);
    let record = collector.log("sent Bearer [redacted]");
    let mut shown = attributes(&record.attributes);
    assert_eq!(shown["long"].take().as_str().map(str::len), Some(4096));
    let expected = serde_json::json!({
        "iban": "[redacted]",
        "type": "limit",
        "large": u64::MAX.to_string(),
        "wide": "7",
        "long": null,
        "header": "Bearer [redacted]",
        "error": "no prices",
        "errorChain": ["get https://[redacted]@h/p"],
        "book": {"bids": [1.5, 2], "api_key": "[redacted]", "deep": {"iban": "[redacted]"}},
        "panics": "!(format error)",
    });
    assert_eq!(shown, expected);
}

/// In a process of its own, since it takes the process's `tracing` subscriber and `log` logger.
#[tokio::test]
async fn child_exports_records_of_the_log_crate() {
    if !child::is_child() {
        return;
    }
    let collector = Collector::start().await;
    let lines = Lines::default();
    let sink = lines.clone();
    let redaction = Redaction::new().hide("iban").scrub_values();
    let monitoring = builder_logging(move |log| log.sink(Sink::Writer(Box::new(sink))).redaction(redaction))
        .otlp(OtlpOptions::new().endpoint(collector.url()).logs())
        .build()
        .unwrap();
    assert_eq!(monitoring.install().unwrap().logger, Installed::Installed);
    log::warn!(
        target: "driver::pool",
        attempt = 3, iban = "hunter2", url = "https://u:hunter2@h/p", large = u64::MAX, ratio = 0.5, ok = true;
        "a record"
    );
    tracing::info!(of = "tracing", "an event");
    assert_eq!(flush(&monitoring).await, 0);

    let expected = serde_json::json!({
        "attempt": 3, "iban": "[redacted]", "url": "https://[redacted]@h/p", "large": u64::MAX.to_string(), "ratio": 0.5, "ok": true,
    });
    let record = collector.log("a record");
    assert_eq!(attributes(&record.attributes), expected);
    assert_eq!(record.severity_number(), SeverityNumber::Warn);
    assert!(collector.received().logs.iter().any(|(_, target, log)| target == "driver::pool" && *log == record));
    assert_eq!(attributes(&collector.log("an event").attributes), serde_json::json!({"of": "tracing"}));
    // The line has them too, whoever looked first.
    let of_record = lines.read().into_iter().find(|line| line["message"] == "a record").unwrap();
    let mut in_line = of_record["details"].clone();
    assert_eq!(in_line["large"].take(), serde_json::json!(u64::MAX));
    for name in ["attempt", "iban", "url", "ratio", "ok"] {
        assert_eq!(in_line[name], expected[name], "{name}");
    }
}

#[test]
fn key_values_of_log_records_are_attributes_under_the_same_rules() {
    let output = child::command("otlp::logs::child_exports_records_of_the_log_crate").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
