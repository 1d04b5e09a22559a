//! What a risk manager asks first: are the figures whole and fresh, and how much of each limit is used?

use std::sync::{Arc, Mutex, PoisonError};

use super::instruments::Instruments;
use crate::business::Freshness;
use crate::business::sampled::{StateFamily, StateGauge, sample};
use crate::metrics::{
    AskOptions, CollectFailure, Collection, CollectorError, Definition, DefinitionError, Family, Gauge, LabelValue,
    Meter, Unit,
};
use crate::work::{Base, PerName, PerValue, closed_label};

static PORTFOLIOS: Definition =
    Definition::gauge_absent_until_set("risk_portfolios", "Portfolios by what is known of their risk.")
        .labels(&["state"]);

static INPUT_LAST_UPDATE: Definition = Definition::gauge_absent_until_set(
    "risk_input_last_update_timestamp_seconds",
    "Unix time of the last update of what risk models read.",
)
.unit(Unit::Seconds)
.labels(&["input"]);

static INPUT_EXPECTED_INTERVAL: Definition = Definition::gauge_absent_until_set(
    "risk_input_update_expected_interval_seconds",
    "How often an update of what risk models read is expected; 0 when none is expected now.",
)
.unit(Unit::Seconds)
.labels(&["input"]);

static INPUT_PROXIED: Definition = Definition::gauge_absent_until_set(
    "risk_input_proxied_ratio",
    "The share of what risk models read that stands in for something that is missing.",
)
.unit(Unit::Ratio);

static LIMIT_UTILIZATION: Definition = Definition::gauge_absent_until_set(
    "risk_limit_utilization_ratio",
    "How much of a limit is used; over 1 it is broken.",
)
.unit(Unit::Ratio)
.labels(&["book", "limit"]);

static MODEL_INFO: Definition = Definition::gauge_absent_until_set(
    "risk_model_info",
    "1 for the version of a model that is in use; of one that is no longer, absent.",
)
.labels(&["model", "version"]);

closed_label! {
    /// What is known of a portfolio's risk: the `state` label.
    enum PortfolioState {
        Fresh = "fresh",
        Stale = "stale",
        Failed = "failed",
        InsufficientData = "insufficient_data",
    }
}

/// How many portfolios have which figure. Each is counted once, so the numbers add up to all portfolios.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RiskCoverage {
    /// With a figure that is as new as it has to be.
    pub fresh: u64,
    /// With a figure that is too old.
    pub stale: u64,
    /// Whose latest calculation failed.
    pub failed: u64,
    /// For which there cannot be a figure yet, such as those of new users.
    pub insufficient_data: u64,
}

impl RiskCoverage {
    fn of(&self, state: PortfolioState) -> u64 {
        match state {
            PortfolioState::Fresh => self.fresh,
            PortfolioState::Stale => self.stale,
            PortfolioState::Failed => self.failed,
            PortfolioState::InsufficientData => self.insufficient_data,
        }
    }
}

/// How many portfolios have a figure: `risk_portfolios`. Absent until known. Cloning shares it.
///
/// ```
/// use aistm7_monitoring::business::risk::RiskCoverage;
/// # use aistm7_monitoring::{business::risk::Risk, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let risk = Risk::new(&Meter::new(&registry), Clock::system())?;
/// let portfolios = risk.portfolios();
/// portfolios.set(RiskCoverage { fresh: 180, stale: 12, ..RiskCoverage::default() }); // from a query
/// assert!(registry.render().contains("risk_portfolios{state=\"stale\"} 12\n"));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RiskPortfolios(Arc<PerValue<PortfolioState, StateGauge<1>>>);

impl RiskPortfolios {
    pub(super) fn new(instruments: &Instruments) -> Self {
        let gauge = |state: PortfolioState| instruments.oversight.portfolios.series([state.into()]);
        Self(Arc::new(PerValue::resolve(gauge)))
    }

    /// Shows these numbers.
    pub fn set(&self, coverage: RiskCoverage) {
        for state in PortfolioState::ALL {
            self.0.of(*state).set(coverage.of(*state));
        }
    }
}

