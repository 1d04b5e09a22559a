//! A day of a risk service, told event by event under a held clock, ends in exactly this page.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

use aistm7_monitoring::business::risk::{
    Confidence, Pnl, Prediction, Recorded, RejectionReason, Risk, RiskCoverage, Schedule, Seeded, VarBackTest,
    VarHorizon, VarObservation, VarSpec,
};
use aistm7_monitoring::business::{BusinessDate, FailureReason, Fault};
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::metrics::{Meter, Registry};

const EXPECTED: &str = include_str!("risk_day.prom");

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug)]
enum NoFigure {
    UserTooNew,
    MissingPrice,
}

impl FailureReason for NoFigure {
    fn reason(&self) -> &'static str {
        match self {
            Self::UserTooNew => "insufficient_data",
            Self::MissingPrice => "missing_price",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::UserTooNew => Fault::User,
            Self::MissingPrice => Fault::Data,
        }
    }
}

/// As of a day of business, which are all days here.
fn observation(day: i32, profit: f64) -> VarObservation {
    let [as_of, realised_on] = [day, day + 1].map(BusinessDate::from_epoch_days);
    VarObservation { as_of, realised_on, value_at_risk: 10_000.0, profit }
}

/// The year before: 250 days, of which every fiftieth lost more than was forecast.
fn stored_year(today: i32) -> impl Iterator<Item = VarObservation> {
    (today - 251..today - 1).map(|day| observation(day, if day % 50 == 0 { -12_000.0 } else { 500.0 }))
}

#[test]
fn scripted_day_ends_in_exactly_the_expected_page() {
    // 2025-01-22 at 10:30 UTC.
    let (held, registry) = (ManualClock::new(), Registry::new());
    let risk = Risk::new(&Meter::new(&registry), held.clock()).unwrap();
    let today = 20_110;

    // The service starts, and takes over what processes before it stored.
    risk.set_model_version("historical-var", "1.9.0");
    let equities = back_test(&risk, "equities");
    assert_eq!(equities.seed(stored_year(today)), Seeded { entered: 250, replayed: 0, rejected: 0 });
    let nightly = risk.batch("nightly-var");
    nightly.scheduled(Schedule::cron("0 11 * * MON-FRI", "UTC").unwrap().within(60 * MINUTE));
    nightly.last_succeeded_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_737_457_200)); // yesterday at 11:00
    let prices = risk.input("prices");
    prices.expect_every(MINUTE);

    // 10:40: users ask.
    held.advance(10 * MINUTE);
    prices.updated();
    let var = risk.model("historical-var").declare_failures(&[("missing_price", Fault::Data)]);
    for millis in [40, 90, 2_000] {
        var.execute(|| {
            held.advance(Duration::from_millis(millis));
            Ok::<_, NoFigure>(())
        })
        .unwrap();
    }
    var.add_cpu_time(Duration::from_millis(1_250));
    assert!(var.execute(|| Err::<(), _>(NoFigure::UserTooNew)).is_err());
    var.start().failed(&NoFigure::MissingPrice);
    drop(var.start());
    let bug = catch_unwind(AssertUnwindSafe(|| var.execute(|| -> Result<(), Infallible> { panic!("on purpose") })));
    assert!(bug.is_err());

    // 11:00: the night's batch, with a new version of the model; it takes twenty minutes.
    held.advance(20 * MINUTE);
    risk.set_model_version("historical-var", "2.0.0");
    let run = nightly.start();
    nightly.expect_items(4);
    for is_priced in [true, true, false, true] {
        held.advance(5 * MINUTE);
        let _ = nightly.items().execute(|| if is_priced { Ok(()) } else { Err(NoFigure::MissingPrice) });
    }
    run.ok();
    risk.portfolios().set(RiskCoverage { fresh: 3, stale: 1, failed: 1, insufficient_data: 2 });
    risk.set_inputs_proxied(1, 8);
    risk.limit("equities", "var-99-1d").set_used(10_000.0, 8_000.0);

    // Yesterday's forecast against what came: a breach. The job is run again, by a replica too, and once with nonsense.
    assert_eq!(equities.record(observation(today - 1, -15_000.0)), Ok(Recorded::Breach));
    assert_eq!(back_test(&risk, "equities").record(observation(today - 1, -15_000.0)), Ok(Recorded::Replayed));
    assert_eq!(equities.seed(stored_year(today).skip(1)), Seeded { entered: 0, replayed: 249, rejected: 0 });
    let refused = equities.record(observation(today, f64::NAN)).unwrap_err();
    assert_eq!(refused.reason, RejectionReason::InvalidProfit);
    let volatility = risk.predictions("ewma-volatility", VarHorizon::OneDay);
    volatility.record(Prediction { forecast: 0.01, realised: 0.035, dispersion: 0.01 });
    volatility.record(Prediction { forecast: 0.02, realised: 0.01, dispersion: 0.02 });

    // 12:00: a batch that finds nothing to do and says that all is well, and one that is half done at the end of the day.
    held.advance(40 * MINUTE);
    risk.batch("stress").execute(|| Ok::<_, Infallible>(())).unwrap();
    let intraday = risk.batch("intraday-var");
    let _half_done = intraday.start();
    intraday.expect_items(10);
    held.advance(30 * MINUTE);
    (0..5).for_each(|_| intraday.items().ok());

    // Buckets are left out, for the sake of who reads the file: counts and sums are there.
    let is_of_risk = |line: &str| ["risk_", "# HELP risk_", "# TYPE risk_"].iter().any(|start| line.starts_with(start));
    let is_told = |line: &&str| is_of_risk(line) && !line.contains("_bucket{");
    let page: String = registry.render().lines().filter(is_told).map(|line| format!("{line}\n")).collect();
    if page != EXPECTED {
        let differing = page.lines().zip(EXPECTED.lines()).find(|(ours, expected)| ours != expected);
        panic!("{differing:?} differ, in\n{page}");
    }
}

fn back_test(risk: &Risk, book: &'static str) -> VarBackTest {
    let spec = VarSpec {
        model: "historical-var".into(),
        book: book.into(),
        confidence: Confidence::P99,
        horizon: VarHorizon::OneDay,
        pnl: Pnl::Actual,
    };
    risk.var(spec).unwrap()
}
