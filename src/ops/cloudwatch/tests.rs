//! What each kind of rule becomes, what is refused, and what breaks a limit.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::*;
use crate::alert::{
    Across, Alerts, Condition, Measure, Missing, Pack, Quantity, Rule, Selector, Severity, Switch, Value, metric,
    probe, up,
};
use crate::catalog::Catalog;
use crate::metrics::{Definition, Meter, Registry, Unit};

static SHED: Definition = Definition::counter("shed_total", "Shed.").labels(&["lane", "kind"]);
static TAKEN: Definition = Definition::counter("taken_total", "Taken.").labels(&["lane", "kind"]);
static LEVEL: Definition = Definition::gauge("level_bytes", "Level.").unit(Unit::Bytes).labels(&["lane"]);
static SIZE: Definition = Definition::gauge("size_bytes", "Size.").unit(Unit::Bytes).labels(&["lane"]);
static WAIT: Definition = Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds).labels(&["lane"]);
static SEEN: Definition =
    Definition::gauge_absent_until_set("seen_timestamp_seconds", "Seen.").unit(Unit::Seconds).labels(&["lane"]);
static EVERY: Definition =
    Definition::gauge_absent_until_set("seen_interval_seconds", "Every.").unit(Unit::Seconds).labels(&["lane"]);

const FIVE_MINUTES: Duration = Duration::from_secs(300);

fn catalog() -> Catalog {
    let registry = Registry::new();
    let meter = Meter::new(&registry);
    meter.counter::<2>(&SHED).unwrap();
    meter.counter::<2>(&TAKEN).unwrap();
    meter.gauge::<1>(&LEVEL).unwrap();
    meter.gauge::<1>(&SIZE).unwrap();
    meter.histogram::<1>(&WAIT).unwrap();
    meter.gauge::<1>(&SEEN).unwrap();
    meter.gauge::<1>(&EVERY).unwrap();
    Catalog::of(&registry)
}

fn rule(condition: Condition) -> Rule {
    Rule::new("Wrong", Pack::Service, condition)
        .summary("Something is wrong.")
        .description("{value} in {service}.")
        .runbook_url("https://example.com/wrong")
}

fn options() -> CloudWatchOptions {
    CloudWatchOptions::new("orders", "prod")
}

/// Without those of this crate's rules that need no more than every registry has.
fn bound(alerts: Alerts) -> RuleSet {
    let off = ["MetricSeriesOverflowed", "PublicEndpointDown", "ServiceReplicasMissing", "Watchdog"];
    let alerts = off.into_iter().fold(alerts, |alerts, name| alerts.switch(name, Switch::new().off()));
    alerts.bind(&catalog()).expect("the rules make sense")
}

fn made(rule: Rule, options: &CloudWatchOptions) -> Alarms {
    alarms(&bound(Alerts::new().rule(rule)), options).expect("the options fit")
}

fn inputs(rule: Rule, options: &CloudWatchOptions) -> Vec<Json> {
    let made = made(rule, options);
    assert_eq!(made.refused(), []);
    made.inputs().map(|(_, input)| serde_json::from_str(&input).expect("it is JSON")).collect()
}

fn input(rule: Rule) -> Json {
    let [input] = inputs(rule, &options()).try_into().expect("one alarm");
    input
}

/// The expression of an alarm, and its metrics as `statistic name`.
fn math(rule: Rule) -> (String, Vec<String>) {
    let input = input(rule);
    let queries = input["Metrics"].as_array().expect("it is metric math");
    let (result, terms) = queries.split_last().expect("there is a result");
    let returned: Vec<_> = queries.iter().filter(|query| query["ReturnData"] == json!(true)).collect();
    assert_eq!(returned, [result], "one result");
    let term = |query: &Json| {
        let stat = &query["MetricStat"];
        format!("{} {}", stat["Stat"], stat["Metric"]["MetricName"]).replace('"', "")
    };
    (result["Expression"].as_str().expect("a text").to_owned(), terms.iter().map(term).collect())
}

fn refusal(rule: Rule, options: &CloudWatchOptions) -> Refusal {
    let made = made(rule, options);
    assert_eq!(made.alarms(), []);
    made.refused()[0].reason.clone()
}

fn shed() -> Value {
    Value::increase(metric("shed_total"), FIVE_MINUTES)
}

