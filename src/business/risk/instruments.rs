//! The definitions of risk metrics and their families.

use super::batch::Batches;
use super::oversight::Oversight;
use super::var::VarTests;
use crate::business::instruments::CALCULATION_EDGES;
use crate::clock::Clock;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, Meter, Unit};
use crate::work::{Base, PerName};

static EXECUTION_DURATION: Definition =
    Definition::histogram("risk_model_execution_duration_seconds", "Time that executions of a model took, by outcome.")
        .unit(Unit::Seconds)
        .labels(&["model", "outcome"])
        .edges(CALCULATION_EDGES);

static CPU: Definition = Definition::counter(
    "risk_model_cpu_seconds_total",
    "Processor time of a model, as far as its callers measure and report it.",
)
.unit(Unit::Seconds)
.labels(&["model"]);

static FAILURES: Definition = Definition::counter(
    "risk_calculation_failures_total",
    "Failed and panicked executions of a model, by reason and by whose fault it is.",
)
.labels(&["model", "reason", "fault"]);

/// One dispersion is where a good forecast mostly stays; past three something is wrong with it or with the world.
static PREDICTION_ERROR: Definition = Definition::histogram(
    "risk_prediction_error_ratio",
    "Absolute error of a forecast in units of the dispersion that it came with.",
)
.unit(Unit::Ratio)
.labels(&["model", "horizon"])
.edges(&[0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 10.0]);

static PREDICTION_BIAS: Definition = Definition::counter(
    "risk_prediction_bias_total",
    "Forecasts of a model by the side on which they were wrong: a model without bias errs on both alike.",
)
.labels(&["model", "sign"]);

/// Chosen: from a second to half a day.
static BATCH_DURATION: Definition =
    Definition::histogram("risk_batch_duration_seconds", "Time that runs of a batch took, by outcome.")
        .unit(Unit::Seconds)
        .labels(&["batch", "outcome"])
        .edges(&[1.0, 5.0, 15.0, 60.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0, 43_200.0]);

static BATCH_RUNNING: Definition =
    Definition::gauge("risk_batch_running", "Runs of a batch that are under way in this process.").labels(&["batch"]);

static BATCH_STARTED: Definition = Definition::gauge_absent_until_set(
    "risk_batch_started_timestamp_seconds",
    "Unix time at which the latest run of a batch started.",
)
.unit(Unit::Seconds)
.labels(&["batch"]);

static BATCH_LAST_SUCCESS: Definition = Definition::gauge_absent_until_set(
    "risk_batch_last_success_timestamp_seconds",
    "Unix time at which a run of a batch last succeeded.",
)
.unit(Unit::Seconds)
.labels(&["batch"]);

static BATCH_DEADLINE: Definition = Definition::gauge_absent_until_set(
    "risk_batch_deadline_timestamp_seconds",
    "Unix time by which a batch must have succeeded again.",
)
.unit(Unit::Seconds)
.labels(&["batch"]);

static BATCH_ITEMS: Definition =
    Definition::counter("risk_batch_items_total", "Items of a batch, by outcome.").labels(&["batch", "outcome"]);

static BATCH_ITEMS_EXPECTED: Definition = Definition::gauge_absent_until_set(
    "risk_batch_items_expected",
    "Items that the latest run of a batch has to do in all.",
)
.labels(&["batch"]);

static BATCH_PROGRESS: Definition = Definition::gauge_absent_until_set(
    "risk_batch_progress_ratio",
    "The share of the expected items that have ended in the present run; absent without a run.",
)
.unit(Unit::Ratio)
.labels(&["batch"]);

static BATCH_TIME_LEFT: Definition = Definition::gauge_absent_until_set(
    "risk_batch_time_left_seconds",
    "Time that the rest of the present run takes at the pace so far; absent without a run and before its first item.",
)
.unit(Unit::Seconds)
.labels(&["batch"]);

#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) meter: Meter,
    pub(super) base: Base,
    pub(super) execution_duration: Family<Histogram, 2>,
    pub(super) cpu: Family<Counter, 1>,
    pub(super) failures: Family<Counter, 3>,
    pub(super) prediction_error: Family<Histogram, 2>,
    pub(super) prediction_bias: Family<Counter, 2>,
    pub(super) var_tests: VarTests,
    pub(super) oversight: Oversight,
    pub(super) batch_duration: Family<Histogram, 2>,
    pub(super) batch_running: Family<Gauge, 1>,
    pub(super) batch_started: Family<Gauge, 1>,
    pub(super) batch_last_success: Family<Gauge, 1>,
    pub(super) batch_deadline: Family<Gauge, 1>,
    pub(super) batch_items: Family<Counter, 2>,
    pub(super) batch_items_expected: Family<Gauge, 1>,
    pub(super) batch_progress: Family<Gauge, 1>,
    pub(super) batch_time_left: Family<Gauge, 1>,
    pub(super) batches: PerName<Batches>,
}

impl Instruments {
    pub(super) fn register(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        Ok(Self {
            meter: meter.clone(),
            base: Base::new(meter, clock),
            execution_duration: meter.histogram(&EXECUTION_DURATION)?,
            cpu: meter.counter(&CPU)?,
            failures: meter.counter(&FAILURES)?,
            prediction_error: meter.histogram(&PREDICTION_ERROR)?,
            prediction_bias: meter.counter(&PREDICTION_BIAS)?,
            var_tests: VarTests::register(meter)?,
            oversight: Oversight::register(meter)?,
            batch_duration: meter.histogram(&BATCH_DURATION)?,
            batch_running: meter.gauge(&BATCH_RUNNING)?,
            batch_started: meter.gauge(&BATCH_STARTED)?,
            batch_last_success: meter.gauge(&BATCH_LAST_SUCCESS)?,
            batch_deadline: meter.gauge(&BATCH_DEADLINE)?,
            batch_items: meter.counter(&BATCH_ITEMS)?,
            batch_items_expected: meter.gauge(&BATCH_ITEMS_EXPECTED)?,
            batch_progress: meter.gauge(&BATCH_PROGRESS)?,
            batch_time_left: meter.gauge(&BATCH_TIME_LEFT)?,
            batches: PerName::new(),
        })
    }
}
