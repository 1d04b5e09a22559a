//! What is measured of collectors.

use std::time::Duration;

use crate::metrics::{Counter, Definition, DefinitionError, Gauge, Histogram, LabelValue, Meter, Unit};

static DURATION: Definition = Definition::histogram(
    "monitoring_collector_duration_seconds",
    "Time that runs of a collector took, however they ended.",
)
.labels(&["collector"])
.unit(Unit::Seconds)
.edges(&[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0]);

static RUNS: Definition = Definition::counter(
    "monitoring_collector_runs_total",
    "Runs of a collector by outcome: ok, failed, panicked, late (not ended within the budget, or, unawaited, when the next \
     one was due; so is one that hangs), not_started (the system gave no thread).",
)
.labels(&["collector", "outcome"]);

static LAST_SUCCESS: Definition = Definition::gauge_absent_until_set(
    "monitoring_collector_last_success_timestamp_seconds",
    "When a run of a collector last succeeded, late or not, in Unix seconds; absent until then.",
)
.labels(&["collector"])
.unit(Unit::Seconds);

/// What became of a run that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Failed,
    Panicked,
    /// It had not ended when it should have. Told by the gather that finds it so, since it may never end.
    Late,
    NotStarted,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Ok, Self::Failed, Self::Panicked, Self::Late, Self::NotStarted];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::Late => "late",
            Self::NotStarted => "not_started",
        }
    }
}

/// The handles of one collector.
pub(super) struct CollectorInstruments {
    duration: Histogram,
    runs: [Counter; Outcome::ALL.len()],
    last_success: Gauge,
}

impl CollectorInstruments {
    pub(super) fn register(meter: &Meter, name: &str) -> Result<Self, DefinitionError> {
        let collector = LabelValue::capped(name);
        let runs = meter.counter(&RUNS)?;
        Ok(Self {
            duration: meter.histogram(&DURATION)?.series([collector.clone()]),
            runs: Outcome::ALL.map(|outcome| runs.series([collector.clone(), outcome.as_str().into()])),
            last_success: meter.gauge(&LAST_SUCCESS)?.series([collector]),
        })
    }

    pub(super) fn became(&self, outcome: Outcome) {
        self.runs[outcome as usize].increment();
    }

    pub(super) fn took(&self, duration: Duration) {
        self.duration.record_duration(duration);
    }

    pub(super) fn succeeded(&self, unix_seconds: f64) {
        self.last_success.set(unix_seconds);
    }
}