fn taken() -> Value {
    Value::increase(metric("taken_total"), FIVE_MINUTES)
}

fn level(across: Across) -> Value {
    Value::latest(metric("level_bytes"), across)
}

fn size() -> Value {
    Value::latest(metric("size_bytes"), Across::Max)
}

fn periods(input: &Json) -> [u64; 3] {
    ["Period", "DatapointsToAlarm", "EvaluationPeriods"].map(|field| input[field].as_u64().expect("a number"))
}

#[test]
fn single_statistic_needs_no_math() {
    let bytes = Quantity::bytes(5.0);
    let count = Quantity::count(5.0);
    let samples = || Value::increase(metric("wait_seconds"), FIVE_MINUTES);
    for (condition, statistic, order) in [
        (shed().above(count), "Sum", "GreaterThanThreshold"),
        (Value::events(metric("shed_total"), FIVE_MINUTES).at_least(count), "Sum", "GreaterThanOrEqualToThreshold"),
        (samples().below(count), "SampleCount", "LessThanThreshold"),
        (level(Across::Sum).above(bytes), "Sum", "GreaterThanThreshold"),
        (level(Across::Max).above(bytes), "Maximum", "GreaterThanThreshold"),
        (level(Across::Min).below(bytes), "Minimum", "LessThanThreshold"),
        (level(Across::Mean).above(bytes), "Average", "GreaterThanThreshold"),
    ] {
        let input = input(rule(condition));
        assert_eq!([&input["Statistic"], &input["ComparisonOperator"]], [statistic, order]);
        assert_eq!(input["Threshold"], json!(5.0));
        assert_eq!(input["TreatMissingData"], "notBreaching");
        let dimensions = json!([{ "Name": "environment", "Value": "prod" }, { "Name": "service", "Value": "orders" }]);
        assert_eq!(input["Dimensions"], dimensions);
    }
}

#[test]
fn shares_are_percentages_where_there_is_enough_traffic() {
    let failing = shed().over(taken()).above(Quantity::ratio(0.07)).and(taken().at_least(Quantity::count(20.0)));
    let rule = rule(failing);
    let (expression, metrics) = math(rule.clone());
    assert_eq!(expression, "IF((m2 > 0) AND (m2 >= 20), 100 * m1 / m2, 0)");
    assert_eq!(metrics, ["Sum shed_total", "Sum taken_total"]);
    assert_eq!(input(rule)["Threshold"], json!(7.0), "without the noise of 0.07 * 100");
}

#[test]
fn excuses_count_only_while_somebody_publishes_them() {
    let above = level(Across::Max).above(Quantity::bytes(9.0));
    let excuse = || size().below(Quantity::bytes(2.0));
    let (expression, _) = math(rule(above.clone().unless(excuse())));
    assert_eq!(expression, "IF((m1 > 9) - (m2 < 2) > 0, m1, 0)");
    let needed = level(Across::Min).at_least(Quantity::bytes(1.0));
    let (expression, _) = math(rule(above.unless(excuse()).and(needed)));
    assert_eq!(expression, "IF((m2 >= 1) - (m3 < 2) > 0, m1, 0)");
}

#[test]
fn either_of_several_is_a_series_of_one_and_zero() {
    let either = shed().above(Quantity::count(9.0)).or(shed().over(taken()).above(Quantity::ratio(0.5)));
    let (expression, metrics) = math(rule(either.clone()));
    assert_eq!(expression, "IF((m1 > 9) OR ((m2 > 0) AND (m1 / m2 > 0.5)), 1, 0)");
    assert_eq!(metrics.len(), 2);
    let input = input(rule(either));
    assert_eq!(
        (&input["ComparisonOperator"], &input["Threshold"]),
        (&json!("GreaterThanOrEqualToThreshold"), &json!(1.0))
    );
}

