//! The definitions of token metrics and their families.

use std::sync::Arc;

use super::quotes::Quotes;
use crate::business::sampled::StateFamily;
use crate::clock::Clock;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, Meter, Unit};
use crate::work::{Base, PerName};

static PRICE_UPDATES: Definition =
    Definition::counter("token_price_updates_total", "Price updates of a token by source, taken and rejected ones.")
        .labels(&["token", "source", "outcome"]);

static PRICE_LAST_UPDATE: Definition = Definition::gauge_absent_until_set(
    "token_price_last_update_timestamp_seconds",
    "Unix time at which a price of the token was last taken.",
)
.unit(Unit::Seconds)
.labels(&["token"]);

static PRICE_EXPECTED_INTERVAL: Definition = Definition::gauge_absent_until_set(
    "token_price_update_expected_interval_seconds",
    "How often a price of the token is expected; 0 when none is expected now.",
)
.unit(Unit::Seconds)
.labels(&["token"]);

static PRICE_SOURCE_LAST_UPDATE: Definition = Definition::gauge_absent_until_set(
    "token_price_source_last_update_timestamp_seconds",
    "Unix time at which a price of the token was last taken from a source.",
)
.unit(Unit::Seconds)
.labels(&["token", "source"]);

static PRICE_OUTLIERS: Definition = Definition::counter(
    "token_price_outliers_total",
    "Prices that were not taken since they are too far from what a rule allows, by the rule.",
)
.labels(&["token", "source", "rule"]);

static PRICE_DIVERGENCE: Definition = Definition::gauge_absent_until_set(
    "token_price_divergence_ratio",
    "The highest fresh price of a token over the lowest of another source, less 1.",
)
.unit(Unit::Ratio)
.labels(&["token"]);

static REQUIREMENT_ADJUSTMENTS: Definition =
    Definition::counter("token_requirement_adjustments_total", "Changes of what a tier requires, by direction.")
        .labels(&["tier", "direction", "outcome"]);

static REQUIREMENT_AMOUNT: Definition =
    Definition::gauge_absent_until_set("token_requirement_amount", "Tokens that a tier requires.").labels(&["tier"]);

static REQUIREMENT_LAST_UPDATE: Definition = Definition::gauge_absent_until_set(
    "token_requirement_last_update_timestamp_seconds",
    "Unix time at which a tier's requirement was last determined.",
)
.unit(Unit::Seconds)
.labels(&["tier"]);

static REQUIREMENT_EXPECTED_INTERVAL: Definition = Definition::gauge_absent_until_set(
    "token_requirement_update_expected_interval_seconds",
    "How often a tier's requirement is expected to be determined; 0 when that is not expected now.",
)
.unit(Unit::Seconds)
.labels(&["tier"]);

static GRACE_ACTIVE: Definition =
    Definition::gauge_absent_until_set("token_grace_periods_active", "Grace periods that are running.")
        .labels(&["tier"]);

static GRACE_EXPIRING: Definition =
    Definition::gauge_absent_until_set("token_grace_periods_expiring", "Grace periods that end within 24 hours.")
        .labels(&["tier"]);

static GRACE_PAUSED: Definition = Definition::gauge_absent_until_set(
    "token_grace_periods_paused",
    "Grace periods that stand still because the balance cannot be verified.",
)
.labels(&["tier"]);

static GRACE_OVERDUE: Definition = Definition::gauge_absent_until_set(
    "token_grace_periods_overdue",
    "Grace periods past their end whose access is still granted.",
)
.labels(&["tier"]);

static GRACE_STARTED: Definition =
    Definition::counter("token_grace_periods_started_total", "Grace periods that started, by cause.")
        .labels(&["tier", "cause"]);

static GRACE_ENDED: Definition =
    Definition::counter("token_grace_periods_ended_total", "Grace periods that ended, by result.")
        .labels(&["tier", "result"]);

static GRACE_UTILIZATION: Definition = Definition::histogram(
    "token_grace_period_utilization_ratio",
    "The share of a grace period that was used when it ended.",
)
.unit(Unit::Ratio)
.labels(&["tier"])
.edges(&[0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0]);

static HOLDERS: Definition =
    Definition::gauge_absent_until_set("token_holders", "Users of a tier: eligible, in a grace period, or expired.")
        .labels(&["tier", "state"]);

