//! Export to a collector, which is a real one as far as the protocol goes.

mod collector;
mod logs;
mod outages;
mod settings;
mod spans;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::otlp::OtlpOptions;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::client::PATIENCE;
use crate::service::{Lines, builder};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A monitoring that exports so, with its log.
fn exporting(options: OtlpOptions) -> (Monitoring, Lines) {
    let lines = Lines::default();
    let monitoring = builder(&lines).otlp(options).build().unwrap();
    (monitoring, lines)
}

/// Makes `monitoring`'s log and export those of this thread, which is that of all the test's tasks.
fn subscribe(monitoring: &Monitoring) -> DefaultGuard {
    let export = monitoring.otlp_layer().with_filter(monitoring.otlp_filter());
    let log = monitoring.log_layer().with_filter(monitoring.log_filter());
    tracing::subscriber::set_default(tracing_subscriber::registry().with(export).with(log))
}

/// Asks in a trace, whose caller sampled it or not (`01`, `00`), and reads the whole answer.
async fn ask(app: &Router, path: &str, flags: &str) -> Response<()> {
    let request = Request::get(path)
        .header("traceparent", format!("00-{TRACE}-{PARENT}-{flags}"))
        .header("tracestate", "vendor=1")
        .body(Body::empty())
        .unwrap();
    let (head, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    body.collect().await.unwrap();
    Response::from_parts(head, ())
}

/// Sends all that there is.
async fn flush(monitoring: &Monitoring) -> u64 {
    monitoring.shutdown(PATIENCE).await.otlp_items_lost
}

fn count(monitoring: &Monitoring, name: &str, labels: &[(&str, &str)]) -> u64 {
    monitoring.registry().snapshot().sum(name, labels).unwrap() as u64
}
