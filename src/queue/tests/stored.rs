//! What is asked of a queue elsewhere.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Bench;
use crate::metrics::{AskOptions, CollectorError, DEFAULT_ASK_INTERVAL, Scope};
use crate::queue::{Outcome, QueueSample};

/// For a run that takes no time.
const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_the_store_says_is_shown_and_what_it_does_not_say_is_not() {
    let bench = Bench::new();
    let settlements = bench.queues.stored("settlements");
    let said = Arc::new(Mutex::new(Some(QueueSample { depth: 3, oldest_age: Some(Duration::from_secs(90)) })));
    let says = Arc::clone(&said);
    let ask = move || std::future::ready(says.lock().unwrap().ok_or("the store is down"));
    let options = AskOptions::new().scope(Scope::Instance);
    settlements.sample(options, ask.clone()).unwrap();
    assert!(matches!(settlements.sample(options, ask), Err(CollectorError::Taken { .. })));

    let shown = async |answer: Option<QueueSample>, outcome| {
        *said.lock().unwrap() = answer;
        bench.clock.advance(DEFAULT_ASK_INTERVAL);
        let labels = [("collector", "queue-settlements"), ("outcome", outcome)];
        let runs = || bench.registry.snapshot().value("monitoring_collector_runs_total", &labels);
        let before = runs();
        let registry = bench.registry.clone();
        let collect = async || {
            let registry = registry.clone();
            tokio::task::spawn_blocking(move || registry.collect()).await.unwrap();
        };
        collect().await;
        let ended = async {
            while runs() == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, ended).await.expect("the run ends");
        collect().await;
        let snapshot = bench.registry.snapshot();
        ["queue_stored_depth", "queue_stored_oldest_age_seconds"]
            .map(|metric| snapshot.value(metric, &[("queue", "settlements")]))
    };
    let sample = |depth, age: Option<u64>| Some(QueueSample { depth, oldest_age: age.map(Duration::from_secs) });
    assert_eq!(shown(sample(3, Some(90)), "ok").await, [Some(3.0), Some(90.0)]);
    assert_eq!(shown(sample(4, None), "ok").await, [Some(4.0), None], "nobody knows");
    assert_eq!(shown(sample(0, None), "ok").await, [Some(0.0), Some(0.0)], "nothing waits");
    assert_eq!(shown(sample(5, Some(1)), "ok").await, [Some(5.0), Some(1.0)]);
    assert_eq!(shown(None, "failed").await, [Some(5.0), Some(1.0)], "it is fresh still");
    assert_eq!(shown(None, "failed").await, [None, None], "it is not known, and not 0");
}

#[test]
fn what_this_process_does_to_a_stored_queue_is_counted_and_no_depth_is_made_up() {
    let bench = Bench::new();
    let settlements = bench.queues.stored("settlements");
    settlements.enqueued(3);
    settlements.waited(Duration::from_secs(5));
    settlements.work().record(Duration::from_secs(2), Outcome::Ok);
    let _working = bench.queues.stored("settlements").work().start();
    let sum = |metric| bench.registry.snapshot().sum(metric, &[("queue", "settlements")]);
    assert_eq!(sum("queue_enqueued_total"), Some(3.0));
    assert_eq!(sum("queue_processed_total"), Some(1.0));
    assert_eq!(sum("queue_wait_seconds"), Some(1.0));
    assert_eq!(sum("queue_in_progress"), Some(1.0));
    for metric in ["queue_depth", "queue_oldest_age_seconds", "queue_dropped_total", "queue_stored_depth"] {
        assert_eq!(sum(metric), None, "{metric}");
    }
}
