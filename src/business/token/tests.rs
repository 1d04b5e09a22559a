use std::time::Duration;

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
    token: Token,
}

fn bench() -> Bench {
    let (diagnostics, held) = (Diagnostics::new(), ManualClock::new());
    let registry = Registry::with(RegistryOptions::new().diagnostics(diagnostics.clone()));
    let token = Token::new(&Meter::new(&registry), held.clock()).unwrap();
    Bench { registry, diagnostics, held, token }
}

impl Bench {
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.registry.snapshot().value(name, labels)
    }

    fn of_pro(&self, name: &str) -> Option<f64> {
        self.value(name, &[("tier", "pro")])
    }
}

#[test]
fn resolved_counters_exist_at_zero() {
    let bench = bench();
    let _ = bench.token.price_updates("SOL", "pyth");
    let _ = bench.token.requirement("pro");
    let _ = bench.token.grace_periods("pro");
    let _ = bench.token.balance_verifications();
    let snapshot = bench.registry.snapshot();
    let series = |name| snapshot.family(name).unwrap().series.len();
    assert_eq!(series("token_price_updates_total"), 8, "five outcomes and three rejections");
    assert_eq!(series("token_requirement_adjustments_total"), 10);
    assert_eq!(series("token_grace_periods_started_total"), 3);
    assert_eq!(series("token_grace_periods_ended_total"), 4);
    assert_eq!(series("token_balance_verification_duration_seconds"), 5);
}

#[test]
fn taken_price_sets_the_timestamp_of_its_token_and_a_rejected_one_does_not() {
    let bench = bench();
    let timestamp = || bench.value("token_price_last_update_timestamp_seconds", &[("token", "SOL")]);
    let (pyth, dex) = (bench.token.price_updates("SOL", "pyth"), bench.token.price_updates("SOL", "dex"));
    for rejection in PriceRejection::ALL {
        pyth.rejected(*rejection);
    }
    pyth.failed();
    drop(pyth.start());
    assert_eq!(timestamp(), None, "absent until known");
    dex.record(Outcome::Ok);
    assert_eq!(timestamp(), Some(START));
    bench.held.advance(Duration::from_secs(2));
    pyth.execute(|| Ok::<_, ()>(())).unwrap();
    assert_eq!(timestamp(), Some(START + 2.0));
    let counted = |outcome| {
        bench.value("token_price_updates_total", &[("token", "SOL"), ("source", "pyth"), ("outcome", outcome)])
    };
    assert_eq!([counted("stale"), counted("outlier"), counted("bad_signature")], [Some(1.0); 3]);
    assert_eq!([counted("ok"), counted("failed"), counted("abandoned")], [Some(1.0); 3]);
}

#[test]
fn expected_interval_of_prices_is_absent_until_told() {
    let bench = bench();
    let interval = || bench.value("token_price_update_expected_interval_seconds", &[("token", "SOL")]);
    let freshness = bench.token.price_freshness("SOL");
    assert_eq!(interval(), None);
    freshness.expect_every(Duration::from_secs(10));
    assert_eq!(interval(), Some(10.0));
}

#[tokio::test]
async fn async_price_update_counts_its_end() {
    let bench = bench();
    let prices = bench.token.price_updates("SOL", "pyth");
    assert_eq!(prices.execute_async(async { Err::<u8, _>("down") }).await, Err("down"));
    let labels = [("token", "SOL"), ("source", "pyth"), ("outcome", "failed")];
    bench.registry.snapshot().assert_value("token_price_updates_total", &labels, 1);
}

#[test]
fn required_amount_is_absent_until_set_and_refuses_what_is_no_amount() {
    let bench = bench();
    let pro = bench.token.requirement("pro");
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        pro.set_amount(bad);
    }
    assert_eq!(bench.of_pro("token_requirement_amount"), None);
    assert_eq!(bench.of_pro("token_requirement_last_update_timestamp_seconds"), None);
    assert_eq!(bench.diagnostics.total(Problem::SampleRejected), 3);
    pro.set_amount(1_172.0);
    pro.freshness().expect_none();
    assert_eq!(bench.of_pro("token_requirement_amount"), Some(1_172.0));
    assert_eq!(bench.of_pro("token_requirement_last_update_timestamp_seconds"), Some(START));
    assert_eq!(bench.of_pro("token_requirement_update_expected_interval_seconds"), Some(0.0));
}