#[test]
fn percentiles_leave_guards_to_cloudwatch_that_it_has_anyway() {
    let waits = |guard: f64| {
        let enough = Value::increase(metric("wait_seconds"), FIVE_MINUTES).at_least(Quantity::count(guard));
        Value::quantile(metric("wait_seconds"), 0.95, FIVE_MINUTES).above(Quantity::seconds(0.5)).and(enough)
    };
    let percentile = input(rule(waits(200.0)).lasting(FIVE_MINUTES));
    assert_eq!(percentile["ExtendedStatistic"], "p95");
    assert_eq!(percentile["EvaluateLowSampleCountPercentile"], "ignore");
    assert_eq!(periods(&percentile), [300, 2, 2]);
    assert_eq!(percentile.get("Statistic"), None);
    let (expression, metrics) = math(rule(waits(201.0)));
    assert_eq!(expression, "IF(m2 >= 201, m1, 0)");
    assert_eq!(metrics, ["p95 wait_seconds", "SampleCount wait_seconds"]);
    let unguarded = Value::quantile(metric("wait_seconds"), 0.999, FIVE_MINUTES).above(Quantity::seconds(0.5));
    let unguarded = input(rule(unguarded));
    assert_eq!(unguarded["ExtendedStatistic"], "p99.9");
    assert_eq!(unguarded["EvaluateLowSampleCountPercentile"], "evaluate");
}

#[test]
fn ages_are_of_timestamps_that_there_are() {
    let options = options().values("lane", ["fast"]);
    let by_lane = |condition| rule(condition).by(["service", "environment", "lane"]);
    let seen = || metric("seen_timestamp_seconds");
    let expression = |condition| {
        let inputs = inputs(by_lane(condition), &options);
        inputs[0]["Metrics"].as_array().unwrap().last().unwrap()["Expression"].as_str().unwrap().to_owned()
    };
    let day = Quantity::days(1.0);
    assert_eq!(expression(Value::Age { of: seen() }.above(day)), "IF(m1 > 0, EPOCH(m1) - m1, 0)");
    assert_eq!(expression(Value::Until { of: seen() }.below(day)), "IF(m1 > 0, m1 - EPOCH(m1), 86400)");
    let late = Condition::Overdue { timestamp: seen(), interval: metric("seen_interval_seconds"), intervals: 3.0 };
    assert_eq!(expression(late), "IF(m1 > 0, EPOCH(m1) - m2 - 3 * m1, 0)", "never is late too");
}

#[test]
fn rates_are_of_the_data_that_a_period_has() {
    let rate = |across| Value::Rate { of: metric("shed_total"), across, within: FIVE_MINUTES };
    let threshold = Quantity { amount: 2.0, measure: Measure::PerSecond };
    assert_eq!(math(rule(rate(Across::Sum).above(threshold))).0, "m1 / 300");
    let of_worst = rule(rate(Across::Max).above(threshold)).lasting(Duration::from_secs(900));
    assert_eq!(math(of_worst.clone()), ("m1 / 60".to_owned(), vec!["Maximum shed_total".to_owned()]));
    let input = input(of_worst);
    assert_eq!([&input["DatapointsToAlarm"], &input["EvaluationPeriods"]], [&json!(15), &json!(20)]);
    let beside = shed().above(Quantity::count(1.0)).and(level(Across::Sum).above(Quantity::bytes(8.0)));
    assert_eq!(math(rule(beside)).0, "IF(m2 / 5 > 8, m1, 0)", "a gauge is published five times in the window");
}

#[test]
fn silence_is_breaching_and_what_is_held_stays() {
    let gone = Condition::Gone { of: metric("level_bytes"), within: FIVE_MINUTES, since: FIVE_MINUTES };
    let gone = input(rule(gone).lasting(Duration::from_secs(60)));
    assert_eq!([&gone["Statistic"], &gone["ComparisonOperator"]], ["SampleCount", "LessThanThreshold"]);
    assert_eq!((&gone["Threshold"], &gone["TreatMissingData"]), (&json!(1.0), &json!("breaching")));
    assert_eq!(periods(&gone), [60, 2, 2]);
    let held = rule(level(Across::Max).above(Quantity::bytes(1.0))).missing(Missing::Holds(FIVE_MINUTES));
    assert_eq!(input(held)["TreatMissingData"], "ignore");
}

#[test]
fn times_are_whole_periods_and_the_nearest_number_of_windows() {
    let seconds = Duration::from_secs;
    let gauge = |lasting| input(rule(level(Across::Max).above(Quantity::bytes(1.0))).lasting(seconds(lasting)));
    let window = |lasting| input(rule(shed().above(Quantity::count(1.0))).lasting(seconds(lasting)));
    for (input, expected) in [
        (gauge(0), [60, 1, 1]),
        (gauge(30), [60, 1, 1]),
        (gauge(90), [60, 2, 2]),
        (window(0), [300, 1, 1]),
        (window(120), [300, 1, 1]),
        (window(180), [300, 2, 2]),
        (window(600), [300, 3, 3]),
    ] {
        assert_eq!(periods(&input), expected);
    }
}

