//! When runs come, how long things last, and how soon a fault is seen.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Bench, counted, down, eventually, fine, once_each};
use crate::clock::ManualClock;
use crate::drain::Phase;
use crate::health::instruments::HealthInstruments;
use crate::health::runner::run::{Abort, RunEnd};
use crate::health::runner::tracked::{Duty, Tracked};
use crate::health::runner::{GATE_LIMIT, STARTUP_LIMIT};
use crate::health::state::Moment;
use crate::health::{CheckOptions, CheckReport, Gates, HealthReport, Impact, Registered, Status, check_fn};
use crate::metrics::{Meter, Registry};

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
fn refresh_runs_every_check_once_however_many_ask() {
    let (check, runs) = counted(|_| Ok(CheckReport::healthy()));
    let hangs = check_fn(std::future::pending);
    // So long that held time, which goes on until real threads are done, never gets there.
    let interval = Duration::from_secs(24 * 3600);
    let bench = Bench::new(vec![
        Registered::with("counted", check, CheckOptions::new().interval(interval)),
        Registered::with("hangs", hangs, once_each().interval(interval)),
    ]);
    bench.until_status("counted", Status::Healthy, None);
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let health = bench.health.clone();
            bench.runtime.spawn(async move { health.refresh().await })
        })
        .collect();
    // The hanging check has a run from the start, which looked before anybody asked, and then one of the round.
    bench.drive_until("everybody is answered", || {
        bench.advance(Duration::from_millis(100));
        waiting.iter().all(tokio::task::JoinHandle::is_finished)
    });
    bench.runtime.block_on(async {
        for report in waiting {
            assert_eq!(report.await.unwrap().check("hangs").unwrap().reason, Some("timeout"));
        }
    });
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    let before = bench.health.report().check("hangs").unwrap().consecutive_failures;
    assert_eq!(before, 2);
}

#[test]
fn dependency_that_stays_down_is_asked_ever_more_seldom() {
    let (check, runs) = counted(|run| if run < 6 { Err(down()) } else { Ok(CheckReport::healthy()) });
    let (fence, fence_runs) = counted(|_| Ok(CheckReport::healthy()));
    let seconds = Duration::from_secs;
    let patient = once_each().interval(seconds(10)).backoff(seconds(50));
    let bench = Bench::new(vec![
        Registered::with("down", check, patient),
        Registered::with("fence", fence, CheckOptions::new().interval(seconds(1))),
    ]);
    let step = |expected_runs: usize, after: u64| {
        let fenced = fence_runs.load(Ordering::SeqCst);
        bench.advance(seconds(after));
        eventually("the pass is over", || fence_runs.load(Ordering::SeqCst) > fenced);
        bench.until("results are in", |report| {
            report.check("down").is_some_and(|check| check.consecutive_failures as usize == expected_runs)
        });
        assert_eq!(runs.load(Ordering::SeqCst), expected_runs, "{after} s later");
    };
    bench.until_status("down", Status::Unhealthy, Some("down"));
    bench.until_status("fence", Status::Healthy, None);
    step(2, 10);
    step(2, 17); // 20 s, at most a tenth early
    step(3, 3);
    step(3, 35);
    step(4, 5); // 40 s
    step(4, 44);
    step(5, 6); // 50 s, and no longer
    step(6, 50);
}

#[test]
fn fault_is_seen_within_the_time_that_the_check_names() {
    #[derive(Clone, Copy, Debug)]
    enum Fault {
        FailsAtTheLastMoment,
        Hangs,
        BlocksItsThread,
    }

    for (interval, timeout, threshold) in [(15, 3, 3), (10, 2, 3), (30, 5, 2), (10, 9, 4), (10, 2, 1)] {
        for fault in [Fault::FailsAtTheLastMoment, Fault::Hangs, Fault::BlocksItsThread] {
            let held = ManualClock::new();
            let options = CheckOptions::new()
                .interval(Duration::from_secs(interval))
                .timeout(Duration::from_secs(timeout))
                .failure_threshold(threshold);
            let mut tracked = tracked(options, &held);
            let timeout = Duration::from_secs(timeout);
            let mut run = None;
            let mut healthy_at = None;
            // Small steps of held time; the fault comes when the first run has looked.
            while tracked.show().status != Status::Unhealthy {
                let now = Moment::of(&held.clock());
                if tracked.tick(now, &mut drop) == Duty::StartRun {
                    tracked.started(Abort::of_nothing(), now, 0.0);
                    run = Some(now.instant);
                }
                if let Some(started) = run {
                    let end = match fault {
                        _ if healthy_at.is_none() => Some(RunEnd::Answered(Ok(CheckReport::healthy()))),
                        _ if now.instant < started + timeout => None,
                        Fault::FailsAtTheLastMoment => Some(RunEnd::Answered(Err(down()))),
                        Fault::Hangs => Some(RunEnd::Aborted),
                        Fault::BlocksItsThread => None,
                    };
                    if let Some(end) = end {
                        tracked.ended(end, now, &mut drop);
                        run = None;
                        healthy_at.get_or_insert(now.instant);
                    }
                }
                held.advance(Duration::from_millis(50));
            }
            let took = held.clock().now() - healthy_at.unwrap();
            let within = tracked.show().detected_within;
            assert!(took <= within + Duration::from_millis(50), "{fault:?}: {took:?} of {within:?}");
        }
    }
}

/// A check on the schedule whose runs a test ends itself.
fn tracked(options: CheckOptions, held: &ManualClock) -> Tracked {
    let settings = options.resolve("faulty").unwrap();
    let instruments = HealthInstruments::new(&Meter::new(&Registry::new())).unwrap().of_check("faulty", &settings);
    let check = Registered::new("faulty", check_fn(|| async { Ok(CheckReport::healthy()) })).check;
    Tracked::new("faulty", check, settings, instruments, None, Moment::of(&held.clock()))
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
