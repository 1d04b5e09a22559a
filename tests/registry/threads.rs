//! Scrapes while threads record.

use std::collections::BTreeMap;
use std::thread;

use aistm7_monitoring::metrics::exposition::Format;
use aistm7_monitoring::metrics::{Counter, Definition, Family, Histogram, Meter, Registry, Unit};
use metrics::{counter, with_local_recorder};

use crate::scrape::{encoded, samples};

static JOBS: Definition = Definition::counter("jobs_total", "Jobs.").labels(&["worker"]);
static WAIT: Definition = Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds);

const THREADS: u64 = 4;
const RECORDS: u64 = 50_000;

#[test]
fn every_scrape_is_consistent_and_none_goes_back() {
    let registry = Registry::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| record(&registry))).collect();
        let mut before = BTreeMap::new();
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            let now = samples(&encoded(&registry, Format::Text));
            assert_consistent(&now);
            for (series, value) in &before {
                assert!(now.get(series) >= Some(value), "{series} went back from {value} to {:?}", now.get(series));
            }
            before = now;
        }
    });
    let end = samples(&registry.render());
    let all = (THREADS * RECORDS) as f64;
    assert_eq!(end["wait_seconds_count"], all);
    assert_eq!(end["jobs_total{worker=\"shared\"}"], all);
    assert_eq!(end["calls_total"], all);
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.sum("jobs_total", &[]), Some(2.0 * all));
    let sum: u64 = (0..RECORDS).map(micros).sum();
    assert!((end["wait_seconds_sum"] - (THREADS * sum) as f64 / 1e6).abs() < 1e-6);
}

fn micros(at: u64) -> u64 {
    at * 7919 % 12_000_000
}

fn record(registry: &Registry) {
    let meter = Meter::new(registry);
    let jobs: Family<Counter, 1> = meter.counter(&JOBS).expect("a valid definition");
    let wait: Histogram = meter.histogram(&WAIT).expect("a valid definition").series([]);
    let shared = jobs.series(["shared".into()]);
    with_local_recorder(registry, || {
        for at in 0..RECORDS {
            shared.increment();
            // Series are born while others are shown.
            jobs.series([["a", "b", "c", "d", "e"][at as usize % 5].into()]).increment();
            wait.record(micros(at) as f64 / 1e6);
            counter!("calls_total").increment(1);
        }
    });
}

fn assert_consistent(samples: &BTreeMap<String, f64>) {
    let Some(count) = samples.get("wait_seconds_count") else {
        return;
    };
    let bucket = |bound: &str| samples[&format!("wait_seconds_bucket{{le=\"{bound}\"}}")];
    let bounds =
        ["0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75", "1.0", "2.5", "5.0", "7.5", "10.0"];
    let buckets: Vec<_> = bounds.into_iter().chain(["+Inf"]).map(bucket).collect();
    assert!(buckets.is_sorted(), "{buckets:?}");
    assert_eq!(buckets.last(), Some(count));
}
