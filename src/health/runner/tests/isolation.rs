//! What a check can do to others, and what a list of checks may be.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::runtime::Builder;

use super::{Bench, counted, down, eventually, fine, once_each};
use crate::clock::Clock;
use crate::drain::Drain;
use crate::health::{
    CheckFailure, CheckOptions, CheckReport, Health, HealthError, Liveness, Registered, Status, check_fn,
};
use crate::metrics::{Meter, Registry};

#[test]
fn panic_hang_and_failure_are_told_apart_and_spoil_nobody() {
    let panics = check_fn(|| async { panic!("a check that panics") });
    let hangs = check_fn(std::future::pending);
    let bench = Bench::new(vec![
        Registered::with("panics", panics, once_each()),
        Registered::with("hangs", hangs, once_each()),
        Registered::with("fails", check_fn(|| async { Err(down()) }), once_each()),
        fine("fine"),
    ]);
    bench.until_status("fine", Status::Healthy, None);
    bench.until_status("panics", Status::Unhealthy, Some("panicked"));
    bench.until_status("fails", Status::Unhealthy, Some("down"));
    assert_eq!(bench.health.startup().code, 503, "one has no result yet");
    bench.advance(Duration::from_secs(3));
    bench.until_status("hangs", Status::Unhealthy, Some("timeout"));
    assert_eq!(bench.health.startup().code, 200);
    assert_eq!(bench.health.live().code, 200);
    for (check, outcome) in [("panics", "panicked"), ("hangs", "timeout"), ("fails", "failed"), ("fine", "ok")] {
        let runs = bench.value("health_check_duration_seconds", &[("check", check), ("outcome", outcome)]);
        assert_eq!(runs, Some(1.0), "{check} {outcome}");
    }
}

#[test]
fn blocked_thread_is_stuck_until_it_returns() {
    let (release, blocked_on) = mpsc::channel::<()>();
    let blocked_on = Mutex::new(blocked_on);
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let blocks = check_fn(move || {
        let run = counter.fetch_add(1, Ordering::SeqCst);
        if run == 1 {
            let _ = blocked_on.lock().unwrap().recv();
        }
        async { Ok(CheckReport::healthy()) }
    });
    let bench = Bench::new(vec![Registered::new("blocks", blocks), fine("fine")]);
    bench.until_status("blocks", Status::Healthy, None);

    bench.let_time_pass_until("it is stuck", |report| {
        report.check("blocks").is_some_and(|check| check.status == Status::Unhealthy && check.reason == Some("stuck"))
    });
    assert_eq!(runs.load(Ordering::SeqCst), 2, "no run is started while one is stuck");
    assert_eq!(bench.health.report().check("fine").unwrap().status, Status::Healthy);
    assert_eq!(bench.value("health_check_duration_seconds", &[("check", "blocks"), ("outcome", "stuck")]), Some(1.0));

    release.send(()).unwrap();
    bench.let_time_pass_until("it is believed again", |report| {
        report.check("blocks").is_some_and(|check| check.status == Status::Healthy)
    });
    assert!(runs.load(Ordering::SeqCst) >= 4, "its late answer was not taken for one");
}

#[test]
fn one_thread_is_enough_for_checks_that_wait_and_checks_that_block() {
    let (_release, blocked_on) = mpsc::channel::<()>();
    let blocked_on = Mutex::new(blocked_on);
    let blocks = check_fn(move || {
        let _ = blocked_on.lock().unwrap().recv();
        async { Ok(CheckReport::healthy()) }
    });
    let waits = check_fn(|| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        tokio::spawn(async {}).await.map_err(|e| CheckFailure::new("spawn", "no task").with_source(e))?;
        Ok(CheckReport::healthy())
    });
    let bench = Bench::new(vec![Registered::new("blocks", blocks), Registered::new("waits", waits)]);
    bench.drive_until("it has waited", || {
        bench.health.report().check("waits").is_some_and(|check| check.status == Status::Healthy)
    });
}

#[test]
fn dropping_the_last_handle_ends_the_schedule_and_what_runs() {
    let held_by_check = Arc::new(());
    let witness = Arc::downgrade(&held_by_check);
    let hangs = check_fn(move || {
        let keep = Arc::clone(&held_by_check);
        async move {
            std::future::pending::<()>().await;
            drop(keep);
            Ok(CheckReport::healthy())
        }
    });
    let bench = Bench::new(vec![Registered::new("hangs", hangs)]);
    let mut transitions = bench.health.subscribe();
    let Bench { health, runtime, .. } = bench;
    drop(health.clone());
    assert!(witness.upgrade().is_some(), "another handle is left");
    drop(health);
    eventually("the check is gone", || witness.upgrade().is_none());
    assert!(runtime.block_on(transitions.next()).is_none());
}

#[test]
fn requests_cause_no_runs() {
    let (check, runs) = counted(|_| Ok(CheckReport::healthy()));
    let bench = Bench::new(vec![Registered::new("counted", check)]);
    bench.until_status("counted", Status::Healthy, None);
    for _ in 0..1000 {
        let health = &bench.health;
        let _ = (health.summary(), health.details(), health.live(), health.ready(), health.startup());
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[test]
fn lists_of_checks_that_cannot_be_are_refused() {
    let start = |checks| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let meter = Meter::new(&Registry::new());
        Health::start(checks, Clock::system(), Drain::new(), &meter, runtime.handle().clone()).map(drop)
    };
    let refusal = |checks| start(checks).unwrap_err();
    assert!(matches!(refusal(vec![fine("Data Base")]), HealthError::InvalidName(_)));
    for name in ["live", "ready", "startup"] {
        assert!(matches!(refusal(vec![fine(name)]), HealthError::ReservedName { .. }));
    }
    assert!(
        matches!(refusal(vec![fine("a"), fine("b"), fine("a")]), HealthError::DuplicateName { name } if name == "a")
    );
    let zero = CheckOptions::new().interval(Duration::ZERO);
    let never = Registered::with("never", check_fn(|| async { Ok(CheckReport::healthy()) }), zero);
    assert!(matches!(refusal(vec![never]), HealthError::InvalidOption { check, .. } if check == "never"));
    assert!(start(Vec::new()).is_ok());
}

#[test]
fn without_checks_all_is_well() {
    let bench = Bench::new(Vec::new());
    assert_eq!(bench.health.summary().body, r#"{"status":"healthy","checks":{}}"#);
    assert_eq!((bench.health.startup().code, bench.health.ready().code), (200, 200));
    assert!(bench.runtime.block_on(bench.health.subscribe().next()).is_none());
}

#[test]
fn stalled_runtime_fails_liveness_only_if_that_is_asked_for() {
    let limit = Duration::from_secs(30);
    for (liveness, stalled) in [(Liveness::Answers, 200), (Liveness::NotStalledFor(limit), 503)] {
        // Nobody drives the runtime.
        let bench = Bench::with(liveness, Vec::new());
        assert_eq!(bench.health.live().code, 200);
        bench.let_time_pass_until("the stall is seen", |_| bench.value("tokio_stalled", &[]) == Some(1.0));
        bench.advance(limit);
        assert_eq!(bench.health.live().code, stalled, "{liveness:?}");
        eventually("it runs", || {
            bench.runtime.block_on(tokio::task::yield_now());
            bench.health.live().code == 200
        });
    }
}
