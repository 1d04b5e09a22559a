//! The metrics of the checks.

use std::time::Duration;

use super::settings::Settings;
use super::state::Excuse;
use super::status::{Gates, Status};
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, LabelValue, Meter, Unit};

static STATUS: Definition = Definition::gauge(
    "health_check_status",
    "1 for the status that a health check has, 0 for the others: healthy, degraded, unhealthy, unknown.",
)
.labels(&["check", "dependency", "status"]);

static INFO: Definition = Definition::gauge(
    "health_check_info",
    "Always 1: how urgent a health check is (critical, warning, info), and the fleet-wide name of what it checks.",
)
.labels(&["check", "dependency", "severity"]);

static MAINTENANCE: Definition = Definition::gauge(
    "health_check_maintenance",
    "1 while a health check's dependency is allowed to be down: inside a maintenance window or its grace. Rules look away then.",
)
.labels(&["check", "dependency"]);

static DURATION: Definition = Definition::histogram(
    "health_check_duration_seconds",
    "Time that runs of a health check took: ok, failed, timeout (aborted), panicked, stuck (still blocked after its abort).",
)
.unit(Unit::Seconds)
.labels(&["check", "outcome"]);

static LAST_SUCCESS: Definition = Definition::gauge_absent_until_set(
    "health_check_last_success_timestamp_seconds",
    "When a run of a health check last succeeded, in Unix seconds; absent until then.",
)
.unit(Unit::Seconds)
.labels(&["check"]);

static TRANSITIONS: Definition = Definition::counter(
    "health_check_transitions_total",
    "Changes of a health check's status, by the new status; those out of unknown are not counted.",
)
.labels(&["check", "to"]);

static FAILED_OPEN: Definition = Definition::counter(
    "health_gate_failed_open_total",
    "Times that readiness stopped waiting for a failing health check because it had held it back too long.",
)
.labels(&["check"]);

static CERTIFICATE: Definition = Definition::gauge_absent_until_set(
    "tls_certificate_not_after_timestamp_seconds",
    "When the TLS certificate ends that the peer of a health check showed last, in Unix seconds; absent without one.",
)
.unit(Unit::Seconds)
.labels(&["check"]);

/// Registers every definition of the slice, for those who only want to know them.
#[cfg(feature = "metrics-exporter-prometheus")]
pub(crate) fn declare(meter: &Meter) -> Result<(), DefinitionError> {
    HealthInstruments::new(meter)?;
    StallInstruments::register(meter)?;
    crate::store::lease::LeaseFamilies::register(meter)?;
    Ok(())
}

/// The registered families.
pub(super) struct HealthInstruments {
    status: Family<Gauge, 3>,
    info: Family<Gauge, 3>,
    maintenance: Family<Gauge, 2>,
    duration: Family<Histogram, 2>,
    last_success: Family<Gauge, 1>,
    transitions: Family<Counter, 2>,
    failed_open: Family<Counter, 1>,
    certificate: Family<Gauge, 1>,
}

impl HealthInstruments {
    pub(super) fn new(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            status: meter.gauge(&STATUS)?,
            info: meter.gauge(&INFO)?,
            maintenance: meter.gauge(&MAINTENANCE)?,
            duration: meter.histogram(&DURATION)?,
            last_success: meter.gauge(&LAST_SUCCESS)?,
            transitions: meter.counter(&TRANSITIONS)?,
            failed_open: meter.counter(&FAILED_OPEN)?,
            certificate: meter.gauge(&CERTIFICATE)?,
        })
    }

    /// The handles of one check; its series exist from here on.
    pub(super) fn of_check(&self, name: &str, settings: &Settings) -> CheckInstruments {
        let check = LabelValue::capped(name);
        let dependency = LabelValue::capped(&settings.dependency);
        let severity = settings.severity.as_str().into();
        self.info.series([check.clone(), dependency.clone(), severity]).set(1.0);
        let instruments = CheckInstruments {
            maintenance: self.maintenance.series([check.clone(), dependency.clone()]),
            statuses: Status::ALL
                .map(|status| self.status.series([check.clone(), dependency.clone(), status.as_str().into()])),
            durations: Ended::ALL.map(|ended| self.duration.series([check.clone(), ended.as_str().into()])),
            last_success: self.last_success.series([check.clone()]),
            transitions: TARGETS.map(|to| self.transitions.series([check.clone(), to.as_str().into()])),
            failed_open: (settings.gates == Gates::Ready).then(|| self.failed_open.series([check.clone()])),
            certificate: self.certificate.series([check]),
        };
        instruments.show(Status::Unknown);
        instruments
    }
}

