//! When a check runs, how its runs become a status, and what that status is for.

use std::time::Duration;

#[cfg(feature = "maintenance")]
use super::maintenance::Maintenance;
use super::settings::EARLIER_AT_MOST;
use super::status::{ComponentKind, Gates, Impact};
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
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    pub(super) initial_delay: Option<Duration>,
    pub(super) failure_threshold: Option<u32>,
    pub(super) recovery_threshold: Option<u32>,
    pub(super) stale_after: Option<Duration>,
    pub(super) impact: Option<Impact>,
    pub(super) severity: Option<Severity>,
    pub(super) gates: Option<Gates>,
    pub(super) kind: Option<ComponentKind>,
    pub(super) tags: Vec<String>,
    pub(super) dependency: Option<String>,
    pub(super) backoff: Option<Duration>,
    pub(super) scope: Option<Scope>,
    #[cfg(feature = "maintenance")]
    pub(super) maintenance: Option<Maintenance>,
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
