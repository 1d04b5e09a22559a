//! What services share: dependencies, certificates, and whether anybody is there at all. One cause, one alert.

use std::time::Duration;

use super::{minutes, telemetry};
use crate::alert::rule::{Across, Condition, GuideLine, Missing, Pack, Quantity, Rule, Value, metric};
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

/// The share of replicas that find it unhealthy. A gauge of 0 or 1, whose mean is a share.
fn unhealthy() -> Value {
    Value::latest(metric("health_check_status").is("status", "unhealthy"), Across::Mean)
}

fn in_maintenance() -> Condition {
    Value::latest(metric("health_check_maintenance"), Across::Max).at_least(Quantity::count(1.0))
}

fn dependency_down() -> Rule {
    let is_critical = Value::latest(metric("health_check_info").is("severity", "critical"), Across::Max);
    let condition = unhealthy()
        .above(Quantity::count(0.5))
        .unless(in_maintenance())
        .and(is_critical.at_least(Quantity::count(1.0)));
    Rule::new("DependencyDown", Pack::Fleet, condition)
        .by(BY_DEPENDENCY)
        .severity(Severity::Critical)
        .lasting(Duration::from_secs(30))
        .missing(Missing::Holds(HELD))
        .seen_after(SEEN_AFTER)
        .summary("Most replicas find a dependency that they cannot do without unhealthy.")
        .description("{dependency} is down in {environment}.")
        .guide([GuideLine::DatabaseConnectionFailures, GuideLine::IbkrConnectionLoss, GuideLine::SolanaRpcIssues])
}

/// Some replicas cannot reach it and most can, or it is not one that anybody is woken for.
fn dependency_unreachable_from_some() -> Rule {
    let condition = unhealthy().above(Quantity::count(0.0)).unless(in_maintenance());
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
