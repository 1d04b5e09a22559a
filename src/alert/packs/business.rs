//! Portfolio, risk and token.

use std::time::Duration;

use super::minutes;
use crate::alert::rule::{Across, Condition, GuideLine, Pack, Quantity, Rule, Selector, Value, metric};
use crate::severity::Severity;

/// How work ends that did not do what it should.
const FAILED: [&str; 2] = ["failed", "panicked"];

/// Of what was counted in a time, the share that is of a kind.
fn share(of: Selector, to: Selector, within: Duration) -> Value {
    Value::increase(of, within).over(Value::increase(to, within))
}

fn at_least(count: f64, of: Selector, within: Duration) -> Condition {
    Value::events(of, within).at_least(Quantity::count(count))
}

fn overdue(name: &str, timestamp: &str, interval: &str) -> Rule {
    // Three intervals: two may fail before anybody has to know.
    let condition = Condition::Overdue { timestamp: metric(timestamp), interval: metric(interval), intervals: 3.0 };
    Rule::new(name, Pack::Service, condition).lasting(minutes(5))
}

/// Why being late cannot be known sooner.
const LATE_BY_DEFINITION: &str = "it counts from when the update is overdue, and five minutes later it still is";

pub(super) fn portfolio() -> Vec<Rule> {
    let syncs = || metric("portfolio_syncs_total");
    let failed = || syncs().one_of("outcome", FAILED);
    let window = minutes(15);
    let failing = share(failed(), syncs(), window).above(Quantity::ratio(0.1)).and(at_least(3.0, failed(), window));
    let checks = || metric("portfolio_data_checks_total").is("reference", "broker_live");
    let compared = checks().one_of("result", ["match", "mismatch"]);
    let mismatch = share(checks().is("result", "mismatch"), compared, minutes(15)).above(Quantity::ratio(0.05));
    vec![
        Rule::new("PortfolioSyncFailing", Pack::Service, failing)
            .by(["service", "environment", "source"])
            .severity(Severity::Critical)
            .summary("Synchronisations of portfolios fail.")
            .description("{value} of the synchronisations with {source} by {service} in {environment} fail.")
            .guide([GuideLine::PortfolioSyncIssues])
            .takes_time("three failures and a tenth of a quarter of an hour's: a single one is repeated by itself"),
        overdue(
            "PortfolioDataOverdue",
            "portfolio_last_update_timestamp_seconds",
            "portfolio_update_expected_interval_seconds",
        )
        .by(["service", "environment", "source"])
        .severity(Severity::Critical)
        .summary("Portfolio data is older than it may be.")
        .description(
            "Portfolio data from {source} in {service} in {environment} was last updated {value} ago, or never.",
        )
        .takes_time(LATE_BY_DEFINITION),
        Rule::new("PortfolioDataMismatch", Pack::Service, mismatch)
            .by(["service", "environment", "source"])
            .lasting(minutes(15))
            .summary("Our portfolios differ from the broker's.")
            .description("{value} of the portfolios that {service} in {environment} compared with {source} differ."),
        statement_break_overdue(),
    ]
}

/// The oldest break's own deadline knows of weekends, which a rule does not.
fn statement_break_overdue() -> Rule {
    let due = metric("portfolio_oldest_break_due_timestamp_seconds").is("reference", "broker_statement");
    Rule::new("PortfolioStatementBreakOverdue", Pack::Service, Value::Age { of: due }.above(Quantity::seconds(0.0)))
        .severity(Severity::Critical)
        .lasting(minutes(1))
        .summary("A difference from the broker's statement has been open for more than a business day.")
        .description("The oldest break of {service} in {environment} should have been resolved {value} ago.")
}

