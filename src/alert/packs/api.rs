//! Requests: endpoints that are down, errors, latency, objectives.

use std::time::Duration;

use super::{Settings, hours, minutes};
use crate::alert::rule::{Condition, GuideLine, Pack, Quantity, Role, Rule, Selector, Value, metric, role};
use crate::severity::Severity;

const BY_SERVICE: [&str; 2] = ["service", "environment"];
const BY_ROUTE: [&str; 3] = ["service", "environment", "route"];

pub(super) fn rules(settings: &Settings) -> Vec<Rule> {
    vec![
        endpoint_down(),
        error_rate_high(settings),
        error_rate_elevated(settings),
        latency_high(settings),
        route_latency_high(settings),
    ]
}

pub(super) fn objectives(settings: &Settings) -> Vec<Rule> {
    vec![budget_burns_fast(settings.objective), budget_burns_slowly(settings.objective)]
}

/// Routes with an objective page by that, so they leave what is judged by fixed thresholds.
fn others(of: Role, settings: &Settings) -> Selector {
    if settings.routes.is_empty() { role(of) } else { role(of).none_of("route", settings.routes.iter().cloned()) }
}

/// Of requests that were not given up by clients, the share that failed.
fn error_ratio(settings: &Settings, within: Duration) -> Value {
    let count = |of| Value::increase(others(of, settings), within);
    count(Role::Errors).over(count(Role::Requests))
}

/// Counts rather than rates, so that little traffic is neither loud nor blind; a first error counts too.
fn errors_at_least(count: f64, settings: &Settings, within: Duration) -> Condition {
    Value::events(others(Role::Errors, settings), within).at_least(Quantity::count(count))
}

fn endpoint_down() -> Rule {
    let count = |of| Value::increase(role(of), minutes(1));
    let enough = count(Role::Requests).at_least(Quantity::count(5.0));
    let failing = count(Role::Errors).over(count(Role::Requests)).above(Quantity::ratio(0.95));
    Rule::new("ApiEndpointDown", Pack::Service, failing.and(enough))
        .by(BY_ROUTE)
        .severity(Severity::Critical)
        .lasting(minutes(1))
        .summary("An endpoint answers nearly every request with an error.")
        .description("{value} of the requests to {route} of {service} in {environment} fail.")
        .guide([GuideLine::ApiEndpointDowntime])
        .takes_time(
            "the guide speaks of a minute of downtime: one until 95 % of a minute's requests have failed, one more",
        )
}

fn error_rate_high(settings: &Settings) -> Rule {
    let enough = errors_at_least(5.0, settings, minutes(5));
    let condition = error_ratio(settings, minutes(5)).above(Quantity::ratio(0.01)).and(enough);
    Rule::new("ApiErrorRateHigh", Pack::Service, condition)
        .by(BY_SERVICE)
        .severity(Severity::Critical)
        .lasting(minutes(2))
        .summary("More than one request in a hundred fails.")
        .description("{value} of the requests to {service} in {environment} failed in the last five minutes.")
        .guide([GuideLine::ErrorRate])
        .takes_time("a rate of 1 % is a verdict over two minutes, so that one bad moment pages nobody")
}

fn error_rate_elevated(settings: &Settings) -> Rule {
    let enough = errors_at_least(3.0, settings, hours(1));
    let condition = error_ratio(settings, hours(1)).above(Quantity::ratio(0.05)).and(enough);
    Rule::new("ApiErrorRateElevated", Pack::Service, condition)
        .by(BY_SERVICE)
        .summary("A service with little traffic fails often.")
        .description("{value} of the requests to {service} in {environment} failed in the last hour.")
}

fn slow(settings: &Settings) -> Condition {
    let enough = Value::increase(others(Role::Latency, settings), minutes(5)).at_least(Quantity::count(100.0));
    Value::quantile(others(Role::Latency, settings), 0.95, minutes(5)).above(Quantity::seconds(0.5)).and(enough)
}

fn latency_high(settings: &Settings) -> Rule {
    Rule::new("ApiLatencyHigh", Pack::Service, slow(settings))
        .by(BY_SERVICE)
        .severity(Severity::Critical)
        .lasting(minutes(5))
        .clear_at(0.45)
        .summary("One request in twenty takes longer than half a second.")
        .description("The 95th percentile of {service} in {environment} is {value}.")
        .guide([GuideLine::ResponseTime])
        .takes_time("a percentile is a verdict over five minutes, so that one slow moment pages nobody")
}

fn route_latency_high(settings: &Settings) -> Rule {
    Rule::new("ApiRouteLatencyHigh", Pack::Service, slow(settings))
        .by(BY_ROUTE)
        .lasting(minutes(5))
        .clear_at(0.45)
        .summary("One request in twenty to a route takes longer than half a second.")
        .description("The 95th percentile of {route} of {service} in {environment} is {value}.")
}

/// Of requests to a route with an objective, the share that met it.
fn met(within: Duration) -> Value {
    let counted = |name| Value::increase(metric(name), within);
    counted("api_objective_met_total").over(counted("api_objective_requests_total"))
}

/// The budget burns `times` as fast as it may, over a long and a short window: for a while, and still.
fn burns(objective: f64, times: f64, long: Duration, short: Duration) -> Condition {
    let threshold = Quantity::ratio(1.0 - times * (1.0 - objective));
    let enough = Value::increase(metric("api_objective_requests_total"), short).at_least(Quantity::count(10.0));
    met(long).below(threshold).and(met(short).below(threshold)).and(enough)
}

// Windows and factors are those of the SRE workbook, for a budget of thirty days: 2 % of it in an hour, 5 % in six, 10 % in
// one day or three.
fn budget_burns_fast(objective: f64) -> Rule {
    let condition = burns(objective, 14.4, hours(1), minutes(5)).or(burns(objective, 6.0, hours(6), minutes(30)));
    Rule::new("ApiErrorBudgetBurnsFast", Pack::Service, condition)
        .by(BY_ROUTE)
        .severity(Severity::Critical)
        .summary("An endpoint uses up the error budget of its objective within days.")
        .description("Only {value} of the requests to {route} of {service} in {environment} meet the objective.")
        .takes_time("how fast a budget burns is a verdict over an hour: the worse the fault, the sooner it pages")
}

fn budget_burns_slowly(objective: f64) -> Rule {
    let condition = burns(objective, 3.0, hours(24), hours(2)).or(burns(objective, 1.0, hours(72), hours(6)));
    Rule::new("ApiErrorBudgetBurnsSlowly", Pack::Service, condition)
        .by(BY_ROUTE)
        .summary("An endpoint will have used up the error budget of its objective before the month is over.")
        .description("Only {value} of the requests to {route} of {service} in {environment} meet the objective.")
}
