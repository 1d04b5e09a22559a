//! What the log says of checks, in a process of its own: their threads have the process's subscriber.
#![cfg(all(feature = "health", feature = "log"))]
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/memory.rs"]
mod memory;
#[allow(dead_code, reason = "tests that await use the rest")]
#[path = "support/poll.rs"]
mod poll;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::health::{
    CheckFailure, CheckOptions, CheckReport, GATE_LIMIT, Gates, Severity, Status, check_fn,
};
use aistm7_monitoring::log::Sink;
use aistm7_monitoring::monitoring::Variables;
use memory::Memory;
use poll::eventually;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_change_and_each_gate_that_fails_open_is_one_line() {
    let (held, memory) = (ManualClock::new(), Memory::default());
    let is_up = Arc::new(AtomicBool::new(true));
    let up = Arc::clone(&is_up);
    let ledger = check_fn(move || {
        // Ordering: nothing else is read because of it.
        let up = up.load(Ordering::Relaxed);
        std::future::ready(if up { Ok(CheckReport::healthy()) } else { Err(CheckFailure::new("down", "it is down")) })
    });
    // One run an outage: the next comes after the gate has given up.
    let interval = GATE_LIMIT + Duration::from_secs(1);
    let options = CheckOptions::new().failure_threshold(1).recovery_threshold(1).interval(interval);
    let sink = memory.clone();
    let monitoring = Monitoring::builder("health-log")
        .environment("test")
        .variables(Variables::from([]))
        .clock(held.clock())
        .log(|log| log.sink(Sink::Writer(Box::new(sink))))
        .check_with("ledger", ledger, options.gates(Gates::Ready).severity(Severity::Critical))
        .build()
        .unwrap();
    monitoring.install().unwrap();
    let becomes = |status| {
        eventually(PATIENCE, || {
            let report = monitoring.health().report();
            let found = report.check("ledger").unwrap().status;
            if found == status { Ok(()) } else { Err(format!("{found:?}")) }
        });
    };
    becomes(Status::Healthy);
    is_up.store(false, Ordering::Relaxed);
    held.advance(interval);
    becomes(Status::Unhealthy);
    assert!(!monitoring.health().is_ready());
    held.advance(GATE_LIMIT);
    eventually(PATIENCE, || if monitoring.health().is_ready() { Ok(()) } else { Err("the gate is closed") });
    is_up.store(true, Ordering::Relaxed);
    held.advance(interval);
    becomes(Status::Healthy);

    monitoring.shutdown(PATIENCE).await;
    let lines = memory.take();
    let told: Vec<_> = lines.iter().filter(|line| line["details"]["check"] == "ledger").collect();
    assert_eq!(told.len(), 3, "{lines:#?}");
    let level_and_message = |line: &serde_json::Value| (line["level"].clone(), line["message"].clone());
    assert_eq!(level_and_message(told[0]), ("ERROR".into(), "health check is unhealthy".into()));
    assert_eq!(told[0]["details"]["reason"], "down");
    assert_eq!(told[0]["details"]["bad_for_seconds"], 0.0);
    assert_eq!(level_and_message(told[1]), ("WARN".into(), "readiness no longer waits for a health check".into()));
    assert_eq!(level_and_message(told[2]), ("INFO".into(), "health check is healthy".into()));
    let bad_for = told[2]["details"]["bad_for_seconds"].as_f64().unwrap();
    assert!(bad_for >= GATE_LIMIT.as_secs_f64(), "{bad_for}");
}