/// A limit of a book: `risk_limit_utilization_ratio`. Absent until known. Cloning shares it.
///
/// ```
/// # use aistm7_monitoring::{business::risk::Risk, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let risk = Risk::new(&Meter::new(&registry), Clock::system())?;
/// risk.limit("equities", "var-99-1d").set_used(1_500.0, 1_200.0);
/// assert!(registry.render().contains("risk_limit_utilization_ratio{book=\"equities\",limit=\"var-99-1d\"} 1.25\n"));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RiskLimit {
    base: Base,
    utilization: Gauge,
}

impl RiskLimit {
    pub(super) fn new(instruments: &Instruments, book: LabelValue, limit: LabelValue) -> Self {
        let utilization = instruments.oversight.limit_utilization.series([book, limit]);
        Self { base: instruments.base.clone(), utilization }
    }

    /// So much of `limit` is used, both in one unit. More than all of it is shown as it is.
    ///
    /// A limit that is not positive, a negative use and numbers that are not finite are refused and counted as
    /// `sample_rejected`; what was shown before stays.
    pub fn set_used(&self, used: f64, limit: f64) {
        let share = used / limit;
        if limit > 0.0 && limit.is_finite() && used >= 0.0 && share.is_finite() {
            self.utilization.set(share);
        } else {
            self.base.reject("a limit is not positive, or its use is negative or not finite");
        }
    }
}

/// The families of oversight, and which version of each model is in use.
#[derive(Debug)]
pub(super) struct Oversight {
    portfolios: StateFamily<1>,
    input_last_update: Family<Gauge, 1>,
    input_expected_interval: Family<Gauge, 1>,
    inputs_proxied: Gauge,
    limit_utilization: Family<Gauge, 2>,
    model_info: Family<Gauge, 2>,
    versions: PerName<InUse>,
    /// The series of versions that exist.
    shown: PerName<(), (LabelValue, LabelValue)>,
}

/// The version of one model that is in use.
type InUse = Arc<Mutex<Option<LabelValue>>>;

impl Oversight {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        let proxied: Family<Gauge, 0> = meter.gauge(&INPUT_PROXIED)?;
        Ok(Self {
            portfolios: StateFamily::new(meter.gauge_or_collected(&PORTFOLIOS)?),
            input_last_update: meter.gauge(&INPUT_LAST_UPDATE)?,
            input_expected_interval: meter.gauge(&INPUT_EXPECTED_INTERVAL)?,
            inputs_proxied: proxied.series([]),
            limit_utilization: meter.gauge(&LIMIT_UTILIZATION)?,
            model_info: meter.gauge(&MODEL_INFO)?,
            versions: PerName::new(),
            shown: PerName::new(),
        })
    }

    pub(super) fn sample_portfolios<A, F, E>(
        &self,
        reporting: (&Meter, &Base),
        options: AskOptions,
        ask: A,
    ) -> Result<(), CollectorError>
    where
        A: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<RiskCoverage, E>>,
        E: Into<CollectFailure>,
    {
        let portfolios = self.portfolios.clone();
        let give = move |coverage: RiskCoverage, collection: &mut Collection| {
            for state in PortfolioState::ALL {
                portfolios.give(collection, [(*state).into()], coverage.of(*state));
            }
        };
        sample(reporting, "risk-portfolios", options, ask, give)
    }

    pub(super) fn input(&self, base: &Base, input: LabelValue) -> Freshness {
        let last_update = self.input_last_update.series([input.clone()]);
        let expected_interval = self.input_expected_interval.series([input]);
        Freshness { base: base.clone(), last_update, expected_interval }
    }

    pub(super) fn set_inputs_proxied(&self, base: &Base, proxied: u64, inputs: u64) {
        if inputs == 0 || proxied > inputs {
            return base.reject("there are no inputs, or more of them are proxied than there are");
        }
        // The casts are exact up to 2^53 inputs.
        self.inputs_proxied.set(proxied as f64 / inputs as f64);
    }

    pub(super) fn set_version(&self, model: LabelValue, version: LabelValue) {
        let in_use = self.versions.of(model.clone(), |_| InUse::default());
        *in_use.lock().unwrap_or_else(PoisonError::into_inner) = Some(version.clone());
        self.shown.of((model, version), |(model, version)| {
            let shown = version.clone();
            self.model_info.observe([model.clone(), version.clone()], move || {
                let in_use = in_use.lock().unwrap_or_else(PoisonError::into_inner);
                (in_use.as_ref() == Some(&shown)).then_some(1.0)
            });
        });
    }
}
