//! A worker of a real runtime that somebody blocks.

use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::clock::{Clock, ManualClock};
use crate::metrics::{Registry, RegistryOptions};
use crate::resource::{ResourceOptions, Resources};

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let clock = Clock::system();
    let deadline = clock.now() + Duration::from_secs(20);
    while !holds() {
        assert!(clock.now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

const WORKERS: usize = 3;

/// A runtime whose workers sleep, since one that has just started is awake for a moment.
fn runtime() -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).build().unwrap();
    let metrics = runtime.metrics();
    eventually("all workers sleep", || (0..WORKERS).all(|worker| metrics.worker_park_unpark_count(worker) % 2 == 1));
    runtime
}

#[test]
fn blocked_worker_is_named_and_its_time_is_measured_once() {
    let (runtime, held) = (runtime(), ManualClock::new());
    let registry = Registry::with(RegistryOptions::new().clock(held.clock()));
    let limit = Duration::from_millis(500);
    let options = ResourceOptions::new().stalled_after(limit);
    let resources =
        Resources::register(&registry, &held.clock(), options, Some(runtime.handle().clone()), |_| None).unwrap();
    let value = |name: &str, labels: &[(&str, &str)]| registry.snapshot().value(name, labels).unwrap();

    let (worker, works) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    runtime.spawn(async move {
        worker.send(tokio::runtime::worker_index().unwrap()).unwrap();
        released.recv().unwrap_err();
    });
    let blocked = works.recv().unwrap();
    eventually("the stall is seen", || {
        held.advance(limit / 5);
        value("tokio_workers_stalled", &[]) == 1.0
    });
    for worker in 0..WORKERS {
        let stalls = value("tokio_worker_stalls_total", &[("worker", &worker.to_string())]);
        assert_eq!(stalls, f64::from(u8::from(worker == blocked)), "{worker}, and {blocked} is blocked");
    }
    let durations = || registry.snapshot().histogram("tokio_worker_stall_duration_seconds", &[]).unwrap();
    assert_eq!(durations().count(), 0, "it lasts");

    drop(release);
    eventually("the worker is back", || {
        held.advance(limit / 5);
        value("tokio_workers_stalled", &[]) == 0.0
    });
    assert_eq!(durations().count(), 1);
    assert!(durations().sum >= limit.as_secs_f64(), "{:?}", durations());
    drop(resources);
}

#[test]
fn runtime_tells_of_its_workers_tasks_and_queue() {
    let (runtime, held) = (runtime(), ManualClock::new());
    let registry = Registry::with(RegistryOptions::new().clock(held.clock()));
    let _resources =
        Resources::register(&registry, &held.clock(), ResourceOptions::new(), Some(runtime.handle().clone()), |_| None)
            .unwrap();
    let tasks: Vec<_> = (0..7).map(|_| runtime.spawn(std::future::pending::<()>())).collect();
    let busy = runtime.spawn(async { (0..2_000_000_u64).map(std::hint::black_box).sum::<u64>() });
    runtime.block_on(busy).unwrap();
    eventually("the task is gone", || runtime.metrics().num_alive_tasks() == tasks.len());
    registry.collect();
    let snapshot = registry.snapshot();
    snapshot.assert_value("tokio_workers", &[], 3);
    snapshot.assert_value("tokio_alive_tasks", &[], 7);
    assert_eq!(snapshot.value("tokio_global_queue_depth", &[]), Some(0.0));
    for name in ["tokio_worker_busy_seconds_total", "tokio_worker_parks_total"] {
        assert!(snapshot.sum(name, &[]).is_some_and(|sum| sum > 0.0), "{name}");
        assert_eq!(snapshot.family(name).unwrap().series.len(), WORKERS);
    }
    drop(tasks);
}