#[test]
fn each_declared_value_has_an_alarm_and_other_labels_are_looked_at_together() {
    let shed = Value::increase(metric("shed_total").none_of("lane", ["slow"]), FIVE_MINUTES);
    let rule = rule(shed.above(Quantity::count(1.0))).by(["service", "environment", "lane", "kind"]);
    let options = options().values("lane", ["fast/a", "fast-a", "slow"]);
    let made = made(rule.clone(), &options);
    let names: Vec<_> = made.alarms().iter().map(|alarm| (alarm.key(), alarm.name())).collect();
    let [first, second] = ["fast-a", "fast/a"].map(|lane| format!("aistm7-orders-prod-Wrong[lane={lane}]"));
    assert_eq!(names, [("WrongFastA", first.as_str()), ("WrongFastAN2", second.as_str())], "not the slow lane");
    assert!(made.alarms().iter().all(|alarm| alarm.rolled_up() == ["kind"]));
    let publications: Vec<_> = made.publications().collect();
    assert_eq!(publications[0].dimensions, ["environment", "lane", "service"]);
    assert_eq!((publications.len(), &publications[0].selection), (1, &None), "the values say what is selected");
    let none = CloudWatchOptions::new("orders", "prod").values("lane", ["slow"]);
    assert_eq!(refusal(rule, &none), Refusal::NothingLeft);
}

#[test]
fn what_dimensions_cannot_name_is_published_as_a_selection() {
    let of = |of: Selector| rule(Value::increase(of, FIVE_MINUTES).above(Quantity::count(1.0)));
    let dimensions = |rule| {
        let input = input(rule);
        let dimensions = input["Dimensions"].as_array().unwrap().iter();
        dimensions.map(|dimension| format!("{}={}", dimension["Name"], dimension["Value"]).replace('"', "")).collect()
    };
    let one: Vec<String> = dimensions(of(metric("shed_total").is("lane", "fast")));
    assert_eq!(one, ["environment=prod", "lane=fast", "service=orders"]);
    let several: Vec<String> = dimensions(of(metric("shed_total").one_of("lane", ["b", "a"]).none_of("kind", [""])));
    assert_eq!(several, ["environment=prod", "selection=kind!=, lane=a|b", "service=orders"]);
    let made = made(of(metric("shed_total").one_of("lane", ["b", "a"])), &options());
    let written: Json = serde_json::from_str(&made.publications_json()).unwrap();
    let expected = json!({
        "name": "shed_total", "form": "delta", "unit": "Count", "dimensions": ["environment", "service"],
        "selection": { "value": "lane=a|b", "series": [{ "label": "lane", "one_of": ["a", "b"] }] },
    });
    assert_eq!(written["metrics"], json!([expected]));
}

#[test]
fn what_cloudwatch_cannot_say_is_refused_with_the_reason() {
    let (count, bytes) = (Quantity::count(1.0), Quantity::bytes(1.0));
    let hour = Duration::from_secs(3600);
    let several = shed().above(count).and(Value::increase(metric("shed_total"), hour).above(count));
    let gone = Condition::Gone { of: metric("level_bytes"), within: hour, since: FIVE_MINUTES };
    let samples = Value::Increase { of: metric("wait_seconds"), across: Across::Max, within: FIVE_MINUTES };
    let of = || metric("level_bytes");
    let forecast = Value::Forecast { of: of(), across: Across::Max, within: hour, ahead: hour };
    let peak = Value::Highest { of: of(), across: Across::Max, within: hour, until: FIVE_MINUTES };
    let by_lane = |across: Across, order: fn(Value, Quantity) -> Condition| {
        rule(order(level(across), bytes)).by(["service", "environment", "lane"])
    };
    let needs_lane = Refusal::NeedsValues { label: "lane".to_owned() };
    for (rule, reason) in [
        (rule(Condition::Always), Refusal::Always),
        (rule(Value::latest(up(), Across::Sum).below(count)), Refusal::OnlyPrometheus),
        (rule(Value::latest(probe(), Across::Max).below(count)), Refusal::OnlyPrometheus),
        (rule(several), Refusal::SeveralWindows),
        (rule(peak.above(bytes)), Refusal::Peak),
        (rule(forecast.above(bytes)), Refusal::Forecast),
        (rule(Value::Distinct { of: of(), label: "lane".to_owned() }.above(count)), Refusal::Distinct),
        (rule(samples.above(count)), Refusal::SamplesOfOne),
        (rule(gone.clone().and(shed().above(count))), Refusal::PartlyGone),
        (rule(gone).by(["service", "environment", "lane"]), needs_lane.clone()),
        (by_lane(Across::Mean, Value::above), needs_lane.clone()),
        (by_lane(Across::Max, Value::below), needs_lane.clone()),
        (by_lane(Across::Min, Value::above), needs_lane),
    ] {
        assert_eq!(refusal(rule, &options()), reason);
    }
    let two = Alerts::new().rule(rule(shed().above(count))).rule(Rule {
        name: "WrongLane".to_owned(),
        ..rule(shed().above(count)).by(["service", "environment", "lane"])
    });
    let made = alarms(&bound(two), &options()).unwrap();
    let same = Refusal::SameAs { alarm: "aistm7-orders-prod-Wrong".to_owned() };
    assert!(made.refused().iter().any(|refused| refused.rule == "WrongLane" && refused.reason == same));
}

