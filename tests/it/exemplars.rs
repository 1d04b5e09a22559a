//! Exemplars of requests: the trace beside the bucket is that of the request, whoever else is at work on the thread.

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::metrics::exposition::Format;
use aistm7_monitoring::trace::TraceContext;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};

use crate::client;
use crate::service::{Lines, builder, serve, settled};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// What Prometheus of Debian sends.
const OPENMETRICS: (&str, &str) = ("accept", "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;q=0.5");

fn monitoring() -> Monitoring {
    builder(&Lines::default()).exemplars().build().expect("valid settings")
}

/// The trace ids beside the buckets of these requests.
fn traces(monitoring: &Monitoring, labels: &str) -> Vec<String> {
    traces_of(monitoring, "api_response_time_seconds_bucket{", labels)
}

fn traces_of(monitoring: &Monitoring, buckets: &str, labels: &str) -> Vec<String> {
    let mut out = Vec::new();
    monitoring.registry().encode(Format::OpenMetrics, &mut out);
    let text = String::from_utf8(out).unwrap();
    let buckets = text.lines().filter(|line| line.starts_with(buckets));
    let exemplars = buckets.filter(|line| line.contains(labels)).filter_map(|line| line.split_once("# {trace_id=\""));
    exemplars.map(|(_, exemplar)| exemplar.split('"').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn request_is_found_by_its_trace_in_metrics() {
    let monitoring = monitoring();
    let app = Router::new().route("/orders/{id}", get("an order")).layer(monitoring.http_layer());
    let (public, admin) = (serve(app).await, serve(monitoring.admin_routes()).await);
    let response = client::request(public, "GET", "/orders/7", &[("traceparent", SAMPLED)]).await;
    let span_id = response.header("traceresponse").expect("the layer adds it")[36..52].to_owned();
    settled(&monitoring, 1).await;

    let scrape = client::request(admin, "GET", "/metrics", &[OPENMETRICS]).await;
    let (text, exemplar) = (scrape.text(), format!(" # {{trace_id=\"{TRACE_ID}\",span_id=\"{span_id}\"}} "));
    let series = "api_response_time_seconds_bucket{method=\"GET\",route=\"/orders/{id}\",status_class=\"2xx\",le=";
    let lines: Vec<_> = text.lines().filter(|line| line.contains(&exemplar)).collect();
    assert!(matches!(lines[..], [line] if line.starts_with(series)), "{text}");
    let plain = client::request(admin, "GET", "/metrics", &[]).await;
    assert!(plain.text().contains(series) && !plain.text().contains("trace_id"), "{}", plain.text());
}

#[tokio::test]
async fn unsampled_request_has_no_exemplar() {
    let monitoring = monitoring();
    let address = serve(Router::new().route("/", get("hello")).layer(monitoring.http_layer())).await;
    client::request(address, "GET", "/", &[("traceparent", UNSAMPLED)]).await;
    settled(&monitoring, 1).await;
    assert_eq!(traces(&monitoring, ""), Vec::<String>::new());
}

#[tokio::test]
async fn exemplars_are_off_by_default() {
    let monitoring = crate::service::monitoring();
    let address = serve(Router::new().route("/", get("hello")).layer(monitoring.http_layer())).await;
    client::request(address, "GET", "/", &[("traceparent", SAMPLED)]).await;
    settled(&monitoring, 1).await;
    assert_eq!(traces(&monitoring, ""), Vec::<String>::new());
}

fn traced() -> Request<Body> {
    Request::builder().uri("/").header("traceparent", SAMPLED).body(Body::empty()).expect("a valid request")
}

fn poll<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn request_that_is_dropped_in_another_ones_context_keeps_its_own_trace() {
    let monitoring = monitoring();
    let hanging = service_fn(async |_: Request<Body>| pending::<Result<Response<Body>, Infallible>>().await);
    let mut future = Box::pin(monitoring.http_layer().layer(hanging).oneshot(traced()));
    assert!(poll(&mut future).is_pending());
    let _other = TraceContext::new_root().enter();
    drop(future);
    assert_eq!(traces(&monitoring, "status_class=\"none\""), [TRACE_ID]);
}

#[tokio::test]
async fn streamed_body_that_another_request_polls_and_drops_keeps_its_own_trace() {
    let monitoring = monitoring();
    let traces = || traces_of(&monitoring, "api_stream_duration_seconds_bucket{", "");
    let streaming = service_fn(async |_: Request<Body>| {
        let parts = stream::iter([Ok::<_, Infallible>("data: one\n\n")]).chain(stream::pending());
        let events = Response::builder().header("content-type", "text/event-stream");
        Ok::<_, Infallible>(events.body(Body::from_stream(parts)).unwrap())
    });
    let response = monitoring.http_layer().layer(streaming).oneshot(traced()).await.unwrap();
    {
        let _other = TraceContext::new_root().enter();
        let mut body = response.into_body();
        assert!(body.frame().await.is_some());
        assert_eq!(traces(), Vec::<String>::new(), "the stream has not ended");
        drop(body);
    }
    assert_eq!(traces(), [TRACE_ID]);
}

#[tokio::test]
async fn request_without_the_trace_layer_borrows_no_trace() {
    let monitoring = monitoring();
    let answering = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let mut future = Box::pin(monitoring.http_metrics_layer().layer(answering).oneshot(traced()));
    let _other = TraceContext::new_root().enter();
    assert!(matches!(poll(&mut future), Poll::Ready(Ok(_))));
    assert_eq!(traces(&monitoring, ""), Vec::<String>::new());
}
