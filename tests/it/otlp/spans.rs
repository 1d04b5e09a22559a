//! Requests, calls and spans of `tracing` as spans of one trace.

use aistm7_monitoring::otlp::OtlpOptions;
use aistm7_monitoring::trace::TraceContext;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as SpanStatus;
use serde_json::json;
use tower::{Layer, ServiceExt};
use tracing::Instrument;

use super::collector::{Collector, attributes, hex};
use super::{PARENT, TRACE, ask, count, exporting, flush, subscribe};
use crate::service::{line, monitoring, serve};

/// What the span ids of a trace in a header are.
fn parent_in(header: &str) -> &str {
    header.split('-').nth(2).expect("four parts")
}

#[tokio::test]
async fn request_spans_inside_it_and_its_calls_are_one_trace_with_the_ids_of_headers_and_lines() {
    let collector = Collector::start().await;
    let (monitoring, lines) = exporting(OtlpOptions::new().endpoint(collector.url()));
    let _subscriber = subscribe(&monitoring);
    // Another service, which says what it was told.
    let told = async |headers: HeaderMap| headers["traceparent"].to_str().unwrap().to_owned();
    let prices = serve(Router::new().route("/price", get(told))).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let client = monitoring.client("prices").layer(client);
    let handler = async move || {
        let work = async move {
            tracing::info!("asking");
            let request = Request::get(format!("http://{prices}/price")).body(Body::empty()).unwrap();
            let response = client.oneshot(request).await.unwrap();
            axum::body::to_bytes(Body::new(response.into_body()), 100).await.unwrap()
        };
        let span = tracing::info_span!("price", symbol = "AAPL", password = "hunter2");
        String::from_utf8(work.instrument(span).await.to_vec()).unwrap()
    };
    let app = Router::new().route("/orders/{id}", get(handler)).layer(monitoring.http_layer());
    let request = Request::get("/orders/7")
        .header("traceparent", format!("00-{TRACE}-{PARENT}-01"))
        .header("tracestate", "vendor=1")
        .body(Body::empty())
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    let own = parent_in(response.headers()["traceresponse"].to_str().unwrap()).to_owned();
    let sent = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    let sent = parent_in(str::from_utf8(&sent).unwrap()).to_owned();
    assert_eq!(flush(&monitoring).await, 0);

    let (server, inside, call) = (collector.span("GET /orders/{id}"), collector.span("price"), collector.span("GET"));
    assert_eq!(collector.received().spans.len(), 3);
    for span in [&server, &inside, &call] {
        assert_eq!((hex(&span.trace_id).as_str(), &*span.trace_state), (TRACE, "vendor=1"));
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano && span.start_time_unix_nano > 0);
        assert_eq!(span.flags & 0xff, 1, "sampled");
    }
    let ids = |span: &Span| (hex(&span.parent_span_id), hex(&span.span_id));
    assert_eq!(ids(&server), (PARENT.to_owned(), own.clone()));
    assert_eq!(hex(&inside.parent_span_id), own);
    assert_eq!(ids(&call), (hex(&inside.span_id), sent));
    assert_eq!([server.kind(), inside.kind(), call.kind()], [SpanKind::Server, SpanKind::Internal, SpanKind::Client]);
    // The parent of the request's is another process's, and nobody else's is.
    assert_eq!([&server, &inside, &call].map(|span| span.flags >> 8), [0b11, 0b01, 0b01]);
    assert_eq!(
        attributes(&server.attributes),
        json!({"http.request.method": "GET", "http.route": "/orders/{id}", "http.response.status_code": 200})
    );
    assert_eq!(attributes(&inside.attributes), json!({"symbol": "AAPL", "password": "[redacted]"}));
    assert_eq!(attributes(&call.attributes)["peer.service"], "prices");
    assert_eq!(line(&lines.read(), "asking")["traceId"], TRACE);

    let received = collector.received();
    let (sender, scope, _) = &received.spans[0];
    assert_eq!(
        (&sender["service.name"], &sender["deployment.environment.name"]),
        (&json!("under-test"), &json!("test"))
    );
    assert_eq!(sender["service.instance.id"].as_str().map(str::len), Some(36));
    assert!(["aistm7-monitoring", module_path!()].contains(&scope.as_str()), "{scope}");
}