#[test]
fn limits_are_told_before_cloudwatch_is_asked() {
    let count = Quantity::count(1.0);
    let shed_in = |seconds| Value::increase(metric("shed_total"), Duration::from_secs(seconds)).above(count);
    let gauge = || rule(level(Across::Max).above(Quantity::bytes(1.0)));
    let day = Duration::from_secs(86_400);
    let limit = |rule: Rule, options: &CloudWatchOptions| match refusal(rule, options) {
        Refusal::Limit(limit) => limit,
        other => panic!("{other:?}"),
    };
    let period = Duration::from_secs(90);
    assert_eq!(limit(rule(shed_in(90)), &options()), Limit::Period { period });
    let two_days = Duration::from_secs(2 * 86_400);
    assert_eq!(limit(rule(shed_in(2 * 86_400)), &options()), Limit::Period { period: two_days });
    // A day of minutes, and seven of hours.
    let minute = Duration::from_secs(60);
    assert_eq!(inputs(gauge().lasting(day), &options())[0]["EvaluationPeriods"], 1440);
    let too_long = gauge().lasting(day + minute);
    assert_eq!(limit(too_long, &options()), Limit::Span { periods: 1441, period: minute, longest: day });
    let hour = Duration::from_secs(3600);
    let hourly = |hours: u32| rule(shed_in(3600)).lasting(hour * hours);
    assert_eq!(inputs(hourly(167), &options())[0]["EvaluationPeriods"], 168);
    assert_eq!(limit(hourly(168), &options()), Limit::Span { periods: 169, period: hour, longest: 7 * day });

    let long = |length: usize| options().prefix("p".repeat(length - "orders-prod-Wrong".len()));
    assert_eq!(inputs(gauge(), &long(255))[0]["AlarmName"].as_str().map(str::len), Some(255));
    assert!(matches!(limit(gauge(), &long(256)), Limit::Name { .. }));
    for lane in ["größe", " ", &"x".repeat(1025)] {
        let of_lane = Value::latest(metric("level_bytes").is("lane", lane), Across::Max);
        let limit = limit(rule(of_lane.above(Quantity::bytes(1.0))), &options());
        assert_eq!(limit, Limit::Dimension { name: "lane".to_owned(), value: lane.to_owned() });
    }
    let kinds = |count: usize| {
        let conditions = (0..count).map(|at| {
            Value::increase(metric("shed_total").is("kind", &at.to_string()), FIVE_MINUTES).above(Quantity::count(1.0))
        });
        rule(Condition::Any(conditions.collect()))
    };
    assert_eq!(inputs(kinds(10), &options())[0]["Metrics"].as_array().map(Vec::len), Some(11));
    assert_eq!(limit(kinds(11), &options()), Limit::Metrics { metrics: 11 });
    let endless = Condition::Any(vec![shed().above(Quantity::count(1e15)); 120]);
    assert!(matches!(limit(rule(endless), &options()), Limit::Expression { length } if length > 2048));
    let quantile = Value::quantile(metric("wait_seconds"), 95.0, FIVE_MINUTES).above(Quantity::seconds(1.0));
    assert_eq!(limit(rule(quantile), &options()), Limit::Quantile { quantile: 95.0 });
    let infinite = level(Across::Max).above(Quantity::bytes(f64::INFINITY));
    assert_eq!(limit(rule(infinite), &options()), Limit::Threshold { threshold: f64::INFINITY });
}

