use std::convert::Infallible;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, SystemTime};

use super::*;
use crate::business::{FailureReason, Fault, Outcome};
use crate::clock::ManualClock;
use crate::diagnostics::{Diagnostics, Problem};
use crate::metrics::{Meter, Registry, RegistryOptions};

/// The moment at which a [`ManualClock`] starts.
const START: f64 = 1_737_541_800.0;

struct Bench {
    registry: Registry,
    diagnostics: Diagnostics,
    held: ManualClock,
    risk: Risk,
}

fn bench() -> Bench {
    let (diagnostics, held) = (Diagnostics::new(), ManualClock::new());
    let registry = Registry::with(RegistryOptions::new().diagnostics(diagnostics.clone()));
    let risk = Risk::new(&Meter::new(&registry), held.clock()).unwrap();
    Bench { registry, diagnostics, held, risk }
}

impl Bench {
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.registry.snapshot().value(name, labels)
    }

    fn executions(&self, outcome: Outcome) -> Option<f64> {
        let labels = [("model", "var"), ("outcome", outcome.as_str())];
        self.value("risk_model_execution_duration_seconds", &labels)
    }

    fn failures(&self, reason: &str, fault: &str) -> Option<f64> {
        self.value("risk_calculation_failures_total", &[("model", "var"), ("reason", reason), ("fault", fault)])
    }

    fn all_failures(&self) -> Option<f64> {
        self.registry.snapshot().sum("risk_calculation_failures_total", &[])
    }

    fn batch(&self, name: &str) -> Option<f64> {
        self.value(name, &[("batch", "nightly")])
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Why(&'static str, Fault);

impl FailureReason for Why {
    fn reason(&self) -> &'static str {
        self.0
    }

    fn fault(&self) -> Fault {
        self.1
    }
}

#[test]
fn failures_count_by_reason_and_fault_and_the_error_comes_back() {
    let bench = bench();
    let model = bench.risk.model("var");
    let why = Why("insufficient-data", Fault::User);
    assert_eq!(model.execute(|| Err::<(), _>(why)), Err(why));
    model.start().failed(&why);
    model.record(Duration::from_secs(1), &Err::<(), _>(Why("insufficient-data", Fault::Data)));
    let boxed: Box<dyn FailureReason> = Box::new(why);
    assert!(model.execute(|| Err::<(), _>(boxed)).is_err());
    assert_eq!(bench.failures("insufficient-data", "user"), Some(3.0));
    assert_eq!(bench.failures("insufficient-data", "data"), Some(1.0));
    assert_eq!(bench.executions(Outcome::Failed), Some(4.0));
}

#[test]
fn declared_failures_and_panics_exist_at_zero() {
    let bench = bench();
    let _model = bench.risk.model("var").declare_failures(&[("missing-price", Fault::Data)]);
    assert_eq!(bench.failures("missing-price", "data"), Some(0.0));
    assert_eq!(bench.failures("panicked", "ours"), Some(0.0));
    bench.registry.snapshot().assert_value("risk_model_cpu_seconds_total", &[("model", "var")], 0);
    for outcome in Outcome::ALL {
        assert_eq!(bench.executions(*outcome), Some(0.0));
    }
}

#[test]
fn panic_is_a_failure_of_ours() {
    let bench = bench();
    let model = bench.risk.model("var");
    let work = || model.execute(|| -> Result<(), Infallible> { panic!("on purpose") });
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
    assert_eq!(bench.executions(Outcome::Panicked), Some(1.0));
    assert_eq!(bench.failures("panicked", "ours"), Some(1.0));
}

#[test]
fn cancelled_and_abandoned_executions_are_no_failures() {
    let bench = bench();
    let model = bench.risk.model("var");
    {
        let mut future = pin!(model.execute_async(pending::<Result<(), Infallible>>()));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(model.start());
    assert_eq!(bench.executions(Outcome::Cancelled), Some(1.0));
    assert_eq!(bench.executions(Outcome::Abandoned), Some(1.0));
    assert_eq!(bench.all_failures(), Some(0.0));
}

#[tokio::test]
async fn async_execution_returns_its_result_and_counts_its_failure() {
    let bench = bench();
    let model = bench.risk.model("var");
    assert_eq!(model.execute_async(async { Ok::<_, Why>(3) }).await, Ok(3));
    let why = Why("bad-price", Fault::Data);
    let spawned = tokio::spawn(model.execute_async(async move { Err::<(), _>(why) }));
    assert_eq!(spawned.await.unwrap(), Err(why));
    assert_eq!(bench.executions(Outcome::Ok), Some(1.0));
    assert_eq!(bench.failures("bad-price", "data"), Some(1.0));
}

#[test]
fn reason_that_is_no_name_is_other() {
    let bench = bench();
    let model = bench.risk.model("var");
    for _ in 0..2 {
        model.start().failed(&Why("No Data for user 7!", Fault::Ours));
    }
    assert_eq!(bench.failures("_other", "ours"), Some(2.0));
    assert_eq!(bench.diagnostics.total(Problem::UnknownLabelValue), 1, "counted when it is first seen");
}

#[test]
fn reasons_past_the_bound_share_one_series() {
    let bench = bench();
    let model = bench.risk.model("var");
    for reason in 0..200 {
        model.start().failed(&Why(format!("reason-{reason}").leak(), Fault::Ours));
    }
    assert_eq!(bench.all_failures(), Some(200.0), "no failure is lost");
    // One place is that of `panicked`.
    assert_eq!(bench.failures("_other", "ours"), Some(73.0));
}

#[test]
fn processor_time_adds_up_exactly() {
    let bench = bench();
    let model = bench.risk.model("var");
    for _ in 0..10 {
        model.add_cpu_time(Duration::from_millis(100));
    }
    assert!(bench.registry.render().contains("risk_model_cpu_seconds_total{model=\"var\"} 1\n"));
}

#[test]
fn prediction_without_a_finite_error_is_refused() {
    let bench = bench();
    let predictions = bench.risk.predictions("var", "10d");
    let good = Prediction { forecast: 2.0, realised: -1.0, dispersion: 1.5 };
    predictions.record(good);
    for bad in [
        Prediction { dispersion: 0.0, ..good },
        Prediction { dispersion: -1.0, ..good },
        Prediction { dispersion: f64::INFINITY, ..good },
        Prediction { dispersion: f64::NAN, ..good },
        Prediction { realised: f64::NAN, ..good },
        Prediction { forecast: f64::INFINITY, ..good },
    ] {
        predictions.record(bad);
    }
    assert_eq!(bench.diagnostics.total(Problem::SampleRejected), 6);
    let text = bench.registry.render();
    assert!(text.contains("risk_prediction_error_ratio_sum{horizon=\"10d\",model=\"var\"} 2\n"), "{text}");
    assert!(text.contains("risk_prediction_error_ratio_count{horizon=\"10d\",model=\"var\"} 1\n"), "{text}");
}

#[test]
fn bias_counts_the_side_of_each_error() {
    let bench = bench();
    let predictions = bench.risk.predictions("var", "1d");
    for realised in [1.0, 1.5, 0.25, 3.0] {
        predictions.record(Prediction { forecast: 1.0, realised, dispersion: 1.0 });
    }
    predictions.record(Prediction { forecast: f64::NAN, realised: 0.0, dispersion: 1.0 });
    let bias = |sign| bench.value("risk_prediction_bias_total", &[("model", "var"), ("sign", sign)]);
    assert_eq!([bias("over"), bias("under"), bias("exact")], [Some(1.0), Some(2.0), Some(1.0)]);
}

#[test]
fn coverage_of_portfolios_is_absent_until_it_is_known() {
    let bench = bench();
    let portfolios = bench.risk.portfolios();
    let shown = |state| bench.value("risk_portfolios", &[("state", state)]);
    assert_eq!(shown("fresh"), None);
    portfolios.set(RiskCoverage { fresh: 10, stale: 3, failed: 2, insufficient_data: 1 });
    assert_eq!(["fresh", "stale", "failed", "insufficient_data"].map(shown), [10.0, 3.0, 2.0, 1.0].map(Some));
}

#[test]
fn inputs_show_their_age_and_what_is_proxied() {
    let bench = bench();
    let prices = bench.risk.input("prices");
    let shown = |name| bench.value(name, &[("input", "prices")]);
    assert_eq!(shown("risk_input_last_update_timestamp_seconds"), None);
    prices.expect_every(Duration::from_secs(60));
    prices.updated();
    assert_eq!(shown("risk_input_last_update_timestamp_seconds"), Some(START));
    assert_eq!(shown("risk_input_update_expected_interval_seconds"), Some(60.0));

    let proxied = || bench.value("risk_input_proxied_ratio", &[]);
    bench.risk.set_inputs_proxied(0, 0);
    bench.risk.set_inputs_proxied(3, 2);
    assert_eq!((proxied(), bench.diagnostics.total(Problem::SampleRejected)), (None, 2));
    bench.risk.set_inputs_proxied(3, 12);
    assert_eq!(proxied(), Some(0.25));
}

#[test]
fn limit_may_be_broken_and_is_never_nonsense() {
    let bench = bench();
    let limit = bench.risk.limit("equities", "var");
    let shown = || bench.value("risk_limit_utilization_ratio", &[("book", "equities"), ("limit", "var")]);
    assert_eq!(shown(), None);
    limit.set_used(30.0, 20.0);
    for (used, of) in
        [(1.0, 0.0), (1.0, -1.0), (-1.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY), (f64::INFINITY, 1.0)]
    {
        limit.set_used(used, of);
    }
    assert_eq!((shown(), bench.diagnostics.total(Problem::SampleRejected)), (Some(1.5), 6));
    limit.set_used(0.0, 20.0);
    assert_eq!(shown(), Some(0.0));
}

#[test]
fn one_version_of_a_model_is_in_use() {
    let bench = bench();
    let shown = |version| bench.value("risk_model_info", &[("model", "var"), ("version", version)]);
    bench.risk.set_model_version("var", "1.0.0");
    bench.risk.set_model_version("var", "2.0.0");
    bench.risk.set_model_version("volatility", "1.0.0");
    assert_eq!([shown("1.0.0"), shown("2.0.0")], [None, Some(1.0)]);
    bench.risk.set_model_version("var", "1.0.0");
    assert_eq!([shown("1.0.0"), shown("2.0.0")], [Some(1.0), None]);
}

#[test]
fn batch_runs_while_its_timer_lives() {
    let bench = bench();
    let batch = bench.risk.batch("nightly");
    assert_eq!(bench.batch("risk_batch_running"), Some(0.0));
    assert_eq!(bench.batch("risk_batch_started_timestamp_seconds"), None);
    let run = batch.start();
    assert_eq!(bench.batch("risk_batch_running"), Some(1.0));
    assert_eq!(bench.batch("risk_batch_started_timestamp_seconds"), Some(START));
    bench.held.advance(Duration::from_secs(600));
    run.failed();
    assert_eq!(bench.batch("risk_batch_running"), Some(0.0));
    assert_eq!(bench.batch("risk_batch_last_success_timestamp_seconds"), None);
    assert!(
        bench.registry.render().contains("risk_batch_duration_seconds_sum{batch=\"nightly\",outcome=\"failed\"} 600\n")
    );
}

#[test]
fn success_of_a_batch_sets_its_timestamp() {
    let bench = bench();
    let batch = bench.risk.batch("nightly");
    batch
        .execute(|| {
            bench.held.advance(Duration::from_secs(7));
            batch.items().ok();
            Ok::<_, Infallible>(())
        })
        .unwrap();
    assert_eq!(bench.batch("risk_batch_last_success_timestamp_seconds"), Some(START + 7.0));
    bench.held.advance(Duration::from_secs(3));
    batch.record(Duration::from_secs(60), Outcome::Ok);
    assert_eq!(bench.batch("risk_batch_last_success_timestamp_seconds"), Some(START + 10.0));
    assert_eq!(bench.batch("risk_batch_running"), Some(0.0), "what was measured elsewhere was never running here");
}

#[test]
fn batch_shows_stored_times_items_and_its_deadline() {
    let bench = bench();
    let batch = bench.risk.batch("nightly");
    assert_eq!(bench.batch("risk_batch_deadline_timestamp_seconds"), None);
    assert_eq!(bench.batch("risk_batch_items_expected"), None);
    batch.set_deadline(SystemTime::UNIX_EPOCH + Duration::from_secs(1_737_600_000));
    batch.last_succeeded_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_737_500_000));
    batch.set_deadline(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
    batch.expect_items(20);
    batch.items().record_many(Outcome::Ok, 12);
    batch.items().failed();
    assert_eq!(bench.batch("risk_batch_deadline_timestamp_seconds"), Some(1_737_600_000.0));
    assert_eq!(bench.batch("risk_batch_last_success_timestamp_seconds"), Some(1_737_500_000.0));
    assert_eq!(bench.batch("risk_batch_items_expected"), Some(20.0));
    let items = |outcome| bench.value("risk_batch_items_total", &[("batch", "nightly"), ("outcome", outcome)]);
    assert_eq!([items("ok"), items("failed"), items("cancelled")], [Some(12.0), Some(1.0), Some(0.0)]);
    assert_eq!(bench.diagnostics.total(Problem::SampleRejected), 1);
}

#[test]
fn panicking_batch_stops_running() {
    let bench = bench();
    let batch = bench.risk.batch("nightly");
    let work = || batch.execute(|| -> Result<(), ()> { panic!("on purpose") });
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
    assert_eq!(bench.batch("risk_batch_running"), Some(0.0));
    let labels = [("batch", "nightly"), ("outcome", "panicked")];
    bench.registry.snapshot().assert_samples("risk_batch_duration_seconds", &labels, 1);
}
