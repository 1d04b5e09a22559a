//! Alarms for CloudWatch of this crate's rules, as a service with every metric gets them.

use std::collections::BTreeSet;

use aistm7_monitoring::alert::{Alerts, GuideLine, RuleSet};
use aistm7_monitoring::ops::cloudwatch::{Alarms, CloudWatchOptions, alarms};
use aistm7_monitoring::ops::{Bundle, BundleError, BundleOptions};
use serde_json::Value;

use crate::everything::{NAMINGS, everything};

/// With a tier, as whoever has grace periods has one: which of several is in trouble cannot be seen in all together.
fn options() -> CloudWatchOptions {
    CloudWatchOptions::new("everything", "prod").values("tier", ["gold"])
}

fn made(naming: usize, options: &CloudWatchOptions) -> (RuleSet, Alarms) {
    let rules = Alerts::new().bind(&everything(NAMINGS[naming]).catalog()).expect("rules of this crate make sense");
    let alarms = alarms(&rules, options).expect("the options fit");
    (rules, alarms)
}

fn bundle(options: CloudWatchOptions) -> Result<Bundle, BundleError> {
    everything(NAMINGS[0]).operations_bundle(BundleOptions::new().cloudwatch(options))
}

fn file<'a>(bundle: &'a Bundle, wanted: &str) -> &'a str {
    bundle.files().find(|(path, _)| *path == wanted).map(|(_, text)| text).expect("it is there")
}

#[tokio::test]
async fn each_line_of_the_guide_has_an_alarm_under_both_namings() {
    for naming in 0..NAMINGS.len() {
        let (rules, alarms) = made(naming, &options());
        let names = |line: GuideLine| {
            let of_line = rules.rules().iter().filter(|rule| rule.guide_lines().contains(&line));
            let alarms = of_line.flat_map(|rule| alarms.alarms().iter().filter(|alarm| alarm.rule() == rule.name()));
            alarms.map(|alarm| alarm.key().to_owned()).collect::<Vec<_>>()
        };
        for line in GuideLine::ALL {
            assert!(!names(line).is_empty(), "{}", line.as_str());
        }
        for (line, alarm) in [
            (GuideLine::DatabaseConnectionFailures, "DependencyDownDatabase"),
            (GuideLine::IbkrConnectionLoss, "DependencyDownIbkr"),
            (GuideLine::SolanaRpcIssues, "DependencyDownSolana"),
        ] {
            assert!(names(line).iter().any(|name| name == alarm), "{}: {:?}", line.as_str(), names(line));
        }
    }
}

#[tokio::test]
async fn process_that_is_gone_pages_and_percentiles_and_shares_are_cloudwatchs_own() {
    let (_, alarms) = made(0, &options());
    let input = |key: &str| -> Value {
        let (_, text) = alarms.inputs().find(|(name, _)| *name == format!("{key}.json")).expect("it is there");
        serde_json::from_str(&text).expect("it is JSON")
    };
    let absent = input("ServiceAbsent");
    assert_eq!((&absent["MetricName"], &absent["TreatMissingData"]), (&"service_info".into(), &"breaching".into()));
    let latency = input("ApiLatencyHigh");
    assert_eq!((&latency["ExtendedStatistic"], &latency["Threshold"]), (&"p95".into(), &0.5.into()));
    assert_eq!(latency["EvaluateLowSampleCountPercentile"], "ignore");
    let errors = input("ApiErrorRateHigh");
    assert_eq!(errors["Metrics"][2]["Expression"], "IF((m2 > 0) AND (m1 >= 5), 100 * m1 / m2, 0)");
    assert_eq!(errors["Threshold"], 1.0);
}

#[tokio::test]
async fn each_rule_has_alarms_or_the_reason_why_not_and_the_bundle_says_which() {
    let every_label = ["route", "source", "tier", "token", "batch", "job_name", "name", "instance", "mount"];
    let declared = every_label.into_iter().fold(options(), |options, label| options.values(label, ["one"]));
    for options in [options(), declared.clone()] {
        let (rules, alarms) = made(0, &options);
        let served: BTreeSet<_> = alarms.alarms().iter().map(|alarm| alarm.rule()).collect();
        let refused: BTreeSet<_> = alarms.refused().iter().map(|refused| refused.rule.as_str()).collect();
        assert!(served.is_disjoint(&refused));
        let all: BTreeSet<_> = rules.rules().iter().map(|rule| rule.name()).collect();
        assert_eq!(served.union(&refused).copied().collect::<BTreeSet<_>>(), all);
    }
    // What no declaration helps.
    let (_, alarms) = made(0, &declared);
    let refused: Vec<_> = alarms.refused().iter().map(|refused| refused.rule.as_str()).collect();
    let expected = [
        "ApiErrorBudgetBurnsFast",
        "ApiErrorBudgetBurnsSlowly",
        "FilesystemFills",
        "CatalogSkew",
        "Watchdog",
        "ServiceReplicasMissing",
        "PublicEndpointDown",
    ];
    assert_eq!(refused, expected);
    let bundle = bundle(declared).expect("the options fit");
    let table = file(&bundle, "alerts.md");
    for refused in alarms.refused() {
        let row = format!("| `{}` | {} |", refused.rule, refused.reason);
        assert!(table.contains(&row), "{row} is not in {table}");
    }
}

#[tokio::test]
async fn files_for_cloudwatch_are_equal_to_the_byte_and_hold_what_is_to_be_published() {
    let first = bundle(options()).expect("the options fit");
    assert_eq!(first, bundle(options()).expect("the options fit"));
    let published: Value = serde_json::from_str(file(&first, "cloudwatch/metrics.json")).expect("it is JSON");
    let published: BTreeSet<(String, BTreeSet<String>)> = published["metrics"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|metric| {
            let labels = metric["dimensions"].as_array().expect("a list").iter();
            let mut labels: BTreeSet<_> = labels.map(|label| label.as_str().expect("a text").to_owned()).collect();
            labels.extend(metric.get("selection").map(|_| "selection".to_owned()));
            (metric["name"].as_str().expect("a text").to_owned(), labels)
        })
        .collect();
    let mut used = BTreeSet::new();
    let inputs = first.files().filter(|(path, _)| path.starts_with("cloudwatch/alarms/"));
    for (_, text) in inputs {
        let input: Value = serde_json::from_str(text).expect("it is JSON");
        let queries = input["Metrics"].as_array().into_iter().flatten().map(|query| &query["MetricStat"]["Metric"]);
        for metric in queries.chain([&input]).filter(|metric| metric["MetricName"].is_string()) {
            let dimensions = metric["Dimensions"].as_array().expect("a list").iter();
            let names = dimensions.map(|dimension| dimension["Name"].as_str().expect("a text").to_owned()).collect();
            used.insert((metric["MetricName"].as_str().expect("a text").to_owned(), names));
        }
    }
    assert_eq!(used, published);
}

#[tokio::test]
async fn alarms_for_another_service_are_refused_and_those_of_an_earlier_bundle_go() {
    let other = bundle(CloudWatchOptions::new("another", "prod")).expect_err("the rules look at this service");
    assert!(matches!(other, BundleError::CloudWatch(_)), "{other}");
    let directory = tempfile::tempdir().expect("there is room");
    let write = |options| bundle(options).expect("the options fit").write_to(directory.path()).expect("there is room");
    let old = directory.path().join("cloudwatch/alarms/DependencyDownRedis.json");
    write(options().values("dependency", ["redis"]));
    assert!(old.is_file());
    write(options());
    assert!(!old.exists() && directory.path().join("cloudwatch/alarms/DependencyDownIbkr.json").is_file());
}