#[test]
fn descriptions_are_cut_between_characters_and_keep_where_the_runbook_is() {
    let summary = format!("{}.", "Ä".repeat(2000));
    let condition = level(Across::Max).above(Quantity::bytes(1.0));
    let long = Rule::new("Wrong", Pack::Service, condition).summary(summary).description("{value}.");
    let input = input(long.runbook_url("https://example.com/wrong"));
    let text = input["AlarmDescription"].as_str().unwrap();
    assert_eq!(text.chars().count(), 1024);
    assert!(text.ends_with("ÄÄ\n\nhttps://example.com/wrong"), "{text}");
}

#[test]
fn options_that_do_not_fit_are_errors() {
    let rules = bound(Alerts::new().service("orders").rule(rule(shed().above(Quantity::count(1.0)))));
    let refused = |options: CloudWatchOptions| alarms(&rules, &options).expect_err("it is refused");
    for namespace in ["", ":x", "AWS/EC2", "größe", &"x".repeat(256)] {
        let error = CloudWatchError::Namespace { namespace: namespace.to_owned() };
        assert_eq!(refused(options().namespace(namespace)), error);
    }
    for millis in [0, 7_000, 40_000, 60_500, 3_660_000] {
        let period = Duration::from_millis(millis);
        assert_eq!(refused(options().period(period)), CloudWatchError::Period { period });
    }
    for topic in ["pages", "arn:aws:sqs:eu-central-1:1:pages", "arn:aws:sns:eu-central-1::pages"] {
        let error = CloudWatchError::Topic { topic: topic.to_owned() };
        assert_eq!(refused(options().topic(Severity::Critical, topic)), error);
    }
    let other = refused(CloudWatchOptions::new("billing", "prod"));
    assert!(matches!(other, CloudWatchError::OtherIdentity { .. }), "{other}");
    let lanes: Vec<String> = (0..=MOST_ALARMS).map(|at| at.to_string()).collect();
    let by_lane = rule(shed().above(Quantity::count(1.0))).by(["service", "environment", "lane"]);
    let many = bound(Alerts::new().rule(by_lane));
    let error = CloudWatchError::TooManyAlarms { alarms: MOST_ALARMS + 1, most: MOST_ALARMS };
    assert_eq!(alarms(&many, &options().values("lane", lanes)), Err(error));
}

#[test]
fn template_has_the_same_alarms_and_asks_for_the_topics_that_they_use() {
    let topic = "arn:aws:sns:eu-central-1:123456789012:pages";
    let options = options().values("lane", ["fast", "slow"]).topic(Severity::Critical, topic);
    let by_lane = rule(shed().above(Quantity::count(1.0))).by(["service", "environment", "lane"]);
    let made = made(by_lane.severity(Severity::Critical), &options);
    let template: Json = serde_json::from_str(&made.template()).unwrap();
    let parameters = template["Parameters"].as_object().unwrap();
    assert_eq!(parameters.keys().collect::<Vec<_>>(), ["CriticalTopic"]);
    assert_eq!(parameters["CriticalTopic"]["Default"], topic);
    let told = json!({ "Fn::If": ["HasCriticalTopic", [{ "Ref": "CriticalTopic" }], { "Ref": "AWS::NoValue" }] });
    let resources = template["Resources"].as_object().unwrap();
    assert_eq!(resources.len(), 2);
    for (file, input) in made.inputs() {
        let mut input: Json = serde_json::from_str(&input).unwrap();
        for actions in ["AlarmActions", "OKActions"] {
            assert_eq!(input[actions], json!([topic]));
            input[actions] = told.clone();
        }
        assert_eq!(resources[file.trim_end_matches(".json")]["Properties"], input);
    }
    let silent = inputs(rule(shed().above(Quantity::count(1.0))), &CloudWatchOptions::new("orders", "prod"));
    assert_eq!((silent[0].get("AlarmActions"), silent[0].get("OKActions")), (None, None));
}
