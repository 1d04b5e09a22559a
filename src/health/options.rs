//! When a check runs, how its runs become a status, and what that status is for.

use std::time::{Duration, SystemTime};

use super::fleet::Fleet;
#[cfg(feature = "maintenance")]
use super::maintenance::Maintenance;
use super::runner::STUCK_AFTER;
use super::state::Excuse;
use super::status::{ComponentKind, Gates, Impact};
use crate::error::{InvalidValue, check_name};
use crate::metrics::Scope;
use crate::severity::Severity;

/// The settings of one check. What is not set comes from the check itself, then from the defaults named here.
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::health::{CheckOptions, Impact, Severity};
///
/// let options = CheckOptions::new()
///     .interval(Duration::from_secs(5))
///     .impact(Impact::Unhealthy)
///     .severity(Severity::Critical)
///     .dependency("ledger");
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "options do nothing until a check is registered with them"]
pub struct CheckOptions {
    interval: Option<Duration>,
    timeout: Option<Duration>,
    initial_delay: Option<Duration>,
    failure_threshold: Option<u32>,
    recovery_threshold: Option<u32>,
    stale_after: Option<Duration>,
    impact: Option<Impact>,
    severity: Option<Severity>,
    gates: Option<Gates>,
    kind: Option<ComponentKind>,
    tags: Vec<String>,
    dependency: Option<String>,
    backoff: Option<Duration>,
    scope: Option<Scope>,
    #[cfg(feature = "maintenance")]
    maintenance: Option<Maintenance>,
}

impl CheckOptions {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// From the start of one run to the next, at most; a run comes up to a tenth earlier, at random, so that replicas
    /// do not march in step. Default: 15 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// How long a run may take before it is aborted and counts as failed. Default: 3 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long after the start the first run waits. Default: none.
    pub fn initial_delay(mut self, initial_delay: Duration) -> Self {
        self.initial_delay = Some(initial_delay);
        self
    }

    /// Spares a dependency that stays down: each run that finds it so doubles the interval to the next one, up to
    /// `longest`. One success restores the usual interval. Default: none.
    pub fn backoff(mut self, longest: Duration) -> Self {
        self.backoff = Some(longest);
        self
    }

    /// How many runs in a row must fail before the check is unhealthy. Default: 3.
    pub fn failure_threshold(mut self, runs: u32) -> Self {
        self.failure_threshold = Some(runs);
        self
    }

    /// How many runs in a row must succeed before an unhealthy check is believed again. Default: 2.
    pub fn recovery_threshold(mut self, runs: u32) -> Self {
        self.recovery_threshold = Some(runs);
        self
    }

    /// The age at which a result stops being one. Default: three of the longest intervals, of a shared check those of all
    /// replicas, and a timeout.
    pub fn stale_after(mut self, stale_after: Duration) -> Self {
        self.stale_after = Some(stale_after);
        self
    }

    /// What an unhealthy check does to `/health`. Default: [`Impact::Degraded`].
    pub fn impact(mut self, impact: Impact) -> Self {
        self.impact = Some(impact);
        self
    }

    /// How urgent it is for people. Default: [`Severity::Warning`].
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Whether it can make `/health/ready` say no. Default: [`Gates::None`].
    pub fn gates(mut self, gates: Gates) -> Self {
        self.gates = Some(gates);
        self
    }