pub(super) fn risk() -> Vec<Rule> {
    let window = minutes(15);
    let failures = |fault: &str| metric("risk_calculation_failures_total").is("fault", fault);
    let executions = || metric("risk_model_execution_duration_seconds");
    let fails = |fault: &str| {
        share(failures(fault), executions(), window).above(Quantity::ratio(0.05)).and(at_least(
            3.0,
            failures(fault),
            window,
        ))
    };
    let zone = |name: &str, threshold: f64| {
        let light = Value::latest(metric("risk_var_traffic_light"), Across::Max);
        Rule::new(name, Pack::Service, light.at_least(Quantity::count(threshold)))
            .by(["service", "environment", "model", "book", "confidence"])
            .description(
                "{model} for {book} at {confidence} in {service} in {environment} has more breaches than it may.",
            )
    };
    let late = Value::Age { of: metric("risk_batch_deadline_timestamp_seconds") };
    vec![
        Rule::new("RiskCalculationFailures", Pack::Service, fails("ours"))
            .by(["service", "environment", "model"])
            .severity(Severity::Critical)
            .summary("Risk calculations fail, and it is our fault.")
            .description("{value} of the calculations of {model} in {service} in {environment} fail.")
            .guide([GuideLine::RiskCalculationFailures])
            .takes_time("three failures and 5 % of a quarter of an hour's calculations"),
        Rule::new("RiskDataFailures", Pack::Service, fails("data"))
            .by(["service", "environment", "model"])
            .lasting(minutes(5))
            .summary("Risk calculations fail for want of data.")
            .description("{value} of the calculations of {model} in {service} in {environment} lack data."),
        Rule::new("RiskBatchOverdue", Pack::Service, late.above(Quantity::seconds(0.0)))
            .by(["service", "environment", "batch"])
            .severity(Severity::Critical)
            .lasting(minutes(1))
            .summary("A batch has not succeeded by its deadline.")
            .description("{batch} of {service} in {environment} is {value} past its deadline."),
        zone("VarModelInRedZone", 2.0).summary("A value-at-risk model is in the red zone of the traffic light."),
        zone("VarModelInYellowZone", 1.0)
            .severity(Severity::Info)
            .summary("A value-at-risk model has left the green zone of the traffic light."),
    ]
}

/// More than 5 % of those who are eligible.
const ELIGIBLE_FOR_EACH_EXPIRING: f64 = 20.0;

pub(super) fn token() -> Vec<Rule> {
    let failed = metric("token_requirement_adjustments_total").one_of("outcome", FAILED);
    let decisions = || metric("token_access_decisions_total");
    let guessed = || decisions().one_of("basis", ["fail_open", "fail_closed"]);
    let blind = share(guessed(), decisions(), minutes(5)).above(Quantity::ratio(0.05)).and(at_least(
        10.0,
        guessed(),
        minutes(5),
    ));
    let grace = |name: &str| Value::latest(metric(name), Across::Max);
    let expiring = || grace("token_grace_periods_expiring");
    // Not the share of those who are eligible: there is none once nobody is, which is when it matters most.
    let eligible = Value::latest(metric("token_holders").is("state", "eligible"), Across::Max);
    let few_eligible = eligible.over(expiring()).below(Quantity::ratio(ELIGIBLE_FOR_EACH_EXPIRING));
    vec![
        Rule::new("TokenRequirementUpdateFailing", Pack::Service, at_least(1.0, failed, minutes(30)))
            .by(["service", "environment", "tier"])
            .severity(Severity::Critical)
            .summary("Requirements of tokens cannot be updated.")
            .description("{value} updates of the requirement of {tier} by {service} in {environment} failed.")
            .guide([GuideLine::TokenRequirementUpdateFailures]),
        overdue(
            "TokenRequirementOverdue",
            "token_requirement_last_update_timestamp_seconds",
            "token_requirement_update_expected_interval_seconds",
        )
        .by(["service", "environment", "tier"])
        .summary("The requirement of a tier was not determined in time.")
        .description(
            "The requirement of {tier} in {service} in {environment} is {value} old, or was never determined.",
        ),
        overdue(
            "TokenPriceOverdue",
            "token_price_last_update_timestamp_seconds",
            "token_price_update_expected_interval_seconds",
        )
        .by(["service", "environment", "token"])
        .summary("The price of a token is older than it may be.")
        .description("The price of {token} in {service} in {environment} is {value} old, or was never taken."),
        Rule::new(
            "TokenGracePeriodsExpiring",
            Pack::Service,
            expiring().at_least(Quantity::count(20.0)).and(few_eligible),
        )
        .by(["service", "environment", "tier"])
        .lasting(minutes(30))
        .summary("Many holders are about to lose their access at once.")
        .description("{value} grace periods of {tier} of {service} in {environment} end within 24 hours, more than one for each twenty who are eligible.")
        .guide([GuideLine::GracePeriodExpirationWarnings])
        .takes_time("grace periods end within a day: half an hour of it tells a wave from a ripple"),
        Rule::new(
            "TokenGraceNotEnforced",
            Pack::Service,
            grace("token_grace_periods_overdue").above(Quantity::count(0.0)),
        )
        .by(["service", "environment", "tier"])
        .severity(Severity::Critical)
        .lasting(minutes(15))
        .summary("Holders have access beyond the end of their grace period.")
        .description("{value} grace periods of {tier} in {environment} are over, and access is still granted.")
        .takes_time("whoever enforces the ends has fifteen minutes for it"),
        Rule::new("TokenAccessUndecided", Pack::Service, blind)
            .by(["service", "environment"])
            .severity(Severity::Critical)
            .lasting(minutes(1))
            .summary("Access is granted or denied without knowing.")
            .description(
                "{value} of the decisions on access of {service} in {environment} are guesses: nobody could look.",
            )
            .takes_time("5 % of five minutes' decisions, and a minute more"),
    ]
}
