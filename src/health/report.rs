//! What is known at one moment: immutable, shared, and read without asking anybody.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::outcome::Datum;
use super::status::{ComponentKind, Gates, Impact, Status};
use crate::severity::Severity;

/// The state of every check at one moment.
#[derive(Clone, Debug)]
pub struct HealthReport {
    checks: Vec<CheckState>,
    started: bool,
}

/// The state of one check.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CheckState {
    /// Its name.
    pub name: Arc<str>,
    /// The fleet-wide name of what it checks.
    pub dependency: Arc<str>,
    /// What it does to `/health` when unhealthy.
    pub impact: Impact,
    /// How urgent it is.
    pub severity: Severity,
    /// Whether it can hold `/health/ready` back.
    pub gates: Gates,
    /// What sort of thing it looks at.
    pub kind: ComponentKind,
    /// The groups that it is in.
    pub tags: Arc<[String]>,
    /// How long an outage can last before the status says so, by interval, timeout and failure threshold.
    pub detected_within: Duration,
    /// What is known of it.
    pub status: Status,
    /// The code of why it is not healthy.
    pub reason: Option<&'static str>,
    /// Why it is not healthy, in words; empty when healthy. For the details only.
    pub message: String,
    /// The facts of its last report. For the details only.
    pub data: Vec<(&'static str, Datum)>,
    /// Since when it has this status.
    pub since: SystemTime,
    /// When a run last succeeded.
    pub last_success: Option<SystemTime>,
    /// What failed last, also when it has not changed the status.
    pub last_failure: Option<LastFailure>,
    /// Runs that failed since the last success.
    pub consecutive_failures: u32,
    /// How long the last run took.
    pub duration: Option<Duration>,
    /// Whether it holds `/health/ready` back now.
    pub(super) holds_ready: bool,
    /// When its latest result stops being one; `None` without a result.
    pub(super) fresh_until: Option<Instant>,
}

/// A failed run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastFailure {
    /// The code.
    pub reason: &'static str,
    /// What happened, in words, scrubbed.
    pub message: String,
    /// When.
    pub at: SystemTime,
}

/// The reason of a check whose result is too old.
pub(super) const STALE: &str = "stale";

impl HealthReport {
    pub(super) const fn new(checks: Vec<CheckState>, started: bool) -> Self {
        Self { checks, started }
    }

    /// The checks, in the order in which they were registered.
    pub fn checks(&self) -> &[CheckState] {
        &self.checks
    }

    /// The check of this name.
    pub fn check(&self, name: &str) -> Option<&CheckState> {
        self.checks.iter().find(|check| &*check.name == name)
    }

    /// The report on those checks only that have a tag.
    pub fn tagged(&self, tag: &str) -> Self {
        let has_tag = |check: &&CheckState| check.tags.iter().any(|own| own == tag);
        Self { checks: self.checks.iter().filter(has_tag).cloned().collect(), started: self.started }
    }

    /// The overall status: healthy when every check is; unhealthy when one with [`Impact::Unhealthy`] is; else degraded.
    pub fn status(&self) -> Status {
        let brings_down = |check: &CheckState| check.status == Status::Unhealthy && check.impact == Impact::Unhealthy;
        if self.checks.iter().any(brings_down) {
            Status::Unhealthy
        } else if self.checks.iter().all(|check| check.status == Status::Healthy) {
            Status::Healthy
        } else {
            Status::Degraded
        }
    }

    /// Whether every check has had a first result, or [`STARTUP_LIMIT`](super::STARTUP_LIMIT) has passed.
    pub const fn is_started(&self) -> bool {
        self.started
    }

    /// The names of the checks that hold `/health/ready` back.
    pub fn holding_ready(&self) -> impl Iterator<Item = &str> {
        self.checks.iter().filter(|check| check.holds_ready).map(|check| &*check.name)
    }

    /// The report as it must be read at `now`: what got too old meanwhile is unknown.
    ///
    /// The runner lets nothing get that old, so this shows a process that was stopped or starved: its answers must not
    /// stay green because nobody was there to change them.
    pub(super) fn read_at(self: Arc<Self>, now: Instant) -> Arc<Self> {
        let is_stale = |check: &CheckState| check.fresh_until.is_some_and(|until| now > until);
        if !self.checks.iter().any(is_stale) {
            return self;
        }
        let mut report = Self::clone(&self);
        for check in report.checks.iter_mut().filter(|check| is_stale(check)) {
            check.status = Status::Unknown;
            check.reason = Some(STALE);
            "the last result is too old".clone_into(&mut check.message);
            check.data.clear();
        }
        Arc::new(report)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::ManualClock;

    pub(in crate::health) fn check(name: &str, status: Status, impact: Impact) -> CheckState {
        CheckState {
            name: name.into(),
            dependency: name.into(),
            impact,
            severity: Severity::Critical,
            gates: Gates::None,
            kind: ComponentKind::Component,
            tags: Arc::default(),
            detected_within: Duration::from_secs(20),
            status,
            reason: (status != Status::Healthy).then_some("unreachable"),
            message: String::new(),
            data: Vec::new(),
            since: ManualClock::new().clock().wall(),
            last_success: None,
            last_failure: None,
            consecutive_failures: 0,
            duration: None,
            holds_ready: false,
            fresh_until: None,
        }
    }

    #[test]
    fn overall_status_follows_the_impact_of_what_is_unhealthy() {
        use Status::{Degraded, Healthy, Unhealthy, Unknown};
        for (checks, overall) in [
            (&[][..], Healthy),
            (&[(Healthy, Impact::Unhealthy), (Healthy, Impact::Degraded)], Healthy),
            (&[(Healthy, Impact::Unhealthy), (Degraded, Impact::Degraded)], Degraded),
            (&[(Degraded, Impact::Unhealthy)], Degraded),
            (&[(Unhealthy, Impact::Degraded)], Degraded),
            (&[(Unknown, Impact::Unhealthy)], Degraded),
            (&[(Unknown, Impact::Degraded), (Unhealthy, Impact::Unhealthy)], Unhealthy),
        ] {
            let states = checks.iter().map(|(status, impact)| check("x", *status, *impact)).collect();
            assert_eq!(HealthReport::new(states, true).status(), overall, "{checks:?}");
        }
    }

    #[test]
    fn results_that_got_too_old_are_unknown() {
        let now = ManualClock::new().clock().now();
        let mut old = check("old", Status::Healthy, Impact::Degraded);
        old.fresh_until = Some(now);
        let mut fresh = check("fresh", Status::Healthy, Impact::Degraded);
        fresh.fresh_until = Some(now + Duration::from_secs(10));
        let report = Arc::new(HealthReport::new(vec![old, fresh], true));

        assert!(Arc::ptr_eq(&Arc::clone(&report).read_at(now), &report), "nothing is copied while all is fresh");
        let later = report.read_at(now + Duration::from_secs(1));
        let old = later.check("old").unwrap();
        assert_eq!((old.status, old.reason), (Status::Unknown, Some("stale")));
        assert_eq!(later.check("fresh").unwrap().status, Status::Healthy);
        assert_eq!(later.status(), Status::Degraded);
    }
}