    /// What sort of thing it is, for people who read the details. Default: [`ComponentKind::Component`].
    pub fn kind(mut self, kind: ComponentKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Adds the check to a group, which `/health?tag=…` asks for. Default: in none.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// The name that all services of a fleet give to the thing behind the check, so that one outage is one incident.
    /// Two databases that fail apart need two names. Default: the check's name.
    pub fn dependency(mut self, name: impl Into<String>) -> Self {
        self.dependency = Some(name.into());
        self
    }

    /// Whether each replica runs the check, or one of them for all. Default: [`Scope::Instance`].
    ///
    /// ```
    /// use aistm7_monitoring::health::{CheckOptions, Scope};
    ///
    /// let options = CheckOptions::new().scope(Scope::Shared); // and `MonitoringBuilder::lease`, or `replicas`
    /// # let _ = options;
    /// ```
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// When the dependency may be down: a failure inside a window makes the check degraded, not unhealthy. Default:
    /// never.
    #[cfg(feature = "maintenance")]
    pub fn maintenance(mut self, maintenance: impl Into<Maintenance>) -> Self {
        self.maintenance = Some(maintenance.into());
        self
    }

    /// How long an outage can last before the status says so, with these settings: the fault comes just after a run has
    /// looked, and every run from then on takes its whole timeout and blocks its thread until it is given up.
    ///
    /// ```
    /// use std::time::Duration;
    /// use aistm7_monitoring::health::CheckOptions;
    ///
    /// let options = CheckOptions::new().interval(Duration::from_secs(30)).timeout(Duration::from_secs(5)).failure_threshold(2);
    /// // A whole interval, a third of one until the second run, and what that takes.
    /// assert_eq!(options.detected_within(), Duration::from_secs(30 + 10 + 5 + 1));
    /// ```
    pub fn detected_within(&self) -> Duration {
        self.basics().detected_within()
    }

    /// How many runs there are at most in a time while nothing fails: the load on the dependency, by each process, or, for
    /// a shared check, by all replicas of the service.
    pub fn runs_within(&self, time: Duration) -> u64 {
        let shortest = self.basics().interval.mul_f64(1.0 - EARLIER_AT_MOST);
        // The cast saturates, also for an interval of nothing, which no check is registered with.
        time.div_duration_f64(shortest).ceil() as u64
    }

    /// These settings, and `fallback` where nothing is set.
    pub fn or(self, fallback: Self) -> Self {
        Self {
            interval: self.interval.or(fallback.interval),
            timeout: self.timeout.or(fallback.timeout),
            initial_delay: self.initial_delay.or(fallback.initial_delay),
            failure_threshold: self.failure_threshold.or(fallback.failure_threshold),
            recovery_threshold: self.recovery_threshold.or(fallback.recovery_threshold),
            stale_after: self.stale_after.or(fallback.stale_after),
            impact: self.impact.or(fallback.impact),
            severity: self.severity.or(fallback.severity),
            gates: self.gates.or(fallback.gates),
            kind: self.kind.or(fallback.kind),
            tags: if self.tags.is_empty() { fallback.tags } else { self.tags },
            backoff: self.backoff.or(fallback.backoff),
            dependency: self.dependency.or(fallback.dependency),
            scope: self.scope.or(fallback.scope),
            #[cfg(feature = "maintenance")]
            maintenance: self.maintenance.or(fallback.maintenance),
        }
    }

    fn basics(&self) -> Basics {
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
struct Basics {
    interval: Duration,
    timeout: Duration,
    failure_threshold: u32,
}

impl Basics {
    fn detected_within(self) -> Duration {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_wins_over_the_fallback() {
        let own = CheckOptions::new().interval(Duration::from_secs(30)).severity(Severity::Critical);
        let given = CheckOptions::new().interval(Duration::from_secs(1));
        let settings = given.or(own).resolve("ibkr").unwrap();
        assert_eq!(settings.interval, Duration::from_secs(1));
        assert_eq!(settings.severity, Severity::Critical);
        assert_eq!(settings.stale_after, Duration::from_secs(6));
        assert_eq!(settings.dependency, "ibkr");
    }

    #[test]
    fn settings_that_cannot_be_are_refused_by_name() {
        let zero = Duration::ZERO;
        for (options, what) in [
            (CheckOptions::new().interval(zero), "interval"),
            (CheckOptions::new().interval(Duration::MAX), "interval"),
            (CheckOptions::new().timeout(zero), "timeout"),
            (CheckOptions::new().initial_delay(Duration::MAX), "initial delay"),
            (CheckOptions::new().failure_threshold(0), "failure threshold"),
            (CheckOptions::new().recovery_threshold(0), "recovery threshold"),
            (CheckOptions::new().stale_after(Duration::from_secs(1)), "staleness limit"),
            (CheckOptions::new().dependency("Main DB"), "dependency name"),
        ] {
            assert_eq!(options.resolve("x").unwrap_err().what(), what);
        }
    }
}
