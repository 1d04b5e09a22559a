use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::business::BusinessDate;
use crate::business::risk::Risk;
use crate::clock::Clock;
use crate::metrics::{Meter, Registry};

const EQUITIES: VarSpec = VarSpec {
    model: crate::business::risk::Model::new("historical-var"),
    book: crate::business::risk::Book::new("equities"),
    confidence: Confidence::P99,
    horizon: VarHorizon::OneDay,
    pnl: Pnl::Hypothetical,
};

struct Bench {
    registry: Registry,
    risk: Risk,
    equities: VarBackTest,
}

fn bench() -> Bench {
    let registry = Registry::new();
    let risk = Risk::new(&Meter::new(&registry), Clock::system()).unwrap();
    let equities = risk.var(EQUITIES).unwrap();
    Bench { registry, risk, equities }
}

impl Bench {
    fn value(&self, name: &str) -> Option<f64> {
        let labels = [
            ("model", "historical-var"),
            ("book", "equities"),
            ("confidence", "0.99"),
            ("horizon", "1d"),
            ("pnl", "hypothetical"),
        ];
        self.registry.snapshot().value(name, &labels)
    }

    fn rejected(&self, reason: RejectionReason) -> Option<f64> {
        self.registry.snapshot().sum("risk_var_rejections_total", &[("reason", reason.as_str())])
    }
}

/// As of a day, realised on the next one, against a value at risk of 100.
fn day(day: i32, profit: f64) -> VarObservation {
    let as_of = BusinessDate::from_epoch_days(day);
    VarObservation { as_of, realised_on: BusinessDate::from_epoch_days(day + 1), value_at_risk: 100.0, profit }
}

fn breach(at: i32) -> VarObservation {
    day(at, -150.0)
}

fn quiet(at: i32) -> VarObservation {
    day(at, 20.0)
}

/// So many quiet days, of which those named are breaches.
fn year(days: i32, breaches: &[i32]) -> impl Iterator<Item = VarObservation> {
    (0..days).map(move |at| if breaches.contains(&at) { breach(at) } else { quiet(at) })
}

fn close(ours: Option<LikelihoodRatio>, statistic: f64, p_value: f64) {
    let ours = ours.expect("the statistic is defined");
    assert!((ours.statistic - statistic).abs() < 5e-4 && (ours.p_value - p_value).abs() < 5e-5, "{ours:?}");
}

#[test]
fn loss_equal_to_the_forecast_is_no_breach() {
    let bench = bench();
    assert_eq!(bench.equities.record(day(0, -100.0)), Ok(Recorded::NoBreach));
    assert_eq!(bench.equities.record(day(1, -100.000_000_1)), Ok(Recorded::Breach));
    assert_eq!(bench.equities.record(day(2, 500.0)), Ok(Recorded::NoBreach));
    assert_eq!(
        [bench.value("risk_var_observations_total"), bench.value("risk_var_breaches_total")],
        [Some(3.0), Some(1.0)]
    );
    bench.registry.snapshot().assert_samples("risk_var_breach_severity_ratio", &[], 1);
}

