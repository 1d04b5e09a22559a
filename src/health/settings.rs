//! The settings that hold for a check, once nothing is left open.

use std::time::{Duration, SystemTime};

use super::fleet::Fleet;
#[cfg(feature = "maintenance")]
use super::maintenance::Maintenance;
use super::options::CheckOptions;
use super::runner::STUCK_AFTER;
use super::state::Excuse;
use super::status::{ComponentKind, Gates, Impact};
use crate::error::{InvalidValue, check_name};
use crate::metrics::Scope;
use crate::severity::Severity;

impl CheckOptions {
    pub(super) fn basics(&self) -> Basics {
        Basics {
            interval: self.interval.unwrap_or(Duration::from_secs(15)),
            timeout: self.timeout.unwrap_or(Duration::from_secs(3)),
            failure_threshold: self.failure_threshold.unwrap_or(3),
        }
    }

    /// The settings that hold for the check `name` of a service with one replica.
    #[cfg(any(test, feature = "solana"))]
    pub(super) fn resolve(self, name: &str) -> Result<Settings, InvalidValue> {
        self.resolve_in(&Fleet::default(), name)
    }

    /// The settings that hold for the check `name` of one replica of a fleet.
    pub(super) fn resolve_in(self, fleet: &Fleet, name: &str) -> Result<Settings, InvalidValue> {
        let basics = self.basics();
        let Basics { interval, timeout, failure_threshold } = basics;
        let scope = self.scope.unwrap_or_default();
        let (stretch, detected_within) = match (scope, &fleet.lease) {
            (Scope::Instance, _) => (1, basics.detected_within()),
            (Scope::Shared, Some(lease)) => (fleet.replicas, basics.detected_within() + lease.followed_within()),
            (Scope::Shared, None) => {
                let stretched = Basics { interval: interval.saturating_mul(fleet.replicas), ..basics };
                (fleet.replicas, stretched.detected_within())
            }
        };
        let longest_interval = self.backoff.unwrap_or(interval);
        let usual_limit = longest_interval.saturating_mul(stretch).saturating_mul(3).saturating_add(timeout);
        let settings = Settings {
            interval,
            scope,
            stretch,
            timeout,
            initial_delay: self.initial_delay.unwrap_or_default(),
            failure_threshold,
            detected_within,
            recovery_threshold: self.recovery_threshold.unwrap_or(2),
            stale_after: self.stale_after.unwrap_or(usual_limit),
            impact: self.impact.unwrap_or_default(),
            severity: self.severity.unwrap_or_default(),
            gates: self.gates.unwrap_or_default(),
            kind: self.kind.unwrap_or_default(),
            tags: self.tags,
            longest_interval,
            dependency: self.dependency.unwrap_or_else(|| name.to_owned()),
            #[cfg(feature = "maintenance")]
            maintenance: self.maintenance,
        };
        settings.check()?;
        Ok(settings)
    }
}

/// What decides how soon a fault is seen.
#[derive(Clone, Copy)]
pub(super) struct Basics {
    pub(super) interval: Duration,
    timeout: Duration,
    failure_threshold: u32,
}

impl Basics {
    pub(super) fn detected_within(self) -> Duration {
        let Self { interval, timeout, failure_threshold } = self;
        let failed_run = timeout.saturating_add(STUCK_AFTER);
        let between = settling_interval(interval).max(failed_run);
        interval.saturating_add(between.saturating_mul(failure_threshold.saturating_sub(1))).saturating_add(failed_run)
    }
}

/// The share of an interval by which a run may come early. Chosen: replicas drift apart within a few runs, and the load
/// on a dependency stays what the interval says, within a twentieth on average.
pub(super) const EARLIER_AT_MOST: f64 = 0.1;

/// From the start of a run that failed to the start of the next, while failures have not yet made a status: the truth is
/// wanted soon, a third of the interval later.
fn settling_interval(interval: Duration) -> Duration {
    interval / 3
}

