//! The definitions of portfolio metrics and their families.

use std::sync::Arc;

use crate::business::instruments::CALCULATION_EDGES;
use crate::business::quota::Spending;
use crate::business::sampled::StateFamily;
use crate::clock::Clock;
use crate::metrics::{Collected, Counter, Definition, DefinitionError, Family, Gauge, Histogram, Meter, Unit};
use crate::work::{Base, PerName};

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

static OLDEST_BREAK: Definition = Definition::gauge_absent_until_set(
    "portfolio_oldest_break_timestamp_seconds",
    "Unix time since which the oldest of the open breaks is open; absent when none is.",
)
.unit(Unit::Seconds)
.labels(&["reference"]);

static OLDEST_BREAK_DUE: Definition = Definition::gauge_absent_until_set(
    "portfolio_oldest_break_due_timestamp_seconds",
    "Unix time at which the oldest of the open breaks has been open for 24 hours without Saturdays and Sundays in UTC.",
)
.unit(Unit::Seconds)
.labels(&["reference"]);

static UNRECONCILED: Definition = Definition::gauge_absent_until_set(
    "portfolio_unreconciled_amount",
    "Sum of the open breaks in units of their currency: gross whatever their signs, net with them, ours less the reference's.",
)
.labels(&["reference", "currency", "sum"]);

static NAV_COVERAGE: Definition = Definition::gauge_absent_until_set(
    "portfolio_nav_coverage_ratio",
    "The share of the net asset value that was compared with the reference.",
)
.unit(Unit::Ratio)
.labels(&["reference"]);

static QUOTA_LIMIT: Definition =
    Definition::gauge_absent_until_set("portfolio_api_quota_limit", "Calls that a provider allows within its window.")
        .labels(&["provider"]);

static QUOTA_WINDOW: Definition = Definition::gauge_absent_until_set(
    "portfolio_api_quota_window_seconds",
    "The time within which a provider allows so many calls.",
)
.unit(Unit::Seconds)
.labels(&["provider"]);

static QUOTA_USED: Definition = Definition::gauge_absent_until_set(
    "portfolio_api_quota_used",
    "Calls of a provider by this process within its window.",
)
.labels(&["provider"]);

static QUOTA_HEADROOM: Definition = Definition::gauge_absent_until_set(
    "portfolio_api_quota_headroom_ratio",
    "1 less the share of a provider's quota that this process has used; below 0 beyond it.",
)
.unit(Unit::Ratio)
.labels(&["provider"]);

static API_CALLS: Definition =
    Definition::counter("portfolio_api_calls_total", "Calls of providers, by operation and outcome.").labels(&[
        "provider",
        "operation",
        "outcome",
    ]);

static SYNCS: Definition =
    Definition::counter("portfolio_syncs_total", "Full synchronisations of portfolios, by source and outcome.")
        .labels(&["source", "outcome"]);

/// What is sampled of the books.
#[derive(Clone, Debug)]
pub(super) struct Books {
    pub(super) base: Base,
    pub(super) open_breaks: StateFamily<2>,
    pub(super) oldest_break: Collected<f64, 1>,
    pub(super) oldest_break_due: Collected<f64, 1>,
    pub(super) unreconciled: Collected<f64, 3>,
    pub(super) nav_coverage: Collected<f64, 1>,
}

impl Books {
    fn register(meter: &Meter, base: &Base) -> Result<Self, DefinitionError> {
        Ok(Self {
            base: base.clone(),
            open_breaks: StateFamily::new(meter.gauge_or_collected(&OPEN_BREAKS)?),
            oldest_break: meter.collected(&OLDEST_BREAK)?,
            oldest_break_due: meter.collected(&OLDEST_BREAK_DUE)?,
            unreconciled: meter.collected(&UNRECONCILED)?,
            nav_coverage: meter.collected(&NAV_COVERAGE)?,
        })
    }
}

#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) meter: Meter,
    pub(super) base: Base,
    pub(super) books: Books,
    pub(super) spending: PerName<Arc<Spending>>,
    pub(super) calculation_duration: Family<Histogram, 2>,
    pub(super) updates: Family<Counter, 2>,
    pub(super) last_update: Family<Gauge, 1>,
    pub(super) expected_interval: Family<Gauge, 1>,
    pub(super) data_deviation: Family<Histogram, 2>,
    pub(super) data_checks: Family<Counter, 3>,
    pub(super) quota_limit: Family<Gauge, 1>,
    pub(super) quota_window: Family<Gauge, 1>,
    pub(super) quota_used: Family<Gauge, 1>,
    pub(super) quota_headroom: Family<Gauge, 1>,
    pub(super) api_calls: Family<Counter, 3>,
    pub(super) syncs: Family<Counter, 2>,
}

impl Instruments {
    pub(super) fn register(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        let base = Base::new(meter, clock);
        Ok(Self {
            meter: meter.clone(),
            books: Books::register(meter, &base)?,
            base,
            spending: PerName::new(),
            calculation_duration: meter.histogram(&CALCULATION_DURATION)?,
            updates: meter.counter(&UPDATES)?,
            last_update: meter.gauge(&LAST_UPDATE)?,
            expected_interval: meter.gauge(&EXPECTED_INTERVAL)?,
            data_deviation: meter.histogram(&DATA_DEVIATION)?,
            data_checks: meter.counter(&DATA_CHECKS)?,
            quota_limit: meter.gauge(&QUOTA_LIMIT)?,
            quota_window: meter.gauge(&QUOTA_WINDOW)?,
            quota_used: meter.gauge(&QUOTA_USED)?,
            quota_headroom: meter.gauge(&QUOTA_HEADROOM)?,
            api_calls: meter.counter(&API_CALLS)?,
            syncs: meter.counter(&SYNCS)?,
        })
    }
}
