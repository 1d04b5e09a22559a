//! How often the rules of a back-test raise an alarm: false ones for a model that is right, and true ones for a model that
//! is breached twice as often as it says. And what it would be if observations were counted carelessly.
//!
//! A simulation: windows of 250 one-day observations at 99 %, drawn with fixed seeds, so every run prints the same table.
//! `--test` draws few windows, to prove that the bench works. At the end, what an observation costs.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

use std::f64::consts::TAU;
use std::hint::black_box;

use aistm7_monitoring::business::BusinessDate;
use aistm7_monitoring::business::risk::{
    BackTest, Confidence, Pnl, Risk, TrafficLight, VarHorizon, VarObservation, VarSpec, WindowSize,
};
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::metrics::{Meter, Registry};
use fastrand::Rng;

const DAYS: usize = 250;
/// The loss that a standard normal exceeds in one of a hundred cases.
const QUANTILE: f64 = 2.326_347_874_040_841;
/// The level at which a test rejects.
const LEVEL: f64 = 0.05;

/// Shares of windows.
#[derive(Default)]
struct Alarms {
    windows: f64,
    kupiec: f64,
    undefined: f64,
    independence: f64,
    conditional: f64,
    yellow: f64,
    red: f64,
}

impl Alarms {
    fn of(windows: usize, mut draw: impl FnMut() -> BackTest) -> Self {
        let mut alarms = Self { windows: windows as f64, ..Self::default() };
        for _ in 0..windows {
            let test = draw();
            let rejects = |ratio: &aistm7_monitoring::business::risk::LikelihoodRatio| ratio.p_value < LEVEL;
            let one = |is: bool| f64::from(u8::from(is));
            alarms.kupiec += one(test.kupiec.as_ref().is_some_and(rejects));
            alarms.undefined += one(test.independence.is_none());
            alarms.independence += one(test.independence.as_ref().is_some_and(rejects));
            alarms.conditional += one(test.conditional_coverage.as_ref().is_some_and(rejects));
            alarms.yellow += one(test.traffic_light == Some(TrafficLight::Yellow));
            alarms.red += one(test.traffic_light == Some(TrafficLight::Red));
        }
        alarms
    }

    fn print(&self, what: &str) {
        let shares = [self.kupiec, self.undefined, self.independence, self.conditional, self.yellow, self.red];
        let percent = shares.map(|times| format!("{:>8.1} %", 100.0 * times / self.windows)).join(" ");
        println!("{what:<52}{percent}");
    }

    /// The share that Kupiec rejects is within so many points of what is known of it.
    #[track_caller]
    fn expect_kupiec(&self, percent: f64, points: f64) {
        let share = 100.0 * self.kupiec / self.windows;
        assert!((share - percent).abs() < points, "{share:.1} % of the windows are rejected, not {percent} %");
    }
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    // With so many windows a share is good to a third of a point, and to some points in a test.
    let (windows, points) = if is_test { (300, 8.0) } else { (20_000, 1.5) };

    println!(
        "{:<52}{:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "windows of 250 at 99 %", "Kupiec", "undefined", "indep.", "condit.", "yellow", "red"
    );
    let perfect = Alarms::of(windows, hits(1, 0.01));
    perfect.print("a model that is right");
    perfect.expect_kupiec(9.5, points);
    let bad = Alarms::of(windows, hits(2, 0.02));
    bad.print("a model that is breached twice as often");
    bad.expect_kupiec(24.0, points);

    println!("\nof a model that is right, if one counted");
    let replicas = Alarms::of(windows, each_three_times(3));
    replicas.print("  what three replicas say");
    replicas.expect_kupiec(19.0, 1.5 * points);
    Alarms::of(windows, told_three_times(3)).print("  the same, told to this crate");
    let overlapping = Alarms::of(windows, ten_days(4, 1));
    overlapping.print("  a 10-day horizon every day");
    overlapping.expect_kupiec(50.0, 1.5 * points);
    Alarms::of(windows, ten_days(4, 10)).print("  the same without shared days");
    let pooled = Alarms::of(windows / 20, books(5, 200));
    pooled.print("  200 books that move together as one");
    assert!(pooled.kupiec > 0.5 * pooled.windows, "pooling is no test at all");