/// [`CheckOptions`] with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Of the one that runs it alone.
    pub(super) interval: Duration,
    pub(super) scope: Scope,
    /// By how much intervals are stretched where each replica runs it for all.
    pub(super) stretch: u32,
    pub(super) timeout: Duration,
    pub(super) initial_delay: Duration,
    pub(super) failure_threshold: u32,
    pub(super) detected_within: Duration,
    pub(super) recovery_threshold: u32,
    pub(super) stale_after: Duration,
    pub(super) impact: Impact,
    pub(super) severity: Severity,
    pub(super) gates: Gates,
    pub(super) kind: ComponentKind,
    pub(super) tags: Vec<String>,
    /// What backing off comes to in the end.
    pub(super) longest_interval: Duration,
    pub(super) dependency: String,
    #[cfg(feature = "maintenance")]
    maintenance: Option<Maintenance>,
}

/// Chosen: longer than any schedule makes sense, short enough that adding a few to a clock cannot overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

impl Settings {
    /// From the start of a run that failed to the start of the next, while failures have not yet made a status.
    pub(super) fn settling_interval(&self) -> Duration {
        settling_interval(self.interval)
    }

    /// From the start of a run to that of the next, at most, after so many failures since the check became unhealthy.
    pub(super) fn interval_after(&self, failures: u32) -> Duration {
        let doubled = 1u32.checked_shl(failures).unwrap_or(u32::MAX);
        self.interval.saturating_mul(doubled).min(self.longest_interval)
    }

    /// What a failure at a moment is worth.
    #[cfg_attr(not(feature = "maintenance"), allow(unused_variables, reason = "only windows look at the time"))]
    pub(super) fn excuse(&self, at: SystemTime) -> Excuse {
        #[cfg(feature = "maintenance")]
        if self.maintenance.as_ref().is_some_and(|maintenance| maintenance.excuses(at)) {
            return Excuse::Maintenance;
        }
        Excuse::None
    }

    fn check(&self) -> Result<(), InvalidValue> {
        for (what, duration) in [("interval", self.interval), ("timeout", self.timeout)] {
            if duration.is_zero() {
                return Err(InvalidValue::new(what, "0s", "longer than nothing"));
            }
        }
        let durations = [
            ("interval", self.interval),
            ("timeout", self.timeout),
            ("backoff", self.longest_interval),
            ("initial delay", self.initial_delay),
            ("staleness limit", self.stale_after),
        ];
        for (what, duration) in durations {
            if duration > LONGEST {
                return Err(InvalidValue::new(what, format_args!("{duration:?}"), "at most 366 days"));
            }
        }
        for (what, runs) in
            [("failure threshold", self.failure_threshold), ("recovery threshold", self.recovery_threshold)]
        {
            if runs == 0 {
                return Err(InvalidValue::new(what, runs, "at least 1 run"));
            }
        }
        if self.longest_interval < self.interval {
            let shown = format!("{:?}", self.longest_interval);
            return Err(InvalidValue::new("backoff", shown, "at least the interval"));
        }
        let longest_stretched = self.longest_interval.saturating_mul(self.stretch);
        if longest_stretched > LONGEST {
            let rule = "at most 366 days, multiplied by the replicas if it is shared";
            return Err(InvalidValue::new("interval", format_args!("{longest_stretched:?}"), rule));
        }
        if self.stale_after < longest_stretched.saturating_add(self.timeout) {
            let shown = format!("{:?}", self.stale_after);
            let rule = "at least the longest interval, multiplied by the replicas if it is shared, and a timeout";
            return Err(InvalidValue::new("staleness limit", shown, rule));
        }
        self.tags.iter().try_for_each(|tag| check_name("tag", tag))?;
        #[cfg(feature = "maintenance")]
        self.maintenance.as_ref().map_or(Ok(()), Maintenance::check)?;
        check_name("dependency name", &self.dependency)
    }
}
