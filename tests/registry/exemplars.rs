//! Exemplars: never torn while threads record, and stored by a real Prometheus as they were recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use aistm7_monitoring::metrics::exposition::Format;
use aistm7_monitoring::metrics::{Definition, Histogram, Meter, Registry, RegistryOptions, Unit};
use aistm7_monitoring::trace::TraceContext;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use crate::scrape::encoded;
use crate::support::poll::eventually_async;
use crate::support::port::loopback;
use crate::support::prometheus::{Exemplar, Prometheus};

static WAIT: Definition = Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds);

const THREADS: usize = 4;
const RECORDS: usize = 50_000;

fn registry() -> (Registry, Histogram) {
    let registry = Registry::with(RegistryOptions::new().exemplars());
    let wait = Meter::new(&registry).histogram(&WAIT).expect("a valid definition").series([]);
    (registry, wait)
}

#[test]
fn exemplars_belong_to_their_samples_and_buckets_whoever_records() {
    let (registry, wait) = registry();
    // Each trace has a sample of its own, and each bucket those of several threads.
    let traces: BTreeMap<String, (TraceContext, f64)> = (1..=64u32)
        .map(|at| (TraceContext::new_root(), f64::from(at) / 5.0))
        .map(|(context, sample)| (labels_of(&context), (context, sample)))
        .collect();
    let mut shown = 0;
    thread::scope(|scope| {
        let record = |first: usize| {
            for (context, sample) in traces.values().cycle().skip(first).take(RECORDS) {
                let _entered = context.enter();
                wait.record(*sample);
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|first| scope.spawn(move || record(first))).collect();
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            shown += assert_exemplars_fit(&encoded(&registry, Format::OpenMetrics), &traces);
        }
    });
    assert!(shown > 0, "threads that record leave moments to read");
    // The latest sample of the threads may be in the bucket of the largest, where one of the two is shown.
    let (context, sample) = traces.values().min_by(|a, b| a.1.total_cmp(&b.1)).expect("there are traces");
    let entered = context.enter();
    wait.record(*sample);
    drop(entered);
    assert_eq!(assert_exemplars_fit(&encoded(&registry, Format::OpenMetrics), &traces), 2);
}

/// The labels of a context's exemplar.
fn labels_of(context: &TraceContext) -> String {
    format!("trace_id=\"{}\",span_id=\"{}\"", context.trace_id(), context.span_id())
}

/// Checks each exemplar against the sample of its trace and the bounds of its bucket; how many there are.
fn assert_exemplars_fit(text: &str, traces: &BTreeMap<String, (TraceContext, f64)>) -> usize {
    let (mut exemplars, mut below) = (0, 0.0);
    for line in text.lines().filter(|line| line.starts_with("wait_seconds_bucket")) {
        let bound = line.split('"').nth(1).and_then(|bound| bound.parse::<f64>().ok()).expect("a bucket has a bound");
        if let Some((series, exemplar)) = line.split_once(" # {") {
            let (labels, numbers) = exemplar.split_once("} ").expect("labels end");
            let value: f64 = numbers.split(' ').next().and_then(|value| value.parse().ok()).expect("a value");
            assert_eq!(Some(&value), traces.get(labels).map(|(_, sample)| sample), "{line}");
            assert!(below < value && value <= bound, "{line}");
            assert!(!series.ends_with(" 0"), "who sees an exemplar sees its count: {line}");
            exemplars += 1;
        }
        below = bound;
    }
    exemplars
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus; run by tests/run"]
async fn prometheus_takes_every_exemplar_it_is_shown() {
    let (registry, wait) = registry();
    let (address, scrapes) = serve(&registry).await;
    let prometheus = Prometheus::scraping(&[address], &[]);
    let mut traces = BTreeMap::new();
    // Recorded between two scrapes each. 6 is in the bucket of the largest, 7.2, which is shown; that one's line shows
    // 6.5 after 9 is the largest.
    for round in [&[7.0, 0.02][..], &[0.03], &[7.2], &[6.0], &[9.0], &[6.5]] {
        for sample in round {
            let context = TraceContext::new_root();
            traces.insert(context.trace_id().to_string(), *sample);
            let _entered = context.enter();
            wait.record(*sample);
        }
        let before = scrapes.load(Ordering::Relaxed);
        eventually_async(Duration::from_secs(20), async || {
            // One may have been under way, so the second is the first that is sure to have shown all.
            if scrapes.load(Ordering::Relaxed) >= before + 2 { Ok(()) } else { Err("not scraped yet") }
        })
        .await;
    }
    let expected = [("0.025", 0.02), ("0.05", 0.03), ("10.0", 9.0), ("7.5", 6.5), ("7.5", 7.0), ("7.5", 7.2)];
    let expected: BTreeSet<_> = expected.into_iter().map(|(le, value)| (le.to_owned(), value.to_string())).collect();
    let stored = eventually_async(Duration::from_secs(20), async || {
        let exemplars = prometheus.exemplars("wait_seconds_bucket");
        for exemplar in &exemplars {
            assert_eq!(traces.get(&exemplar.labels["trace_id"]), Some(&exemplar.value));
        }
        let of = |exemplar: &Exemplar| (exemplar.series["le"].clone(), exemplar.value.to_string());
        let stored: BTreeSet<_> = exemplars.iter().map(of).collect();
        if stored.len() < expected.len() { Err(format!("{stored:?}")) } else { Ok(stored) }
    })
    .await;
    assert_eq!(stored, expected);
    let log = prometheus.log();
    assert!(!log.contains("Error on ingesting"), "{log}");
}

/// Serves what the registry has at each moment, and counts how often.
async fn serve(registry: &Registry) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = tokio::net::TcpListener::bind(loopback(0)).await.expect("the kernel finds a port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let (registry, scrapes) = (registry.clone(), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&scrapes);
    let scrape = async move || {
        counted.fetch_add(1, Ordering::Relaxed);
        ([(CONTENT_TYPE, Format::OpenMetrics.content_type())], encoded(&registry, Format::OpenMetrics))
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/metrics", get(scrape))).await });
    (address, scrapes)
}
