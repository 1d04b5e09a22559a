//! The definitions of the back-test's metrics, and the back-tests of one registry.

use super::back_test::{Counts, VarBackTest};
use super::observation::RejectionReason;
use super::spec::VarSpec;
use super::statistics::BackTest;
use super::window::WindowSize;
use crate::error::InvalidValue;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, LabelValue, Meter, Unit};
use crate::work::{PerName, PerValue};

const SPEC: &[&str] = &["model", "book", "confidence", "horizon", "pnl"];

static OBSERVATIONS: Definition = Definition::counter(
    "risk_var_observations_total",
    "Value-at-risk forecasts that this process has compared with what came, each once.",
)
.labels(SPEC);

static BREACHES: Definition = Definition::counter(
    "risk_var_breaches_total",
    "Value-at-risk forecasts among those whose loss was larger than forecast.",
)
.labels(SPEC);

static REJECTIONS: Definition = Definition::counter(
    "risk_var_rejections_total",
    "Value-at-risk observations that were refused, by reason, stored ones included.",
)
.labels(&["model", "book", "confidence", "horizon", "pnl", "reason"]);

/// Chosen: by what a loss is more than the forecast; one that is twice as large is a model's or a market's crisis.
static SEVERITY: Definition =
    Definition::histogram("risk_var_breach_severity_ratio", "Loss of a breach in units of its value at risk.")
        .unit(Unit::Ratio)
        .labels(SPEC)
        .edges(&[1.05, 1.1, 1.25, 1.5, 1.75, 2.0, 3.0, 5.0, 10.0]);

static WINDOW_OBSERVATIONS: Definition = Definition::gauge_absent_until_set(
    "risk_var_window_observations",
    "Observations in the window of the back-test, stored ones included.",
)
.labels(SPEC);

static WINDOW_BREACHES: Definition =
    Definition::gauge_absent_until_set("risk_var_window_breaches", "Breaches in the window of the back-test.")
        .labels(SPEC);

static WINDOW_EXPECTED_BREACHES: Definition = Definition::gauge_absent_until_set(
    "risk_var_window_expected_breaches",
    "Breaches that a right model has on average in such a window: fewer are conservative.",
)
.labels(SPEC);

static KUPIEC_STATISTIC: Definition = Definition::gauge_absent_until_set(
    "risk_var_kupiec_statistic",
    "Kupiec's likelihood ratio of the share of breaches in the window.",
)
.labels(SPEC);

static KUPIEC_P_VALUE: Definition = Definition::gauge_absent_until_set(
    "risk_var_kupiec_p_value",
    "Chance that a right model has a share of breaches at least as odd, too few included.",
)
.labels(SPEC);

static INDEPENDENCE_P_VALUE: Definition = Definition::gauge_absent_until_set(
    "risk_var_christoffersen_independence_p_value",
    "Chance that independent breaches follow each other in a way at least as odd.",
)
.labels(SPEC);

static CONDITIONAL_P_VALUE: Definition = Definition::gauge_absent_until_set(
    "risk_var_christoffersen_conditional_p_value",
    "Chance that a right model has breaches at least as odd in number and order.",
)
.labels(SPEC);

static TRAFFIC_LIGHT: Definition = Definition::gauge_absent_until_set(
    "risk_var_traffic_light",
    "Zone of the window's breaches by the rule of the Basel committee: 0 green, 1 yellow, 2 red.",
)
.labels(SPEC);

/// The back-tests of one registry, one for each spec.
#[derive(Debug)]
pub(in crate::business::risk) struct VarTests {
    families: VarFamilies,
    tests: PerName<VarBackTest, VarSpec>,
}

impl VarTests {
    pub(in crate::business::risk) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self { families: VarFamilies::register(meter)?, tests: PerName::new() })
    }

    pub(in crate::business::risk) fn of(&self, spec: VarSpec, window: WindowSize) -> Result<VarBackTest, InvalidValue> {
        let labels = spec.labels()?;
        Ok(self.tests.of(spec, |spec| self.families.back_test(spec, window, labels)))
    }
}

#[derive(Debug)]
struct VarFamilies {
    observations: Family<Counter, 5>,
    breaches: Family<Counter, 5>,
    rejections: Family<Counter, 6>,
    severity: Family<Histogram, 5>,
    shown: Vec<(Family<Gauge, 5>, Show)>,
}

/// What a gauge shows of a back-test; `None` is absent.
type Show = fn(&BackTest) -> Option<f64>;

/// The casts are exact: a window holds 10,000 observations at most.
const SHOWN: [(&Definition, Show); 8] = [
    (&WINDOW_OBSERVATIONS, |test| Some(test.observations as f64)),
    (&WINDOW_BREACHES, |test| Some(test.breaches as f64)),
    (&WINDOW_EXPECTED_BREACHES, |test| Some(test.expected_breaches)),
    (&KUPIEC_STATISTIC, |test| Some(test.kupiec?.statistic)),
    (&KUPIEC_P_VALUE, |test| Some(test.kupiec?.p_value)),
    (&INDEPENDENCE_P_VALUE, |test| Some(test.independence?.p_value)),
    (&CONDITIONAL_P_VALUE, |test| Some(test.conditional_coverage?.p_value)),
    (&TRAFFIC_LIGHT, |test| Some(test.traffic_light?.as_number().into())),
];

impl VarFamilies {
    fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        let shown = SHOWN.into_iter().map(|(definition, show)| Ok((meter.gauge(definition)?, show)));
        Ok(Self {
            observations: meter.counter(&OBSERVATIONS)?,
            breaches: meter.counter(&BREACHES)?,
            rejections: meter.counter(&REJECTIONS)?,
            severity: meter.histogram(&SEVERITY)?,
            shown: shown.collect::<Result<_, DefinitionError>>()?,
        })
    }

    fn back_test(&self, spec: &VarSpec, window: WindowSize, labels: [LabelValue; 5]) -> VarBackTest {
        let rejections = PerValue::resolve(|reason: RejectionReason| {
            let [model, book, confidence, horizon, pnl] = labels.clone();
            self.rejections.series([model, book, confidence, horizon, pnl, reason.into()])
        });
        let counts = Counts {
            observations: self.observations.series(labels.clone()),
            breaches: self.breaches.series(labels.clone()),
            severity: self.severity.series(labels.clone()),
            rejections,
        };
        let test = VarBackTest::new(spec, window, counts);
        for (family, show) in &self.shown {
            let (test, show) = (test.clone(), *show);
            family.observe(labels.clone(), move || show(&test.back_test()));
        }
        test
    }
}