static SCHEDULING_DELAY: Definition = Definition::histogram(
    "tokio_scheduling_delay_seconds",
    "Time that a task which is handed to the runtime once a second waits until it runs.",
)
.unit(Unit::Seconds)
.edges(&[0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0]);

static STALLED: Definition =
    Definition::gauge("tokio_stalled", "1 while a task has waited for a second or longer: every worker is blocked.");

static STALLS: Definition =
    Definition::counter("tokio_stalls_total", "Times that the runtime ran no task for a second or longer.");

/// The handles of the runtime's watchdog.
pub(super) struct StallInstruments {
    delay: Histogram,
    stalled: Gauge,
    stalls: Counter,
}

impl StallInstruments {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            delay: meter.histogram(&SCHEDULING_DELAY)?.series([]),
            stalled: meter.gauge(&STALLED)?.series([]),
            stalls: meter.counter(&STALLS)?.series([]),
        })
    }

    pub(super) fn delayed(&self, delay: Duration) {
        self.delay.record_duration(delay);
    }

    pub(super) fn stalled(&self) {
        self.stalls.increment();
        self.stalled.set(1.0);
    }

    pub(super) fn recovered(&self) {
        self.stalled.set(0.0);
    }
}

/// The statuses that a transition can lead to.
const TARGETS: [Status; 3] = [Status::Healthy, Status::Degraded, Status::Unhealthy];

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Ok,
    Failed,
    Timeout,
    Panicked,
    Stuck,
}

impl Ended {
    const ALL: [Self; 5] = [Self::Ok, Self::Failed, Self::Timeout, Self::Panicked, Self::Stuck];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Panicked => "panicked",
            Self::Stuck => "stuck",
        }
    }
}

/// The handles of one check.
pub(super) struct CheckInstruments {
    statuses: [Gauge; Status::ALL.len()],
    maintenance: Gauge,
    durations: [Histogram; Ended::ALL.len()],
    last_success: Gauge,
    transitions: [Counter; TARGETS.len()],
    failed_open: Option<Counter>,
    certificate: Gauge,
}

impl CheckInstruments {
    pub(super) fn show(&self, status: Status) {
        for (present, gauge) in Status::ALL.into_iter().zip(&self.statuses) {
            gauge.set(if present == status { 1.0 } else { 0.0 });
        }
    }

    pub(super) fn excuse(&self, excuse: Excuse) {
        self.maintenance.set(match excuse {
            Excuse::None => 0.0,
            Excuse::Maintenance => 1.0,
        });
    }

    pub(super) fn ran(&self, ended: Ended, took: Duration) {
        self.durations[ended as usize].record_duration(took);
    }

    pub(super) fn succeeded(&self, unix_seconds: f64) {
        self.last_success.set(unix_seconds);
    }

    pub(super) fn certificate_ends(&self, unix_seconds: f64) {
        self.certificate.set(unix_seconds);
    }

    pub(super) fn changed_to(&self, status: Status) {
        if let Some(at) = TARGETS.into_iter().position(|target| target == status) {
            self.transitions[at].increment();
        }
    }

    pub(super) fn failed_open(&self) {
        if let Some(counter) = &self.failed_open {
            counter.increment();
        }
    }
}
