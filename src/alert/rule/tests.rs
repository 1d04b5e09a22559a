//! What builds and what does not.

use std::time::Duration;

use super::*;
use crate::metrics::{Definition, Kind, Meter, Registry, Unit};
use crate::severity::Severity;

static SHED: Definition = Definition::counter("shed_total", "Shed.").labels(&["lane"]);
static TAKEN: Definition = Definition::counter("taken_total", "Taken.").labels(&["lane"]);
static LEVEL: Definition = Definition::gauge("level_bytes", "Level.").unit(Unit::Bytes).labels(&["lane"]);
static WAIT: Definition = Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds).labels(&["lane"]);
static SEEN: Definition =
    Definition::gauge_absent_until_set("seen_timestamp_seconds", "Seen.").unit(Unit::Seconds).labels(&["lane"]);
static EVERY: Definition =
    Definition::gauge_absent_until_set("seen_interval_seconds", "Every.").unit(Unit::Seconds).labels(&["lane"]);
const WINDOW: Duration = Duration::from_secs(300);

fn catalog() -> Catalog {
    let registry = Registry::new();
    let meter = Meter::new(&registry);
    meter.counter::<1>(&SHED).unwrap();
    meter.counter::<1>(&TAKEN).unwrap();
    meter.gauge::<1>(&LEVEL).unwrap();
    meter.histogram::<1>(&WAIT).unwrap();
    meter.gauge::<1>(&SEEN).unwrap();
    meter.gauge::<1>(&EVERY).unwrap();
    Catalog::of(&registry)
}

fn rule(condition: Condition) -> Rule {
    Rule::new("TooMuchShed", Pack::Service, condition)
        .by(["service", "environment", "lane"])
        .summary("Too much is shed.")
        .description("{service} sheds {value} of lane {lane}.")
        .runbook_url("https://example.com")
}

fn shed() -> Value {
    Value::increase(metric("shed_total"), WINDOW)
}

fn bound(rule: Rule) -> Result<BoundRule, RuleFault> {
    bind(rule, None, &catalog()).map(|bound| bound.expect("OK because it is not switched off"))
}

fn fault(rule: Rule) -> String {
    bound(rule).expect_err("it does not build").to_string()
}

#[test]
fn rules_that_make_sense_build_with_the_measure_of_their_value() {
    let seen = || metric("seen_timestamp_seconds");
    let level = || Value::latest(metric("level_bytes").is("lane", "fast"), Across::Max);
    for (condition, measure) in [
        (shed().above(Quantity::count(5.0)), Measure::Count),
        (shed().over(Value::increase(metric("taken_total"), WINDOW)).above(Quantity::ratio(0.1)), Measure::Ratio),
        (Value::quantile(metric("wait_seconds"), 0.95, WINDOW).above(Quantity::seconds(0.5)), Measure::Seconds),
        (level().above(Quantity::bytes(1e9)), Measure::Bytes),
        (level().over(level()).above(Quantity::ratio(0.9)), Measure::Ratio),
        (Value::Age { of: seen() }.above(Quantity::seconds(60.0)), Measure::Seconds),
        (
            Value::Rate { of: metric("shed_total"), across: Across::Sum, within: WINDOW }
                .above(Quantity::per_second(2.0)),
            Measure::PerSecond,
        ),
        (
            Condition::Overdue { timestamp: seen(), interval: metric("seen_interval_seconds"), intervals: 3.0 },
            Measure::Seconds,
        ),
        (
            Value::Distinct { of: metric("level_bytes"), label: "lane".into() }.above(Quantity::count(1.0)),
            Measure::Count,
        ),
    ] {
        assert_eq!(bound(rule(condition.clone())).unwrap().measure(), measure, "{condition:?}");
    }
}

#[test]
fn rules_that_make_no_sense_do_not_build() {
    let five = Quantity::count(5.0);
    for (refused, why) in [
        (rule(Value::increase(metric("shedd_total"), WINDOW).above(five)), "no metric \"shedd_total\""),
        (rule(Value::increase(metric("level_bytes"), WINDOW).above(five)), "level_bytes is a gauge, and a rise"),
        (rule(Value::latest(metric("shed_total"), Across::Sum).above(five)), "shed_total is a counter"),
        (rule(Value::quantile(metric("shed_total"), 0.5, WINDOW).above(five)), "and a quantile"),
        (rule(Value::Age { of: metric("seen_interval_seconds") }.above(Quantity::seconds(1.0))), "and a timestamp"),
        (rule(shed().above(Quantity::seconds(5.0))), "the threshold is in Seconds"),
        (
            rule(shed().over(Value::latest(metric("level_bytes"), Across::Sum)).above(Quantity::ratio(0.1))),
            "is no ratio",
        ),
        (rule(Value::increase(metric("shed_total").is("route", "/"), WINDOW).above(five)), "no label \"route\""),
        (rule(shed().above(five)).by(["service", "environment", "lane", "route"]), "no label \"route\""),
        (rule(shed().above(five)).by(["service", "environment"]), "{lane}, which the rule drops"),
        (rule(shed().above(five)).by(["service", "lane"]), "has environment among"),
        (rule(shed().above(five)).clear_at(6.0), "clears at 6"),
        (rule(shed().above(five)).clear_at(5.0), "clears at 5"),
        (rule(Value::increase(metric("shed_total"), Duration::from_secs(15)).above(five)), "four scrapes"),
        (rule(Value::latest(up(), Across::Sum).above(five)), "up has no label \"lane\""),
        (rule(shed().above(five)).summary("too much"), "a summary is a sentence"),
        (rule(shed().above(five)).topic("A b"), "a topic is"),
        (rule(Condition::All(Vec::new())), "has a condition"),
        (
            Rule::new("Shed", Pack::Service, shed().above(five)).summary("Too much.").description("{value}"),
            "a rule has a runbook",
        ),
    ] {
        let said = fault(refused);
        assert!(said.contains(why), "{said:?} says nothing of {why:?}");
    }
    let kind = bound(rule(Value::increase(metric("level_bytes"), WINDOW).above(five))).unwrap_err();
    assert!(matches!(kind, RuleFault::WrongKind { kind: Kind::Gauge, .. }), "{kind:?}");
}

#[test]
fn switches_change_what_they_say_and_are_checked_as_well() {
    let above = || rule(shed().above(Quantity::count(5.0)).and(shed().at_least(Quantity::count(1.0)))).clear_at(4.0);
    let switched = |switch: Switch| bind(above(), Some(&switch), &catalog());
    assert_eq!(switched(Switch::new().off()), Ok(None));
    let changed = Switch::new()
        .threshold(Quantity::count(9.0))
        .lasting(WINDOW)
        .severity(Severity::Critical)
        .without("lane", ["slow"]);
    let changed = switched(changed).unwrap().unwrap();
    let (value, _, threshold) = changed.condition().first_comparison().unwrap();
    assert_eq!((threshold, changed.lasting(), changed.severity()), (Quantity::count(9.0), WINDOW, Severity::Critical));
    assert_eq!(changed.clear_condition(), None, "where it cleared fitted the old threshold");
    assert_eq!(*value, Value::increase(metric("shed_total").none_of("lane", ["slow"]), WINDOW));
    let refused = |switch| switched(switch).unwrap_err().to_string();
    assert!(refused(Switch::new().threshold(Quantity::ratio(0.5))).contains("Ratio"));
    assert!(refused(Switch::new().clear_at(7.0)).contains("clears at 7"));
    assert!(refused(Switch::new().without("route", ["/"])).contains("no label \"route\""));
}
