//! The definitions of portfolio metrics and their families.

use crate::business::instruments::CALCULATION_EDGES;
use crate::clock::Clock;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, Meter, Unit};
use crate::work::Base;

static CALCULATION_DURATION: Definition = Definition::histogram(
    "portfolio_calculation_duration_seconds",
    "Time that portfolio calculations took, by outcome.",
)
.unit(Unit::Seconds)
.labels(&["calculation", "outcome"])
.edges(CALCULATION_EDGES);

static UPDATES: Definition =
    Definition::counter("portfolio_updates_total", "Updates of portfolio data, by source and outcome.")
        .labels(&["source", "outcome"]);

static LAST_UPDATE: Definition = Definition::gauge_absent_until_set(
    "portfolio_last_update_timestamp_seconds",
    "Unix time of the last successful update of portfolio data.",
)
.unit(Unit::Seconds)
.labels(&["source"]);

static EXPECTED_INTERVAL: Definition = Definition::gauge_absent_until_set(
    "portfolio_update_expected_interval_seconds",
    "How often an update of portfolio data is expected; 0 when none is expected now.",
)
.unit(Unit::Seconds)
.labels(&["source"]);

/// From a tenth of a basis point, which is rounding, to a tenth of the portfolio; 25 basis points is what is alerted on.
static DATA_DEVIATION: Definition = Definition::histogram(
    "portfolio_data_deviation_ratio",
    "Absolute difference between our value and the reference's, as a fraction of the gross exposure.",
)
.unit(Unit::Ratio)
.labels(&["source", "reference"])
.edges(&[0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1]);

static DATA_CHECKS: Definition =
    Definition::counter("portfolio_data_checks_total", "Comparisons of portfolio data with a reference, by result.")
        .labels(&["source", "reference", "result"]);

static OPEN_BREAKS: Definition = Definition::gauge_absent_until_set(
    "portfolio_open_breaks",
    "Differences from the reference that are not resolved yet, as of the last reconciliation.",
)
.labels(&["reference", "component"]);

static API_CALLS: Definition =
    Definition::counter("portfolio_api_calls_total", "Calls of providers, by operation and outcome.").labels(&[
        "provider",
        "operation",
        "outcome",
    ]);

static SYNCS: Definition =
    Definition::counter("portfolio_syncs_total", "Full synchronisations of portfolios, by source and outcome.")
        .labels(&["source", "outcome"]);

#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) base: Base,
    pub(super) calculation_duration: Family<Histogram, 2>,
    pub(super) updates: Family<Counter, 2>,
    pub(super) last_update: Family<Gauge, 1>,
    pub(super) expected_interval: Family<Gauge, 1>,
    pub(super) data_deviation: Family<Histogram, 2>,
    pub(super) data_checks: Family<Counter, 3>,
    pub(super) open_breaks: Family<Gauge, 2>,
    pub(super) api_calls: Family<Counter, 3>,
    pub(super) syncs: Family<Counter, 2>,
}

impl Instruments {
    pub(super) fn register(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        Ok(Self {
            base: Base::new(meter, clock),
            calculation_duration: meter.histogram(&CALCULATION_DURATION)?,
            updates: meter.counter(&UPDATES)?,
            last_update: meter.gauge(&LAST_UPDATE)?,
            expected_interval: meter.gauge(&EXPECTED_INTERVAL)?,
            data_deviation: meter.histogram(&DATA_DEVIATION)?,
            data_checks: meter.counter(&DATA_CHECKS)?,
            open_breaks: meter.gauge(&OPEN_BREAKS)?,
            api_calls: meter.counter(&API_CALLS)?,
            syncs: meter.counter(&SYNCS)?,
        })
    }
}