#[test]
fn impossible_observations_are_refused_and_counted() {
    let bench = bench();
    let good = quiet(10);
    let bad = |change: fn(&mut VarObservation)| {
        let mut observation = good;
        change(&mut observation);
        observation
    };
    use RejectionReason::{Conflicting, InvalidProfit, InvalidVar, Overlapping, TooEarly};
    bench.equities.record(good).unwrap();
    for (observation, reason) in [
        (bad(|bad| bad.value_at_risk = 0.0), InvalidVar),
        (bad(|bad| bad.value_at_risk = -1.0), InvalidVar),
        (bad(|bad| bad.value_at_risk = f64::NAN), InvalidVar),
        (bad(|bad| bad.value_at_risk = f64::INFINITY), InvalidVar),
        (bad(|bad| bad.profit = f64::NAN), InvalidProfit),
        (bad(|bad| bad.profit = f64::NEG_INFINITY), InvalidProfit),
        (bad(|bad| bad.realised_on = bad.as_of), TooEarly),
        (bad(|bad| bad.realised_on = BusinessDate::from_epoch_days(3)), TooEarly),
        (bad(|bad| bad.profit = -150.0), Conflicting),
        (bad(|bad| bad.as_of = BusinessDate::from_epoch_days(9)), Overlapping),
    ] {
        let refused = bench.equities.record(observation).unwrap_err();
        assert_eq!(refused.reason, reason, "{refused}");
        assert!(refused.to_string().contains(reason.rule()), "{refused}");
    }
    for (reason, times) in
        [(InvalidVar, 4.0), (InvalidProfit, 2.0), (TooEarly, 2.0), (Conflicting, 1.0), (Overlapping, 1.0)]
    {
        assert_eq!(bench.rejected(reason), Some(times), "{reason:?}");
    }
    assert_eq!(bench.value("risk_var_observations_total"), Some(1.0));
    assert_eq!(bench.equities.back_test().observations, 1);
}

#[test]
fn statistics_are_absent_until_there_are_a_hundred_observations() {
    let bench = bench();
    for observation in year(99, &[50]) {
        bench.equities.record(observation).unwrap();
    }
    let statistics = [
        "risk_var_kupiec_statistic",
        "risk_var_kupiec_p_value",
        "risk_var_christoffersen_independence_p_value",
        "risk_var_christoffersen_conditional_p_value",
        "risk_var_traffic_light",
    ];
    assert_eq!(statistics.map(|name| bench.value(name)), [None; 5]);
    assert!(!bench.registry.render().contains("risk_var_kupiec_p_value{"));
    assert_eq!(bench.value("risk_var_window_observations"), Some(99.0));
    bench.equities.record(quiet(99)).unwrap();
    assert!(statistics.iter().all(|name| bench.value(name).is_some()));
}

#[test]
fn window_is_of_observations_and_statistics_become_undefined_again() {
    let bench = bench();
    for observation in year(250, &[0]) {
        bench.equities.record(observation).unwrap();
    }
    assert!(bench.value("risk_var_christoffersen_independence_p_value").is_some());
    bench.equities.record(quiet(400)).unwrap();
    assert_eq!(bench.value("risk_var_window_observations"), Some(250.0));
    assert_eq!(bench.value("risk_var_window_breaches"), Some(0.0));
    assert_eq!(bench.value("risk_var_christoffersen_independence_p_value"), None, "the breach has left the window");
    assert_eq!(bench.value("risk_var_christoffersen_conditional_p_value"), None);
    assert!(bench.value("risk_var_kupiec_p_value").is_some());
    assert_eq!(bench.value("risk_var_observations_total"), Some(251.0), "counters forget nothing");
    assert_eq!(bench.equities.record(breach(0)).unwrap_err().reason, RejectionReason::BeforeWindow);
}

