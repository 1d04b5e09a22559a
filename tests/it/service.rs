//! A service under test: its monitoring, its log in memory, its application on a real socket.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::log::{LogOptions, Sink};
use aistm7_monitoring::metrics::Snapshot;
use aistm7_monitoring::monitoring::{MonitoringBuilder, Variables};
use axum::Router;
use serde_json::Value;
use tokio::net::TcpListener;
use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::client::PATIENCE;
use crate::json::strict_lines;
use crate::poll::eventually_async;

/// A log in memory.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// What was written so far, in lines that are valid.
    pub(crate) fn read(&self) -> Vec<Value> {
        strict_lines(&self.bytes())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic while locked").clone()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while locked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A builder that reads no environment and writes its log to `lines`.
pub(crate) fn builder(lines: &Lines) -> MonitoringBuilder {
    let sink = lines.clone();
    builder_logging(move |log| log.sink(Sink::Writer(Box::new(sink))))
}

/// While a process has a single subscriber, `tracing` settles what a callsite is worth by asking the thread that meets it
/// first, which in this process may be that of another test, without a subscriber. With two more it asks all there are.
static BYSTANDERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [NoSubscriber::new(), NoSubscriber::new()].map(Dispatch::new));

/// As [`builder`], with any log.
pub(crate) fn builder_logging(log: impl FnOnce(LogOptions) -> LogOptions + Send + 'static) -> MonitoringBuilder {
    LazyLock::force(&BYSTANDERS);
    Monitoring::builder("under-test").environment("test").variables(Variables::from([])).log(log)
}

/// A monitoring whose log nobody reads.
pub(crate) fn monitoring() -> Monitoring {
    builder(&Lines::default()).build().expect("valid settings")
}

/// Makes `monitoring`'s log that of this thread. The tests' runtimes have one thread, so it is that of all tasks.
pub(crate) fn log_here(monitoring: &Monitoring) -> tracing::subscriber::DefaultGuard {
    let layer = monitoring.log_layer().with_filter(monitoring.log_filter());
    tracing::subscriber::set_default(tracing_subscriber::registry().with(layer))
}

/// The lines once all are written. It begins the end of `monitoring`.
pub(crate) async fn all_lines(monitoring: &Monitoring, lines: &Lines) -> Vec<Value> {
    let flushed = monitoring.shutdown(PATIENCE).await;
    assert_eq!(flushed.log_lines_lost, 0);
    lines.read()
}

/// The details of the line with this message.
#[track_caller]
pub(crate) fn line<'a>(lines: &'a [Value], message: &str) -> &'a Value {
    let found: Vec<_> = lines.iter().filter(|line| line["message"] == message).collect();
    assert_eq!(found.len(), 1, "{message:?} in {lines:#?}");
    found[0]
}

/// Serves an application as axum does, on a free port, until the test's runtime ends.
pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// How requests ended: `"GET /route 200 ok"` and how many, without those that are 0.
pub(crate) fn ends(snapshot: &Snapshot) -> BTreeMap<String, u64> {
    counts(snapshot, "api_requests_total", &["method", "route", "status", "outcome"])
}

fn counts(snapshot: &Snapshot, name: &str, labels: &[&str]) -> BTreeMap<String, u64> {
    let Some(family) = snapshot.family(name) else {
        return BTreeMap::new();
    };
    let key = |pairs: &[(&str, String)]| {
        let value = |label: &&str| pairs.iter().find(|(name, _)| name == label).map_or("", |(_, value)| value);
        labels.iter().map(value).collect::<Vec<_>>().join(" ")
    };
    let counted = family.series.iter().map(|series| (key(&series.pairs()), series.value.as_f64() as u64));
    let mut counts = BTreeMap::new();
    for (key, count) in counted.filter(|(_, count)| *count > 0) {
        *counts.entry(key).or_default() += count;
    }
    counts
}

/// Whether each route's started requests are those finished, by outcome, and those in flight.
#[track_caller]
pub(crate) fn assert_balanced(snapshot: &Snapshot) {
    let labels = ["method", "route"];
    let started = counts(snapshot, "api_requests_started_total", &labels);
    let mut accounted = counts(snapshot, "api_requests_total", &labels);
    for (key, count) in counts(snapshot, "api_in_flight_requests", &labels) {
        *accounted.entry(key).or_default() += count;
    }
    assert_eq!(started, accounted);
}

/// Waits until `requests` were started and none is in flight, checks the balance and says how they ended.
pub(crate) async fn settled(monitoring: &Monitoring, requests: u64) -> BTreeMap<String, u64> {
    let snapshot = eventually_async(PATIENCE, async || {
        let snapshot = monitoring.registry().snapshot();
        let sum = |name| snapshot.sum(name, &[]).unwrap_or_default() as u64;
        match (sum("api_requests_started_total"), sum("api_in_flight_requests")) {
            (started, 0) if started >= requests => Ok(snapshot),
            (started, in_flight) => Err(format!("{started} of {requests} started, {in_flight} in flight")),
        }
    })
    .await;
    assert_balanced(&snapshot);
    let ends = ends(&snapshot);
    assert_eq!(ends.values().sum::<u64>(), requests, "{ends:?}");
    ends
}

/// Waits until `ready` says what it was waiting for.
pub(crate) async fn until<T>(what: &'static str, mut ready: impl FnMut() -> Option<T>) -> T {
    eventually_async(PATIENCE, async || ready().ok_or(what)).await
}

/// A moment that a handler waits for, at most as long as a test may take.
pub(crate) const A_LONG_TIME: Duration = Duration::from_secs(3600);