    cost(if is_test { 1_000 } else { 1_000_000 });
}

/// Independent breaches with this chance.
fn hits(seed: u64, chance: f64) -> impl FnMut() -> BackTest {
    let mut draw = Rng::with_seed(seed);
    move || BackTest::of(Confidence::P99, (0..DAYS).map(|_| draw.f64() < chance))
}

/// Each observation once for each of three replicas.
fn each_three_times(seed: u64) -> impl FnMut() -> BackTest {
    let mut draw = Rng::with_seed(seed);
    move || {
        let year: Vec<_> = (0..DAYS).map(|_| draw.f64() < 0.01).collect();
        BackTest::of(Confidence::P99, year.into_iter().flat_map(|breach| [breach; 3]))
    }
}

fn told_three_times(seed: u64) -> impl FnMut() -> BackTest {
    let mut draw = Rng::with_seed(seed);
    move || {
        let risk = Risk::new(&Meter::new(&Registry::new()), Clock::system()).expect("fresh names");
        let handle = risk.var_over(spec(), WindowSize::DEFAULT).expect("good names");
        for day in 0..DAYS as i32 {
            let told = observation(day, if draw.f64() < 0.01 { -2.0 } else { 1.0 });
            for _replica in 0..3 {
                handle.record(told).expect("a good observation");
            }
        }
        handle.back_test()
    }
}

/// Ten-day losses of a random walk, one every so many days.
fn ten_days(seed: u64, every: usize) -> impl FnMut() -> BackTest {
    const HORIZON: usize = 10;
    let mut draw = Rng::with_seed(seed);
    move || {
        let walk: Vec<f64> = (0..DAYS * every + HORIZON).map(|_| normal(&mut draw)).collect();
        let losses = walk.windows(HORIZON).step_by(every).take(DAYS).map(|days| -days.iter().sum::<f64>());
        BackTest::of(Confidence::P99, losses.map(|loss| loss > QUANTILE * (HORIZON as f64).sqrt()))
    }
}

/// Books whose profits have a correlation of a half.
fn books(seed: u64, books: usize) -> impl FnMut() -> BackTest {
    let mut draw = Rng::with_seed(seed);
    move || {
        let days = (0..DAYS).map(|_| normal(&mut draw)).collect::<Vec<_>>();
        let breaches = days.iter().flat_map(|market| {
            let breach = |own: f64| -(market + own) / 2f64.sqrt() > QUANTILE;
            (0..books).map(|_| breach(normal(&mut draw))).collect::<Vec<_>>()
        });
        BackTest::of(Confidence::P99, breaches)
    }
}

/// By Box and Muller; one of the two is enough.
fn normal(draw: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - draw.f64()).ln()).sqrt();
    radius * (TAU * draw.f64()).cos()
}

fn spec() -> VarSpec {
    VarSpec {
        model: "simulated".into(),
        book: "one".into(),
        confidence: Confidence::P99,
        horizon: VarHorizon::OneDay,
        pnl: Pnl::Hypothetical,
    }
}

fn observation(day: i32, profit: f64) -> VarObservation {
    let [as_of, realised_on] = [day, day + 1].map(BusinessDate::from_epoch_days);
    VarObservation { as_of, realised_on, value_at_risk: 1.0, profit }
}

/// What an observation costs when the window is full, and one that was there.
fn cost(times: i32) {
    let risk = Risk::new(&Meter::new(&Registry::new()), Clock::system()).expect("fresh names");
    let handle = risk.var(spec()).expect("good names");
    let clock = Clock::system();
    let timed = |work: &mut dyn FnMut(i32)| {
        let began = clock.now();
        (0..times).for_each(work);
        (clock.now() - began).as_secs_f64() * 1e9 / f64::from(times)
    };
    let new = timed(&mut |day| assert!(black_box(handle.record(observation(day, 1.0))).is_ok()));
    let replayed = timed(&mut |_| assert!(black_box(handle.record(observation(times - 1, 1.0))).is_ok()));
    println!("\nan observation {new:.0} ns, one that was there {replayed:.0} ns");
}