#[test]
fn exact_amount_is_shown_in_tokens() {
    let bench = bench();
    bench.token.requirement("pro").set(TokenAmount::new(1_172_500_000_000, 9).unwrap());
    assert_eq!(bench.of_pro("token_requirement_amount"), Some(1_172.5));
}

#[test]
fn divergence_is_between_fresh_prices_of_two_sources() {
    let bench = bench();
    let divergence = || bench.value("token_price_divergence_ratio", &[("token", "SOL")]);
    let (pyth, dex) = (bench.token.price_updates("SOL", "pyth"), bench.token.price_updates("SOL", "dex"));
    pyth.priced(PriceUnits::new(1_000_000));
    assert_eq!(divergence(), None, "one price differs from none");
    dex.priced(PriceUnits::new(1_250_000));
    assert_eq!(divergence(), Some(0.25));
    bench.held.advance(Duration::from_secs(61));
    assert_eq!(divergence(), None, "after a minute, while nobody said how often one is expected");
    bench.token.price_freshness("SOL").expect_every(Duration::from_secs(30));
    assert_eq!(divergence(), Some(0.25), "three intervals");
    bench.held.advance(Duration::from_secs(30));
    pyth.priced(PriceUnits::new(1_100_000));
    assert_eq!(divergence(), None, "one of them is too old");
    dex.priced(PriceUnits::new(1_100_000));
    assert_eq!(divergence(), Some(0.0));
}

#[test]
fn each_source_has_its_age_and_a_price_of_nothing_is_none() {
    let bench = bench();
    let pyth = bench.token.price_updates("SOL", "pyth");
    let updated = || {
        let labels = [("token", "SOL"), ("source", "pyth")];
        bench.value("token_price_source_last_update_timestamp_seconds", &labels)
    };
    pyth.priced(PriceUnits::new(0));
    assert_eq!((updated(), bench.diagnostics.total(Problem::SampleRejected)), (None, 1));
    pyth.priced(PriceUnits::new(7));
    bench.held.advance(Duration::from_secs(9));
    bench.token.price_updates("SOL", "dex").priced(PriceUnits::new(7));
    assert_eq!(updated(), Some(START));
    pyth.execute(|| Err::<(), _>(())).unwrap_err();
    assert_eq!(updated(), Some(START));
    pyth.execute(|| Ok::<_, ()>(())).unwrap();
    assert_eq!(updated(), Some(START + 9.0));
    let ok = [("token", "SOL"), ("source", "pyth"), ("outcome", "ok")];
    bench.registry.snapshot().assert_value("token_price_updates_total", &ok, 2);
}

#[test]
fn outliers_count_by_the_rule_that_they_broke() {
    let bench = bench();
    let pyth = bench.token.price_updates("SOL", "pyth");
    for rule in ["jump", "jump", "away-from-others", "No rule"] {
        pyth.outlier(rule);
    }
    let outliers = |rule| {
        let labels = [("token", "SOL"), ("source", "pyth"), ("rule", rule)];
        bench.value("token_price_outliers_total", &labels)
    };
    assert_eq!(["jump", "away-from-others", "_other"].map(outliers), [Some(2.0), Some(1.0), Some(1.0)]);
    bench.registry.snapshot().assert_sum("token_price_updates_total", &[("outcome", "outlier")], 4);
}

#[test]
fn holders_are_absent_until_somebody_looked() {
    let bench = bench();
    let holders = bench.token.holders("pro");
    bench.registry.snapshot().assert_absent("token_holders", &[]);
    holders.set(HolderCounts { eligible: 40, grace: 3, expired: 2 });
    let shown = |state| bench.value("token_holders", &[("tier", "pro"), ("state", state)]);
    assert_eq!(["eligible", "grace", "expired"].map(shown), [Some(40.0), Some(3.0), Some(2.0)]);
}

#[test]
fn slot_lag_is_how_far_an_answer_is_behind_what_was_seen() {
    let bench = bench();
    let lag = bench.token.balance_slot_lag();
    for (answered, seen) in [(100, 100), (100, 103), (101, 100)] {
        lag.record(Slot::new(answered), Slot::new(seen));
    }
    let histogram = bench.registry.snapshot().histogram("token_balance_slot_lag", &[]).unwrap();
    assert_eq!((histogram.count(), histogram.sum), (3, 3.0));
}