#[tokio::test]
async fn only_sampled_traces_are_exported() {
    let collector = Collector::start().await;
    let (monitoring, _) = exporting(OtlpOptions::new().endpoint(collector.url()));
    let _subscriber = subscribe(&monitoring);
    let handler = async || async {}.instrument(tracing::info_span!("inside")).await;
    let app = Router::new().route("/", get(handler)).layer(monitoring.http_layer());
    ask(&app, "/", "00").await;
    // In no trace at all.
    drop(tracing::info_span!("outside"));
    assert_eq!((flush(&monitoring).await, count(&monitoring, "otlp_items_total", &[])), (0, 0));
    assert_eq!(collector.received().requests.len(), 0);
}

#[tokio::test]
async fn span_ends_with_what_it_recorded_last_and_failed_if_an_error_was_told_in_it() {
    let collector = Collector::start().await;
    let (monitoring, _) = exporting(OtlpOptions::new().endpoint(collector.url()));
    let _subscriber = subscribe(&monitoring);
    let context = TraceContext::new_root();
    {
        let _entered = context.enter();
        let outer = tracing::info_span!("outer", step = 1, late = tracing::field::Empty);
        let inner = tracing::info_span!(parent: &outer, "inner");
        inner.in_scope(|| tracing::error!("Failed to calculate VaR"));
        outer.record("step", 2).record("late", 1.5);
        drop(tracing::debug_span!("of no level that is exported"));
        // In another trace: no child of what is around it there.
        let other = TraceContext::new_root();
        let _elsewhere = other.enter();
        outer.in_scope(|| drop(tracing::info_span!("elsewhere")));
    }
    assert_eq!(flush(&monitoring).await, 0);
    let [outer, inner, elsewhere] = ["outer", "inner", "elsewhere"].map(|name| collector.span(name));
    assert_eq!(collector.received().spans.len(), 3);
    assert_eq!(attributes(&outer.attributes), json!({"step": 2, "late": 1.5}));
    assert_eq!(hex(&outer.parent_span_id), context.span_id().to_string());
    assert_eq!((hex(&inner.parent_span_id), inner.status.unwrap().code()), (hex(&outer.span_id), SpanStatus::Error));
    assert_eq!(outer.status, None);
    assert_ne!(elsewhere.trace_id, outer.trace_id);
}

#[tokio::test]
async fn failures_of_requests_and_calls_are_named() {
    let collector = Collector::start().await;
    let (monitoring, _) = exporting(OtlpOptions::new().endpoint(collector.url()));
    let app = Router::new()
        .route("/broken", get(async || StatusCode::BAD_GATEWAY))
        .route("/mistake", get(async || StatusCode::CONFLICT))
        .layer(monitoring.http_layer());
    for path in ["/broken", "/mistake", "/nothing"] {
        ask(&app, path, "01").await;
    }
    // One that nobody answers, from inside a request.
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let client = monitoring.client("gone").layer(client);
    let context = TraceContext::new_root();
    let request = Request::get("http://127.0.0.1:1/").extension(context).body(Body::empty()).unwrap();
    client.oneshot(request).await.unwrap_err();
    assert_eq!(flush(&monitoring).await, 0);

    let status = |span: &Span| span.status.as_ref().map(|status| status.code());
    let broken = collector.span("GET /broken");
    assert_eq!(
        (status(&broken), &attributes(&broken.attributes)["error.type"]),
        (Some(SpanStatus::Error), &json!("502"))
    );
    // A mistake of the caller's is no failure of the service.
    assert_eq!(status(&collector.span("GET /mistake")), None);
    let is_for = |span: &Span, kind| span.name == "GET" && span.kind() == kind;
    let received = collector.received();
    let find = |kind| received.spans.iter().find(|(_, _, span)| is_for(span, kind)).map(|(_, _, span)| span).unwrap();
    assert_eq!(attributes(&find(SpanKind::Server).attributes)["http.response.status_code"], 404);
    let gone = find(SpanKind::Client);
    assert_eq!(
        (status(gone), &attributes(&gone.attributes)["error.type"]),
        (Some(SpanStatus::Error), &json!("failed"))
    );
}

#[tokio::test]
async fn nothing_is_exported_unless_asked_for() {
    let monitoring = monitoring();
    let _subscriber = subscribe(&monitoring);
    let app = Router::new().route("/", get(async || tracing::error!("told"))).layer(monitoring.http_layer());
    ask(&app, "/", "01").await;
    assert_eq!(flush(&monitoring).await, 0);
    assert!(!monitoring.registry().render().contains("otlp_"));
}
