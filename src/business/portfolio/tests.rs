use std::time::{Duration, SystemTime};

use super::*;
use crate::business::Outcome;
use crate::clock::ManualClock;
use crate::diagnostics::{Diagnostics, Problem};
use crate::metrics::{Meter, Registry, RegistryOptions};

/// The moment at which a [`ManualClock`] starts.
const START: f64 = 1_737_541_800.0;

struct Bench {
    registry: Registry,
    diagnostics: Diagnostics,
    held: ManualClock,
    portfolio: Portfolio,
}

fn bench() -> Bench {
    let (diagnostics, held) = (Diagnostics::new(), ManualClock::new());
    let registry = Registry::with(RegistryOptions::new().diagnostics(diagnostics.clone()));
    let portfolio = Portfolio::new(&Meter::new(&registry), held.clock()).unwrap();
    Bench { registry, diagnostics, held, portfolio }
}

impl Bench {
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.registry.snapshot().value(name, labels)
    }
}

#[test]
fn resolved_counters_exist_at_zero() {
    let bench = bench();
    assert_eq!(bench.registry.snapshot().sum("portfolio_updates_total", &[]), None, "nothing is resolved yet");
    let _ = bench.portfolio.updates("price-feed");
    let _ = bench.portfolio.syncs("ibkr");
    let _ = bench.portfolio.api_calls("ibkr", "positions");
    let _ = bench.portfolio.data_checks("ibkr", Reference::BrokerLive);
    for outcome in Outcome::ALL {
        let outcome = ("outcome", outcome.as_str());
        bench.registry.snapshot().assert_value("portfolio_updates_total", &[("source", "price-feed"), outcome], 0);
        bench.registry.snapshot().assert_value("portfolio_syncs_total", &[("source", "ibkr"), outcome], 0);
        let labels = [("provider", "ibkr"), ("operation", "positions"), outcome];
        bench.registry.snapshot().assert_value("portfolio_api_calls_total", &labels, 0);
    }
    for result in ["match", "mismatch", "missing_ours", "missing_reference", "stale_pair"] {
        let labels = [("source", "ibkr"), ("reference", "broker_live"), ("result", result)];
        assert_eq!(bench.value("portfolio_data_checks_total", &labels), Some(0.0), "{result}");
    }
}

#[test]
fn successful_update_sets_its_timestamp_and_a_failed_one_does_not() {
    let bench = bench();
    let updates = bench.portfolio.updates("price-feed");
    let timestamp = || bench.value("portfolio_last_update_timestamp_seconds", &[("source", "price-feed")]);
    updates.failed();
    updates.record_many(Outcome::Ok, 0);
    assert_eq!(timestamp(), None, "absent until known");
    bench.held.advance(Duration::from_secs(5));
    updates.execute(|| Ok::<_, ()>(())).unwrap();
    assert_eq!(timestamp(), Some(START + 5.0));
    bench.held.advance(Duration::from_secs(5));
    updates.execute(|| Err::<(), _>(())).unwrap_err();
    drop(updates.start());
    assert_eq!(timestamp(), Some(START + 5.0));
    let counted = |outcome| bench.value("portfolio_updates_total", &[("source", "price-feed"), ("outcome", outcome)]);
    assert_eq!([counted("ok"), counted("failed"), counted("abandoned")], [Some(1.0), Some(2.0), Some(1.0)]);
}

#[test]
fn freshness_is_absent_until_told_and_zero_when_nothing_is_expected() {
    let bench = bench();
    let freshness = bench.portfolio.freshness("ibkr");
    let interval = || bench.value("portfolio_update_expected_interval_seconds", &[("source", "ibkr")]);
    assert_eq!(interval(), None);
    freshness.expect_every(Duration::from_millis(1500));
    assert_eq!(interval(), Some(1.5));
    freshness.expect_none();
    assert_eq!(interval(), Some(0.0));
}

#[test]
fn stored_timestamp_is_taken_over_and_one_before_1970_is_refused() {
    let bench = bench();
    let freshness = bench.portfolio.freshness("ibkr");
    freshness.updated_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    freshness.updated_at(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
    let timestamp = bench.value("portfolio_last_update_timestamp_seconds", &[("source", "ibkr")]);
    assert_eq!(timestamp, Some(1_700_000_000.0));
    assert_eq!(bench.diagnostics.total(Problem::SampleRejected), 1);
}

#[test]
fn bad_deviation_is_refused_and_its_check_still_counts() {
    let bench = bench();
    let checks = bench.portfolio.data_checks("ibkr", Reference::BrokerStatement);
    for deviation in [f64::NAN, f64::INFINITY, -0.1] {
        checks.record(DataCheck::Mismatch { deviation });
    }
    checks.record(DataCheck::Match { deviation: 0.0 });
    checks.record(DataCheck::MissingOurs);
    let labels = [("source", "ibkr"), ("reference", "broker_statement")];
    bench.registry.snapshot().assert_samples("portfolio_data_deviation_ratio", &labels, 1);
    assert_eq!(bench.diagnostics.total(Problem::SampleRejected), 3);
    let counted = |result| bench.value("portfolio_data_checks_total", &[labels[0], labels[1], ("result", result)]);
    assert_eq!([counted("mismatch"), counted("match"), counted("missing_ours")], [Some(3.0), Some(1.0), Some(1.0)]);
}

#[test]
fn open_breaks_are_absent_until_a_reconciliation_said_so() {
    let bench = bench();
    let breaks = bench.portfolio.open_breaks(Reference::BrokerStatement, Component::Fx);
    let labels = [("reference", "broker_statement"), ("component", "fx")];
    assert_eq!(bench.value("portfolio_open_breaks", &labels), None);
    breaks.set(0);
    bench.registry.snapshot().assert_value("portfolio_open_breaks", &labels, 0);
    breaks.set(3);
    bench.registry.snapshot().assert_value("portfolio_open_breaks", &labels, 3);
}

#[test]
fn handles_of_one_name_share_their_series() {
    let bench = bench();
    bench.portfolio.syncs("ibkr").ok();
    bench.portfolio.clone().syncs("ibkr").ok();
    let labels = [("source", "ibkr"), ("outcome", "ok")];
    bench.registry.snapshot().assert_value("portfolio_syncs_total", &labels, 2);
}

#[test]
fn second_entrance_to_one_registry_shares_its_families() {
    let bench = bench();
    let again = Portfolio::new(&Meter::new(&bench.registry), bench.held.clock()).unwrap();
    again.syncs("ibkr").ok();
    bench.portfolio.syncs("ibkr").ok();
    bench.registry.snapshot().assert_sum("portfolio_syncs_total", &[("source", "ibkr")], 2);
}

#[test]
fn bad_names_are_recorded_as_other() {
    let bench = bench();
    bench.portfolio.api_calls("IBKR", "get positions").ok();
    let labels = [("provider", "_other"), ("operation", "_other"), ("outcome", "ok")];
    bench.registry.snapshot().assert_value("portfolio_api_calls_total", &labels, 1);
    assert_eq!(bench.diagnostics.total(Problem::UnknownLabelValue), 2);
}