#[test]
fn adjustments_count_by_direction() {
    let bench = bench();
    let pro = bench.token.requirement("pro");
    pro.adjustments(Direction::Up).ok();
    pro.adjustments(Direction::Down).failed();
    let counted = |direction, outcome| {
        let labels = [("tier", "pro"), ("direction", direction), ("outcome", outcome)];
        bench.value("token_requirement_adjustments_total", &labels)
    };
    assert_eq!([counted("up", "ok"), counted("down", "failed")], [Some(1.0); 2]);
    assert_eq!([counted("up", "failed"), counted("down", "ok")], [Some(0.0); 2]);
}

#[test]
fn grace_states_are_absent_until_somebody_looked() {
    let bench = bench();
    let pro = bench.token.grace_periods("pro");
    let states = ["active", "expiring", "paused", "overdue"];
    let shown = || states.map(|state| bench.of_pro(&format!("token_grace_periods_{state}")));
    assert_eq!(shown(), [None; 4]);
    pro.set(GraceCounts { active: 4, expiring: 3, paused: 2, overdue: 1 });
    assert_eq!(shown(), [Some(4.0), Some(3.0), Some(2.0), Some(1.0)]);
    pro.set(GraceCounts::default());
    assert_eq!(shown(), [Some(0.0); 4]);
}

#[test]
fn end_of_a_grace_period_counts_even_with_a_bad_share() {
    let bench = bench();
    let pro = bench.token.grace_periods("pro");
    pro.started(GraceCause::BalanceDropped);
    for used in [0.0, 1.0, 1.01, -0.1, f64::NAN] {
        pro.ended(GraceResult::Expired, used);
    }
    let ended = bench.value("token_grace_periods_ended_total", &[("tier", "pro"), ("result", "expired")]);
    assert_eq!(ended, Some(5.0));
    assert_eq!(bench.of_pro("token_grace_period_utilization_ratio"), Some(2.0));
    assert_eq!(bench.diagnostics.total(Problem::SampleRejected), 3);
    let started = [("tier", "pro"), ("cause", "balance_dropped")];
    bench.registry.snapshot().assert_value("token_grace_periods_started_total", &started, 1);
}

#[test]
fn access_decisions_count_by_basis_and_reason() {
    let bench = bench();
    let access = bench.token.access_decisions();
    access.declare(&[(Decision::Deny, Basis::Verified, AccessReason::new("balance_too_low"))]);
    let counted = |decision, basis, reason| {
        let labels = [("decision", decision), ("basis", basis), ("reason", reason)];
        bench.value("token_access_decisions_total", &labels)
    };
    assert_eq!(counted("deny", "verified", "balance_too_low"), Some(0.0));
    for _ in 0..2 {
        access.record(Decision::Deny, Basis::FailClosed, "balance_unknown");
        access.record(Decision::Grant, Basis::Override, "Because I say so");
    }
    assert_eq!(counted("deny", "fail_closed", "balance_unknown"), Some(2.0));
    assert_eq!(counted("grant", "override", "_other"), Some(2.0));
    assert_eq!(bench.diagnostics.total(Problem::UnknownLabelValue), 1, "counted when it is first seen");
}

#[test]
fn access_reasons_past_the_bound_share_one_series() {
    let bench = bench();
    let access = bench.token.access_decisions();
    for reason in 0..200 {
        access.record(Decision::Deny, Basis::Cached, &*format!("reason-{reason}").leak());
    }
    bench.registry.snapshot().assert_sum("token_access_decisions_total", &[], 200);
    let other = [("decision", "deny"), ("basis", "cached"), ("reason", "_other")];
    bench.registry.snapshot().assert_value("token_access_decisions_total", &other, 72);
}

#[test]
fn unknown_token_is_other_and_counted() {
    let bench = bench();
    bench.token.price_updates("So11111111111111111111111111111111111111112", "pyth").ok();
    let labels = [("token", "_other"), ("source", "pyth"), ("outcome", "ok")];
    bench.registry.snapshot().assert_value("token_price_updates_total", &labels, 1);
    assert_eq!(bench.diagnostics.total(Problem::UnknownLabelValue), 1);
}
