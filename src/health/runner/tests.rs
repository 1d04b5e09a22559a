use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::{GATE_LIMIT, STARTUP_LIMIT};
use crate::clock::{Clock, ManualClock};
use crate::drain::{Drain, Phase};
use crate::health::{
    CheckFailure, CheckOptions, CheckReport, Gates, Health, HealthError, HealthReport, Impact, Registered, Status,
    check_fn,
};
use crate::metrics::{Meter, Registry};

/// Health on a held clock and a runtime with one thread.
struct Bench {
    health: Health,
    held: ManualClock,
    registry: Registry,
    drain: Drain,
    /// Nobody drives it unless a test does: checks without I/O need nobody.
    runtime: Runtime,
}

impl Bench {
    fn new(checks: Vec<Registered>) -> Self {
        let held = ManualClock::new();
        let registry = Registry::new();
        let drain = Drain::new();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let meter = Meter::new(&registry);
        let random = fastrand::Rng::with_seed(7);
        let handle = runtime.handle().clone();
        let health = Health::start_with(checks, held.clock(), drain.clone(), &meter, handle, random).unwrap();
        Self { health, held, registry, drain, runtime }
    }

    fn advance(&self, by: Duration) {
        self.held.advance(by);
    }

    fn until(&self, what: &str, holds: impl Fn(&HealthReport) -> bool) {
        eventually(what, || holds(&self.health.report()));
    }

    fn until_status(&self, check: &str, status: Status, reason: Option<&str>) {
        eventually(&format!("{check} is {status:?} because of {reason:?}: {:?}", self.health.report()), || {
            let report = self.health.report();
            report.check(check).is_some_and(|check| check.status == status && check.reason == reason)
        });
    }

    /// Lets held time pass in small steps, as real time would, until `holds`.
    fn let_time_pass_until(&self, what: &str, holds: impl Fn(&HealthReport) -> bool) {
        eventually(what, || {
            self.advance(Duration::from_millis(100));
            holds(&self.health.report())
        });
    }

    fn value(&self, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.registry.snapshot().value(metric, labels)
    }
}