#[test]
fn kupiec_accepts_one_to_six_breaches_of_250() {
    let accepted: Vec<_> = (0..=12)
        .filter(|breaches| {
            let test = BackTest::of(Confidence::P99, (0..250).map(|day| day < *breaches));
            test.kupiec.unwrap().p_value >= 0.05
        })
        .collect();
    assert_eq!(accepted, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn published_examples_have_their_published_values() {
    // Kupiec's statistic for no breach is -2 n ln(1 - p); for nothing but breaches -2 n ln p.
    let none = BackTest::of(Confidence::P99, [false; 250]);
    close(none.kupiec, 5.0252, 0.0250);
    assert_eq!((none.independence, none.conditional_coverage), (None, None));
    assert_eq!(none.traffic_light, Some(TrafficLight::Green));

    let all = BackTest::of(Confidence::P99, [true; 250]);
    assert!((all.kupiec.unwrap().statistic - 500.0 * 100.0_f64.ln()).abs() < 1e-9);
    assert_eq!(all.kupiec.unwrap().p_value, 0.0);
    assert_eq!((all.independence, all.traffic_light), (None, Some(TrafficLight::Red)));

    // Jorion, "Value at Risk", chapter 6: J.P. Morgan in 1998, 20 breaches of 252 days at 95 %: LR = 3.91.
    let morgan = BackTest::of(Confidence::P95, (0..252).map(|day| day % 12 == 0 && day < 240));
    assert_eq!(morgan.breaches, 20);
    assert!((morgan.kupiec.unwrap().statistic - 3.91).abs() < 0.005);
}

#[test]
fn traffic_light_is_that_of_the_basel_committee() {
    // Basel Committee, "Supervisory framework for the use of backtesting", 1996, table 2: 250 observations at 99 %.
    let zone =
        |breaches: usize| BackTest::of(Confidence::P99, (0..250).map(|day| day < breaches)).traffic_light.unwrap();
    for breaches in 0..250 {
        let expected = match breaches {
            0..=4 => TrafficLight::Green,
            5..=9 => TrafficLight::Yellow,
            _ => TrafficLight::Red,
        };
        assert_eq!(zone(breaches), expected, "{breaches}");
    }
    for (breaches, published) in [(0, 0.0811), (1, 0.2858), (2, 0.5432), (4, 0.8922), (5, 0.9588), (9, 0.9997)] {
        assert!((super::distribution::binomial_at_most(breaches, 250, 0.01) - published).abs() < 5e-5, "{breaches}");
    }
}

#[test]
fn breaches_in_a_row_are_not_independent() {
    let spread = BackTest::of(Confidence::P99, (0..250).map(|day| day % 60 == 30));
    let row = BackTest::of(Confidence::P99, (0..250).map(|day| (100..104).contains(&day)));
    assert_eq!((spread.breaches, row.breaches), (4, 4));
    assert_eq!(spread.kupiec, row.kupiec, "the number alone is the same");
    assert!(spread.independence.unwrap().p_value > 0.5);
    assert!(row.independence.unwrap().p_value < 1e-4);
    let sum = row.kupiec.unwrap().statistic + row.independence.unwrap().statistic;
    assert_eq!(row.conditional_coverage.unwrap().statistic, sum);
}

#[test]
fn breach_on_the_last_day_alone_says_nothing_of_what_follows_one() {
    let test = BackTest::of(Confidence::P99, (0..250).map(|day| day == 249));
    assert_eq!((test.breaches, test.independence, test.conditional_coverage), (1, None, None));
}

#[test]
fn long_horizons_take_observations_that_share_no_days() {
    let bench = bench();
    let ten_days = bench.risk.var(VarSpec { horizon: VarHorizon::TenDays, ..EQUITIES }).unwrap();
    let of = |at: i32| VarObservation { realised_on: BusinessDate::from_epoch_days(at + 14), ..breach(at) };
    let recorded: Vec<_> = (0..140).map(|at| ten_days.record(of(at)).is_ok()).collect();
    assert_eq!(recorded.iter().filter(|is_taken| **is_taken).count(), 10);
    assert_eq!(ten_days.back_test().observations, 10);
    assert_eq!(bench.rejected(RejectionReason::Overlapping), Some(130.0));
    let soon = VarObservation { realised_on: BusinessDate::from_epoch_days(209), ..of(200) };
    assert_eq!(ten_days.record(soon).unwrap_err().reason, RejectionReason::TooEarly);
}

#[test]
fn who_asks_for_a_spec_again_shares_its_back_test_and_books_are_never_pooled() {
    let bench = bench();
    bench.equities.record(breach(1)).unwrap();
    let again = bench.risk.var_over(EQUITIES, WindowSize::observations(500).unwrap()).unwrap();
    assert_eq!(again.record(breach(1)), Ok(Recorded::Replayed));
    assert_eq!(again.back_test().breaches, 1);
    let rates = bench.risk.var(VarSpec { book: "rates".into(), ..EQUITIES }).unwrap();
    assert_eq!(rates.back_test().observations, 0);
    for wrong in [VarSpec { book: "My Book".into(), ..EQUITIES }, VarSpec { model: "".into(), ..EQUITIES }] {
        let refused = bench.risk.var(wrong).unwrap_err();
        assert!(["book", "model"].contains(&refused.what()), "{refused}");
    }
    assert!(WindowSize::observations(99).is_err() && WindowSize::observations(10_001).is_err());
}

#[test]
fn restart_shows_the_same_window_and_counts_nothing_twice() {
    let before = bench();
    let history: Vec<_> = year(300, &[10, 90, 200]).collect();
    for observation in &history {
        before.equities.record(*observation).unwrap();
    }
    let after = bench();
    let seeded = after.equities.seed(history[50..].iter().copied());
    assert_eq!(seeded, Seeded { entered: 250, replayed: 0, rejected: 0 });
    assert_eq!(after.equities.back_test(), before.equities.back_test());
    assert_eq!(after.value("risk_var_observations_total"), Some(0.0));
    assert_eq!(after.value("risk_var_window_breaches"), Some(2.0));
    // The job that was interrupted is run again.
    assert_eq!(after.equities.record(history[299]), Ok(Recorded::Replayed));
    assert_eq!(after.value("risk_var_observations_total"), Some(0.0));
    assert_eq!(
        after.equities.seed([history[299], quiet(300), day(301, f64::NAN)]),
        Seeded { entered: 1, replayed: 1, rejected: 1 }
    );
}

proptest! {
    #[test]
    fn whatever_comes_each_day_counts_once_and_breaches_are_observations(
        told in prop::collection::vec((0..60_i32, -300.0..300.0_f64), 0..200),
    ) {
        let bench = bench();
        let mut taken = BTreeMap::new();
        for (at, profit) in &told {
            let first = *taken.entry(*at).or_insert(*profit);
            let recorded = bench.equities.record(day(*at, *profit));
            prop_assert_eq!(recorded.is_ok(), first == *profit);
        }
        let breaches = taken.values().filter(|profit| **profit < -100.0).count();
        let test = bench.equities.back_test();
        prop_assert_eq!((test.observations, test.breaches), (taken.len(), breaches));
        prop_assert_eq!(bench.value("risk_var_observations_total"), Some(taken.len() as f64));
        prop_assert_eq!(bench.value("risk_var_breaches_total"), Some(breaches as f64));
        prop_assert!(test.breaches <= test.observations);
    }

    #[test]
    fn replay_in_any_order_changes_nothing(
        days in prop::collection::btree_map(0..400_i32, -300.0..300.0_f64, 1..200),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..300),
    ) {
        let bench = bench();
        let history: Vec<_> = days.into_iter().map(|(at, profit)| day(at, profit)).collect();
        // Whatever comes early comes in disorder.
        for index in &order {
            let _ = bench.equities.record(history[index.index(history.len())]);
        }
        for observation in &history {
            prop_assert!(bench.equities.record(*observation).is_ok());
        }
        let (text, test) = (bench.registry.render(), bench.equities.back_test());
        prop_assert_eq!(test, BackTest::of(Confidence::P99, history.iter().map(VarObservation::is_breach)));
        for index in &order {
            let recorded = bench.equities.record(history[index.index(history.len())]);
            prop_assert_eq!(recorded, Ok(Recorded::Replayed));
        }
        prop_assert_eq!(bench.equities.seed(history.iter().copied()).replayed, history.len());
        prop_assert_eq!(bench.registry.render(), text);
    }

    #[test]
    fn statistics_are_numbers_wherever_they_are_defined(breaches in prop::collection::vec(any::<bool>(), 0..400)) {
        for confidence in Confidence::ALL {
            let test = BackTest::of(*confidence, breaches.iter().copied());
            for ratio in [test.kupiec, test.independence, test.conditional_coverage].into_iter().flatten() {
                prop_assert!(ratio.statistic.is_finite() && ratio.statistic >= 0.0, "{:?}", ratio);
                prop_assert!((0.0..=1.0).contains(&ratio.p_value), "{:?}", ratio);
            }
            prop_assert_eq!(test.kupiec.is_some(), breaches.len() >= BackTest::MIN_OBSERVATIONS);
        }
    }
}
