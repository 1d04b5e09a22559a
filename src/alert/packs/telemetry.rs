//! What watches the watchers: telemetry that is lost, versions that disagree.

use super::{hours, minutes};
use crate::alert::rule::{Across, Condition, GuideLine, Pack, Quantity, Rule, Selector, Value, metric};
use crate::severity::Severity;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        lost("LogLinesDropped", metric("log_lines_dropped_total"))
            .by(["service", "environment", "sink", "reason"])
            .summary("Log lines were lost.")
            .description("{service} in {environment} lost {value} lines for {sink} within ten minutes: {reason}."),
        lost("SpansDropped", metric("otlp_items_dropped_total"))
            .by(["service", "environment", "signal", "reason"])
            .summary("Spans or log records did not get to the collector.")
            .description("{service} in {environment} lost {value} {signal} within ten minutes: {reason}."),
        alerts_not_delivered(),
        lost("MetricSeriesOverflowed", metric("monitoring_series_overflow_total"))
            .by(["service", "environment", "family"])
            .summary("A metric has more series than are kept.")
            .description("{family} of {service} in {environment} sent {value} label sets to its overflow series."),
        lost("MonitoringProblems", metric("monitoring_problems_total"))
            .by(["service", "environment", "problem"])
            .severity(Severity::Info)
            .summary("Monitoring had to refuse, cut or drop something.")
            .description("{service} in {environment} had {value} times {problem} within ten minutes."),
        catalogs_differ(),
    ]
}

fn lost(name: &str, of: Selector) -> Rule {
    Rule::new(name, Pack::Service, Value::events(of, minutes(10)).above(Quantity::count(0.0)))
}

/// An alert that was over before anybody was told of it is counted as well, and nobody misses it.
fn alerts_not_delivered() -> Rule {
    lost("AlertsNotDelivered", metric("alert_notifications_dropped_total").none_of("reason", ["recovered"]))
        .by(["service", "environment", "destination", "reason"])
        .summary("Nobody was told of alerts at a destination.")
        .description(
            "{service} in {environment} dropped {value} notifications for {destination} within ten minutes: {reason}.",
        )
}

/// Rules are made for one catalog: two of them in one service for longer than a deployment takes are a mistake.
fn catalogs_differ() -> Rule {
    let versions = Value::Distinct { of: metric("service_info"), label: "catalog".to_owned() };
    Rule::new("CatalogSkew", Pack::Service, versions.above(Quantity::count(1.0)))
        .severity(Severity::Info)
        .lasting(hours(1))
        .summary("Replicas of a service run with different catalogs of metrics.")
        .description("{service} in {environment} runs with {value} catalogs at once.")
}

/// Fires always: whoever does not hear of it knows that nothing else would be heard either.
pub(super) fn watchdog() -> Rule {
    Rule::new("Watchdog", Pack::Fleet, Condition::Always)
        .by([] as [&str; 0])
        .severity(Severity::Info)
        .summary("Alerts get through.")
        .description("This alert fires as long as alerts get through; a heartbeat outside says so when it does not.")
}

pub(super) fn service_absent() -> Rule {
    let gone = Condition::Gone { of: metric("service_info"), within: hours(6), since: minutes(5) };
    Rule::new("ServiceAbsent", Pack::Fleet, gone)
        .by(["service", "environment"])
        .severity(Severity::Critical)
        .lasting(minutes(1))
        .summary("No replica of a service can be scraped any more.")
        .description("Nothing is heard of {service} in {environment}.")
}

/// A minute, in which a prober has asked several times. One prober that gets through is enough.
pub(super) fn public_endpoint_down() -> Rule {
    let reached = Value::latest(crate::alert::rule::probe(), Across::Max);
    Rule::new("PublicEndpointDown", Pack::Fleet, reached.below(Quantity::count(1.0)))
        .by(["service", "environment", "instance"])
        .severity(Severity::Critical)
        .lasting(minutes(1))
        .summary("A public endpoint does not answer from outside as it should.")
        .description("{instance} of {service} in {environment} does not answer, or not with success.")
        .guide([GuideLine::ApiEndpointDowntime])
}

/// The peak of the sum, not the sum of peaks: after a deployment the hour has seen twice as many targets as there ever were.
pub(super) fn replicas_missing() -> Rule {
    let now = Value::latest(crate::alert::rule::up(), Across::Sum);
    let peak =
        Value::Highest { of: crate::alert::rule::up(), across: Across::Sum, within: hours(1), until: minutes(5) };
    Rule::new("ServiceReplicasMissing", Pack::Fleet, now.over(peak).below(Quantity::ratio(0.67)))
        .by(["service", "environment"])
        .lasting(minutes(3))
        .keep_firing(minutes(2))
        .summary("A third of a service's replicas are missing.")
        .description("Of the replicas that {service} in {environment} had within the hour, {value} can be scraped.")
}
