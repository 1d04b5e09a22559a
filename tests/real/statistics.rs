//! Value at risk and its back-test, judged by NumPy and SciPy: on real prices day by day, and on the edges.

use aistm7_monitoring::business::BusinessDate;
use aistm7_monitoring::business::risk::{
    BackTest, Confidence, LikelihoodRatio, Pnl, Recorded, Risk, VarBackTest, VarHorizon, VarObservation, VarSpec,
};
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::metrics::{Meter, Registry};
use serde_json::Value;

use crate::back_test::observations;
use crate::domain::{Close, Day, Usd};
use crate::risk::Position;
use crate::support::statistics::reference;

/// Two ways to sum the same logarithms differ in their last digits; near zero there are none to compare.
const STATISTIC: f64 = 1e-9;

/// Of a chance, however small (but of those that a `f64` holds with all its digits): what a statistic near zero is off by counts with its square root.
const CHANCE: f64 = 1e-6;

#[test]
#[ignore = "needs SciPy; run by tests/run"]
fn real_prices_and_edges_give_what_numpy_and_scipy_say() {
    let reference = reference();
    for (name, market) in reference["markets"].as_object().expect("markets by name") {
        judge_market(name, market);
    }
    let sequences = list(&reference["sequences"]);
    assert!(sequences.len() > 300);
    for sequence in sequences {
        judge_sequence(sequence);
    }
}

/// The service's own historical simulation and the back-test's handle, observation by observation.
#[track_caller]
fn judge_market(name: &str, market: &Value) {
    let closes: Vec<Close> = list(&market["closes"]).iter().map(close).collect();
    let value = Usd::from_dollars(1_000_000);
    let ours = observations(&[Position { value, closes: &closes }]).expect("every price is positive");
    let theirs: Vec<VarObservation> = list(&market["observations"]).iter().map(observation).collect();
    assert!(theirs.len() > 4_000, "decades of {name}");
    assert_eq!(ours.len(), theirs.len(), "{name}");

    let (registry, handle) = handle();
    for ((ours, theirs), test) in ours.iter().zip(&theirs).zip(list(&market["tests"])) {
        let day = ours.as_of;
        assert_eq!((day, ours.realised_on), (theirs.as_of, theirs.realised_on), "{name}");
        assert!((ours.value_at_risk - theirs.value_at_risk).abs() < 1e-4, "{name} as of {day}: {ours:?}, {theirs:?}");
        assert!((ours.profit - theirs.profit).abs() < 1e-6, "{name} as of {day}: {ours:?}, {theirs:?}");
        let expected = if theirs.is_breach() { Recorded::Breach } else { Recorded::NoBreach };
        assert_eq!(handle.record(*ours), Ok(expected), "{name} as of {day}");
        judge(&format!("{name} as of {day}"), &handle.back_test(), test);
    }
    let shown = |metric| registry.snapshot().sum(metric, &[]).expect("the family is there");
    let breaches = theirs.iter().filter(|theirs| theirs.is_breach()).count();
    assert_eq!(shown("risk_var_observations_total"), theirs.len() as f64);
    assert_eq!(shown("risk_var_breaches_total"), breaches as f64);
    let last = handle.back_test().kupiec.expect("the window is full").p_value;
    assert_eq!(shown("risk_var_kupiec_p_value"), last);
}

#[track_caller]
fn judge_sequence(sequence: &Value) {
    let named = |confidence: &&Confidence| sequence["confidence"] == confidence.as_str();
    let confidence = Confidence::ALL.iter().find(named).expect("a confidence of ours");
    let hits = sequence["hits"].as_str().expect("a text");
    let test = BackTest::of(*confidence, hits.bytes().map(|hit| hit == b'1'));
    judge(&format!("{confidence:?} {hits}"), &test, &sequence["test"]);
}

/// Against observations, breaches, and for each test statistic and chance, and the traffic light.
#[track_caller]
fn judge(what: &str, ours: &BackTest, theirs: &Value) {
    let theirs = list(theirs);
    assert_eq!(ours.observations as f64, number(&theirs[0]), "{what}");
    assert_eq!(ours.breaches as f64, number(&theirs[1]), "{what}");
    let tests =
        [("Kupiec", ours.kupiec), ("independence", ours.independence), ("conditional", ours.conditional_coverage)];
    for ((test, ours), theirs) in tests.into_iter().zip(theirs[2..8].chunks(2)) {
        let expected = theirs[0].as_f64().zip(theirs[1].as_f64());
        let is_same = match (ours, expected) {
            (None, None) => true,
            (Some(LikelihoodRatio { statistic, p_value }), Some((expected, chance))) => {
                (statistic - expected).abs() <= STATISTIC * expected.max(1.0)
                    && (p_value - chance).abs() <= CHANCE * chance + f64::MIN_POSITIVE
            }
            _ => false,
        };
        assert!(is_same, "{what}, {test}: {ours:?}, not {expected:?}");
    }
    let light = ours.traffic_light.map(|light| f64::from(light.as_number()));
    assert_eq!(light, theirs[8].as_f64(), "{what}");
}

fn handle() -> (Registry, VarBackTest) {
    let registry = Registry::new();
    let risk = Risk::new(&Meter::new(&registry), Clock::system()).expect("fresh names");
    let spec = VarSpec {
        model: "historical-var".into(),
        book: "house".into(),
        confidence: Confidence::P99,
        horizon: VarHorizon::OneDay,
        pnl: Pnl::Hypothetical,
    };
    (registry, risk.var(spec).expect("good names"))
}

fn close(row: &Value) -> Close {
    let row = list(row);
    let price = row[1].as_i64().expect("ten-thousandths of a dollar");
    Close { day: Day::from_epoch_days(days(&row[0])), price: Usd::from_ten_thousandths(price) }
}

fn observation(row: &Value) -> VarObservation {
    let row = list(row);
    let [as_of, realised_on] = [&row[0], &row[1]].map(|day| BusinessDate::from_epoch_days(days(day)));
    VarObservation { as_of, realised_on, value_at_risk: number(&row[2]), profit: number(&row[3]) }
}

fn days(value: &Value) -> i32 {
    i32::try_from(value.as_i64().expect("a number of days")).expect("a day of this age")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}
