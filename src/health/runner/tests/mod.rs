//! The runner on a held clock and a runtime with one thread.

mod fleet;
mod isolation;
mod telling;
mod timing;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::clock::{Clock, ManualClock};
use crate::drain::Drain;
use crate::health::fleet::Fleet;
use crate::health::handle::Surroundings;
use crate::health::{
    CheckFailure, CheckOptions, CheckReport, Health, HealthCheck, HealthReport, Liveness, Registered, Status, check_fn,
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
        Self::with(Liveness::Answers, checks)
    }

    fn with(liveness: Liveness, checks: Vec<Registered>) -> Self {
        Self::on(&ManualClock::new(), liveness, Fleet::default(), checks)
    }

    /// One of several that share a clock.
    fn in_fleet(held: &ManualClock, fleet: Fleet, checks: Vec<Registered>) -> Self {
        Self::on(held, Liveness::Answers, fleet, checks)
    }

    fn on(held: &ManualClock, liveness: Liveness, fleet: Fleet, checks: Vec<Registered>) -> Self {
        let held = held.clone();
        let registry = Registry::new();
        let drain = Drain::new();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let meter = Meter::new(&registry);
        let surroundings = Surroundings {
            clock: held.clock(),
            drain: drain.clone(),
            runtime: Some(runtime.handle().clone()),
            liveness,
            random: fastrand::Rng::with_seed(7),
            fleet,
        };
        let health = Health::start_in(checks, &meter, surroundings).unwrap();
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

    /// Lets the runtime of the checks run until `holds`.
    fn drive_until(&self, what: &str, holds: impl Fn() -> bool) {
        let held = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let in_time = self.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), held).await });
        assert!(in_time.is_ok(), "not within 20 s: {what}");
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
) -> (impl HealthCheck, Arc<AtomicUsize>) {
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
