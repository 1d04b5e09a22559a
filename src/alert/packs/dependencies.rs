//! What services share: dependencies, certificates, and whether anybody is there at all. One cause, one alert.

use std::time::Duration;

use super::{minutes, telemetry};
use crate::alert::rule::{Across, Condition, GuideLine, Missing, Pack, Quantity, Rule, Selector, Value, metric};
use crate::severity::Severity;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        telemetry::watchdog(),
        telemetry::service_absent(),
        telemetry::replicas_missing(),
        telemetry::public_endpoint_down(),
        dependency_down(),
        dependency_unreachable_from_some(),
        certificate_expires("TlsCertificateExpires", 14.0).summary("A certificate ends within two weeks."),
        certificate_expires("TlsCertificateExpiresSoon", 3.0)
            .severity(Severity::Critical)
            .summary("A certificate ends within three days."),
    ]
}

const BY_DEPENDENCY: [&str; 2] = ["environment", "dependency"];

/// A pod that is replaced in the middle of an outage does not end it.
const HELD: Duration = minutes(2);

/// How long the standard checks take to know: that of IBKR, the slowest, is an interval of 30 s, a third of one until the
/// second look, and two timeouts of 5 s. `health::CheckOptions::detected_within` tells it for each.
const SEEN_AFTER: Duration = Duration::from_secs(50);

/// Of the replicas that know how it is, the share that finds it unhealthy. One that has just started does not know yet, and in
/// an outage some start again and again; they would make a minority of those who know.
fn unhealthy() -> Value {
    let replicas = |of: Selector| Value::latest(of, Across::Sum);
    let status = || metric("health_check_status");
    replicas(status().is("status", "unhealthy"))
        .over(replicas(status().one_of("status", ["healthy", "degraded", "unhealthy"])))
}

fn in_maintenance() -> Condition {
    Value::latest(metric("health_check_maintenance"), Across::Max).at_least(Quantity::count(1.0))
}

fn dependency_down() -> Rule {
    let is_critical = Value::latest(metric("health_check_info").is("severity", "critical"), Across::Max);
    let condition = unhealthy()
        .above(Quantity::ratio(0.5))
        .unless(in_maintenance())
        .and(is_critical.at_least(Quantity::count(1.0)));
    Rule::new("DependencyDown", Pack::Fleet, condition)
        .by(BY_DEPENDENCY)
        .severity(Severity::Critical)
        .lasting(Duration::from_secs(30))
        // A replica that starts in an outage may find it healthy at first, such as a node that has stalled: that is no end.
        .clear_at(0.0)
        .missing(Missing::Holds(HELD))
        .seen_after(SEEN_AFTER)
        .summary("Most replicas find a dependency that they cannot do without unhealthy.")
        .description("{dependency} is down in {environment}.")
        .guide([GuideLine::DatabaseConnectionFailures, GuideLine::IbkrConnectionLoss, GuideLine::SolanaRpcIssues])
}

/// Some replicas cannot reach it and most can, or it is not one that anybody is woken for.
fn dependency_unreachable_from_some() -> Rule {
    let condition = unhealthy().above(Quantity::ratio(0.0)).unless(in_maintenance());
    Rule::new("DependencyUnreachableFromSome", Pack::Fleet, condition)
        .by(BY_DEPENDENCY)
        .lasting(minutes(3))
        .missing(Missing::Holds(HELD))
        .seen_after(SEEN_AFTER)
        .summary("Replicas find a dependency unhealthy.")
        .description("A share of {value} of the replicas in {environment} find {dependency} unhealthy.")
}

fn certificate_expires(name: &str, days: f64) -> Rule {
    let left = Value::Until { of: metric("tls_certificate_not_after_timestamp_seconds") };
    Rule::new(name, Pack::Fleet, left.below(Quantity::days(days)))
        .by(["environment", "service", "check"])
        .lasting(minutes(10))
        .description("The certificate that {check} of {service} in {environment} looks at ends in {value}.")
        .takes_time("a certificate that ends in days is not a matter of minutes")
}
