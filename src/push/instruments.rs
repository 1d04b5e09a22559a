//! Metrics of short-lived jobs: gauges that say how the last run was, as Prometheus advises for batch jobs.
//!
//! The label is `job_name`, because `job` is the label of a target: a scrape would rename it.

use std::time::Duration;

use super::outcome::Outcome;
use crate::metrics::{Definition, DefinitionError, Family, Gauge, LabelValue, Meter, Unit};

/// The label that says which job a series is about.
pub(super) const JOB_NAME: &str = "job_name";

static LAST_START: Definition = Definition::gauge_absent_until_set(
    "job_last_start_timestamp_seconds",
    "Unix time at which the last run of a short-lived job started.",
)
.labels(&[JOB_NAME])
.unit(Unit::Seconds);

static LAST_COMPLETION: Definition = Definition::gauge_absent_until_set(
    "job_last_completion_timestamp_seconds",
    "Unix time at which the last run of a short-lived job ended, whatever its outcome.",
)
.labels(&[JOB_NAME])
.unit(Unit::Seconds);

static LAST_SUCCESS: Definition = Definition::gauge_absent_until_set(
    "job_last_success_timestamp_seconds",
    "Unix time at which a run of a short-lived job last succeeded.",
)
.labels(&[JOB_NAME])
.unit(Unit::Seconds);

static LAST_DURATION: Definition = Definition::gauge_absent_until_set(
    "job_last_duration_seconds",
    "How long the last run of a short-lived job took, whatever its outcome.",
)
.labels(&[JOB_NAME])
.unit(Unit::Seconds);

static LAST_OUTCOME: Definition = Definition::gauge_absent_until_set(
    "job_last_outcome",
    "1 for the outcome of the last run of a short-lived job, 0 for the others.",
)
.labels(&[JOB_NAME, "outcome"]);

static EXPECTED_INTERVAL: Definition = Definition::gauge_absent_until_set(
    "job_expected_interval_seconds",
    "How often a short-lived job is expected to succeed.",
)
.labels(&[JOB_NAME])
.unit(Unit::Seconds);

/// Whether a run knows the metric when it starts.
pub(super) fn is_known_at_start(metric: &str) -> bool {
    [&LAST_START, &EXPECTED_INTERVAL].iter().any(|definition| definition.name() == metric)
}

/// Whether the metric has a series for each job.
pub(super) fn is_about_jobs(metric: &str) -> bool {
    let known_at_end = [&LAST_COMPLETION, &LAST_SUCCESS, &LAST_DURATION, &LAST_OUTCOME];
    is_known_at_start(metric) || known_at_end.iter().any(|definition| definition.name() == metric)
}

/// The families of all jobs.
#[derive(Debug)]
pub(super) struct Instruments {
    start: Family<Gauge, 1>,
    completion: Family<Gauge, 1>,
    success: Family<Gauge, 1>,
    duration: Family<Gauge, 1>,
    outcome: Family<Gauge, 2>,
    expected: Family<Gauge, 1>,
}

impl Instruments {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            start: meter.gauge(&LAST_START)?,
            completion: meter.gauge(&LAST_COMPLETION)?,
            success: meter.gauge(&LAST_SUCCESS)?,
            duration: meter.gauge(&LAST_DURATION)?,
            outcome: meter.gauge(&LAST_OUTCOME)?,
            expected: meter.gauge(&EXPECTED_INTERVAL)?,
        })
    }

    /// The series of one job.
    pub(super) fn of(&self, job: &str) -> JobInstruments {
        let job = LabelValue::capped(job);
        let of_job = |family: &Family<Gauge, 1>| family.series([job.clone()]);
        JobInstruments {
            start: of_job(&self.start),
            completion: of_job(&self.completion),
            success: of_job(&self.success),
            duration: of_job(&self.duration),
            outcomes: Outcome::ALL
                .map(|outcome| (outcome, self.outcome.series([job.clone(), outcome.as_str().into()]))),
            expected: of_job(&self.expected),
        }
    }
}

/// The series of one job.
#[derive(Clone, Debug)]
pub(super) struct JobInstruments {
    start: Gauge,
    completion: Gauge,
    success: Gauge,
    duration: Gauge,
    outcomes: [(Outcome, Gauge); Outcome::ALL.len()],
    expected: Gauge,
}

impl JobInstruments {
    pub(super) fn expect_every(&self, interval: Duration) {
        self.expected.set(interval.as_secs_f64());
    }

    /// A run has started at this Unix time.
    pub(super) fn started(&self, at: f64) {
        self.start.set(at);
    }

    /// A run has ended at this Unix time.
    pub(super) fn ended(&self, outcome: Outcome, at: f64, took: Duration) {
        self.completion.set(at);
        self.duration.set(took.as_secs_f64());
        for (possible, gauge) in &self.outcomes {
            gauge.set(f64::from(u8::from(*possible == outcome)));
        }
        if outcome == Outcome::Ok {
            self.success.set(at);
        }
    }
}