/// A slot is 0.4 seconds; behind by 150, a node counts as unhealthy with its own operators.
static BALANCE_SLOT_LAG: Definition =
    Definition::histogram("token_balance_slot_lag", "Slots that verified balances were behind the chain.")
        .edges(&[0.0, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 150.0, 500.0, 1_000.0]);

static BALANCE_VERIFICATION: Definition = Definition::histogram(
    "token_balance_verification_duration_seconds",
    "Time that it took to learn a balance from the chain, by outcome.",
)
.unit(Unit::Seconds)
.labels(&["outcome"]);

static ACCESS_DECISIONS: Definition =
    Definition::counter("token_access_decisions_total", "Decisions on access, by what they rest on and why.")
        .labels(&["decision", "basis", "reason"]);

/// The states of grace periods, of which one may be in several.
#[derive(Clone, Debug)]
pub(super) struct GraceStates {
    active: StateFamily<1>,
    expiring: StateFamily<1>,
    paused: StateFamily<1>,
    overdue: StateFamily<1>,
}

impl GraceStates {
    /// As the counts of the states are.
    pub(super) fn in_order(&self) -> [&StateFamily<1>; 4] {
        [&self.active, &self.expiring, &self.paused, &self.overdue]
    }
}

fn state<const N: usize>(meter: &Meter, definition: &Definition) -> Result<StateFamily<N>, DefinitionError> {
    meter.gauge_or_collected(definition).map(StateFamily::new)
}

#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) meter: Meter,
    pub(super) base: Base,
    pub(super) quotes: PerName<Arc<Quotes>>,
    pub(super) price_updates: Family<Counter, 3>,
    pub(super) price_last_update: Family<Gauge, 1>,
    pub(super) price_expected_interval: Family<Gauge, 1>,
    pub(super) price_source_last_update: Family<Gauge, 2>,
    pub(super) price_outliers: Family<Counter, 3>,
    pub(super) price_divergence: Family<Gauge, 1>,
    pub(super) requirement_adjustments: Family<Counter, 3>,
    pub(super) requirement_amount: Family<Gauge, 1>,
    pub(super) requirement_last_update: Family<Gauge, 1>,
    pub(super) requirement_expected_interval: Family<Gauge, 1>,
    pub(super) grace_states: GraceStates,
    pub(super) grace_started: Family<Counter, 2>,
    pub(super) grace_ended: Family<Counter, 2>,
    pub(super) grace_utilization: Family<Histogram, 1>,
    pub(super) holders: StateFamily<2>,
    pub(super) balance_verification: Family<Histogram, 1>,
    pub(super) balance_slot_lag: Family<Histogram, 0>,
    pub(super) access_decisions: Family<Counter, 3>,
}

impl Instruments {
    pub(super) fn register(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        Ok(Self {
            meter: meter.clone(),
            base: Base::new(meter, clock),
            quotes: PerName::new(),
            price_updates: meter.counter(&PRICE_UPDATES)?,
            price_last_update: meter.gauge(&PRICE_LAST_UPDATE)?,
            price_expected_interval: meter.gauge(&PRICE_EXPECTED_INTERVAL)?,
            price_source_last_update: meter.gauge(&PRICE_SOURCE_LAST_UPDATE)?,
            price_outliers: meter.counter(&PRICE_OUTLIERS)?,
            price_divergence: meter.gauge(&PRICE_DIVERGENCE)?,
            requirement_adjustments: meter.counter(&REQUIREMENT_ADJUSTMENTS)?,
            requirement_amount: meter.gauge(&REQUIREMENT_AMOUNT)?,
            requirement_last_update: meter.gauge(&REQUIREMENT_LAST_UPDATE)?,
            requirement_expected_interval: meter.gauge(&REQUIREMENT_EXPECTED_INTERVAL)?,
            grace_states: GraceStates {
                active: state(meter, &GRACE_ACTIVE)?,
                expiring: state(meter, &GRACE_EXPIRING)?,
                paused: state(meter, &GRACE_PAUSED)?,
                overdue: state(meter, &GRACE_OVERDUE)?,
            },
            grace_started: meter.counter(&GRACE_STARTED)?,
            grace_ended: meter.counter(&GRACE_ENDED)?,
            grace_utilization: meter.histogram(&GRACE_UTILIZATION)?,
            holders: state(meter, &HOLDERS)?,
            balance_slot_lag: meter.histogram(&BALANCE_SLOT_LAG)?,
            balance_verification: meter.histogram(&BALANCE_VERIFICATION)?,
            access_decisions: meter.counter(&ACCESS_DECISIONS)?,
        })
    }
}