/// Real threads have to move on; nothing is measured meanwhile.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let clock = Clock::system();
    let deadline = clock.now() + Duration::from_secs(20);
    while !holds() {
        assert!(clock.now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn once_each() -> CheckOptions {
    CheckOptions::new().failure_threshold(1).recovery_threshold(1)
}

fn fine(name: &str) -> Registered {
    Registered::new(name, check_fn(|| async { Ok(CheckReport::healthy()) }))
}

/// A check that counts its runs and gives what `answer` says.
fn counted(
    answer: impl Fn(usize) -> Result<CheckReport, CheckFailure> + Send + Sync + 'static,
) -> (impl crate::health::HealthCheck, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let check = check_fn(move || {
        // Ordering: a count that a test reads.
        let answer = answer(counter.fetch_add(1, Ordering::SeqCst));
        async { answer }
    });
    (check, runs)
}

fn down() -> CheckFailure {
    CheckFailure::new("down", "it is down")
}

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
    bench.runtime.block_on(async {
        while bench.health.report().check("waits").is_none_or(|check| check.status != Status::Healthy) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn failing_check_is_probed_again_after_a_third_of_its_interval() {
    let (check, runs) = counted(|run| if run == 0 { Ok(CheckReport::healthy()) } else { Err(down()) });
    // Attended after the other in each pass, so its runs prove that the other's turn has passed.
    let (fence, fence_runs) = counted(|_| Ok(CheckReport::healthy()));
    let seconds = Duration::from_secs;
    let bench = Bench::new(vec![
        Registered::with("flaky", check, CheckOptions::new().interval(seconds(30)).stale_after(seconds(3600))),
        Registered::with("fence", fence, CheckOptions::new().interval(seconds(1)).stale_after(seconds(3600))),
    ]);
    let step = |expected_runs: usize, after: Duration| {
        let fenced = fence_runs.load(Ordering::SeqCst);
        bench.advance(after);
        eventually("the pass is over", || fence_runs.load(Ordering::SeqCst) > fenced);
        bench.until("results are in", |report| {
            report.check("flaky").is_some_and(|check| check.consecutive_failures as usize + 1 == expected_runs)
        });
        assert_eq!(runs.load(Ordering::SeqCst), expected_runs);
    };
    bench.until_status("flaky", Status::Healthy, None);
    bench.until_status("fence", Status::Healthy, None);
    step(1, seconds(26)); // at most a tenth early
    step(2, seconds(4)); // first failure
    step(2, seconds(9));
    step(3, seconds(1)); // a third
    step(3, seconds(9));
    step(4, seconds(1)); // third failure: unhealthy
    bench.until_status("flaky", Status::Unhealthy, Some("down"));
    step(4, seconds(26)); // settled: the whole interval again
    step(5, seconds(4));
}

#[test]
fn startup_ends_after_its_limit_though_a_check_has_no_result() {
    let late = CheckOptions::new().initial_delay(Duration::from_secs(600));
    let bench = Bench::new(vec![Registered::with("late", check_fn(|| async { Ok(CheckReport::healthy()) }), late)]);
    bench.advance(STARTUP_LIMIT - Duration::from_millis(1));
    assert_eq!(bench.health.startup().code, 503);
    assert_eq!(bench.health.ready().code, 503);
    bench.advance(Duration::from_millis(1));
    bench.until("started", HealthReport::is_started);
    assert_eq!(bench.health.ready().code, 200);
    assert_eq!(bench.health.summary().code, 200, "unknown is degraded");
    bench.drain.enter(Phase::Draining);
    assert!(bench.health.ready().body.contains("draining"));
    assert_eq!(bench.health.live().code, 200);
}

#[test]
fn gate_holds_readiness_back_and_fails_open_after_its_limit() {
    let (check, _) = counted(|_| Err(down()));
    let gated = once_each().gates(Gates::Ready).impact(Impact::Unhealthy).stale_after(Duration::from_secs(3600));
    let bench = Bench::new(vec![Registered::with("gated", check, gated), fine("fine")]);
    bench.until_status("gated", Status::Unhealthy, Some("down"));
    bench.until_status("fine", Status::Healthy, None);
    assert_eq!(bench.health.ready().code, 503);
    assert_eq!(bench.health.summary().code, 503);
    let failed_open = || bench.value("health_gate_failed_open_total", &[("check", "gated")]);
    assert_eq!(failed_open(), Some(0.0));
    bench.advance(GATE_LIMIT);
    eventually("the gate fails open", || bench.health.ready().code == 200);
    assert_eq!(failed_open(), Some(1.0));
    assert_eq!(bench.value("health_gate_failed_open_total", &[("check", "fine")]), None);
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
fn transitions_reach_metrics_and_subscribers_but_not_those_out_of_unknown() {
    let (check, _) = counted(|run| if run == 1 { Err(down()) } else { Ok(CheckReport::healthy()) });
    let options = once_each().interval(Duration::from_secs(30)).dependency("ledger");
    let bench = Bench::new(vec![Registered::with("ledger-db", check, options)]);
    let mut transitions = bench.health.subscribe();
    bench.until_status("ledger-db", Status::Healthy, None);
    bench.advance(Duration::from_secs(30));
    bench.until_status("ledger-db", Status::Unhealthy, Some("down"));
    bench.advance(Duration::from_secs(30));
    bench.until_status("ledger-db", Status::Healthy, None);

    let first = bench.runtime.block_on(transitions.next()).unwrap();
    assert_eq!((first.from, first.to, first.reason), (Status::Healthy, Status::Unhealthy, Some("down")));
    let second = bench.runtime.block_on(transitions.next()).unwrap();
    assert_eq!((second.to, second.lasted, &*second.dependency), (Status::Healthy, Duration::from_secs(30), "ledger"));

    let status = |status| {
        let labels = [("check", "ledger-db"), ("dependency", "ledger"), ("status", status)];
        bench.value("health_check_status", &labels).unwrap()
    };
    assert_eq!(["healthy", "degraded", "unhealthy", "unknown"].map(status), [1.0, 0.0, 0.0, 0.0]);
    let to = |to| bench.value("health_check_transitions_total", &[("check", "ledger-db"), ("to", to)]);
    assert_eq!(["healthy", "degraded", "unhealthy"].map(to), [Some(1.0), Some(0.0), Some(1.0)]);
    let info = [("check", "ledger-db"), ("dependency", "ledger"), ("severity", "warning")];
    assert_eq!(bench.value("health_check_info", &info), Some(1.0));
    let last = bench.value("health_check_last_success_timestamp_seconds", &[("check", "ledger-db")]);
    assert_eq!(last, Some(bench.held.clock().unix_seconds()));
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

#[cfg(feature = "maintenance")]
#[test]
fn maintenance_excuses_an_outage_until_its_grace_is_over() {
    use crate::health::{Maintenance, MaintenanceWindow};

    // The held clock shows 10:30 at first.
    let window = MaintenanceWindow::daily("UTC", "10:31", "10:40").unwrap();
    let options = once_each().maintenance(Maintenance::new().window(window).grace(Duration::from_secs(5 * 60)));
    let (check, _) = counted(|run| if run == 0 { Ok(CheckReport::healthy()) } else { Err(down()) });
    let bench = Bench::new(vec![Registered::with("broker", check, options)]);
    let gauge = || bench.value("health_check_maintenance", &[("check", "broker"), ("dependency", "broker")]);
    bench.until_status("broker", Status::Healthy, None);
    assert_eq!(gauge(), Some(0.0));
    bench.advance(Duration::from_secs(60));
    bench.until_status("broker", Status::Degraded, Some("maintenance"));
    assert_eq!(gauge(), Some(1.0));
    assert_eq!(bench.health.summary().code, 200);
    bench.advance(Duration::from_secs(14 * 60 - 1));
    bench.until("a run near the end of the grace", |report| {
        report.check("broker").is_some_and(|check| check.consecutive_failures > 1)
    });
    bench.until_status("broker", Status::Degraded, Some("maintenance"));
    bench.advance(Duration::from_secs(60));
    bench.until_status("broker", Status::Unhealthy, Some("down"));
    assert_eq!(gauge(), Some(0.0));
}
