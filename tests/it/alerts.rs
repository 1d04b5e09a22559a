//! The rules of this crate, as a service with every metric gets them.

use std::collections::BTreeSet;
use std::time::Duration;

use aistm7_monitoring::alert::{
    Alerts, GuideLine, MOST_PAGES, Pace, Pack, Profile, Quantity, Rule, RuleFault, RuleSet, Severity, Switch, TARGET,
    Value, metric, runbook,
};
use aistm7_monitoring::ops::alertmanager::muting;
use aistm7_monitoring::ops::prometheus::unproven;
use aistm7_monitoring::ops::{Bundle, BundleOptions};

use crate::everything::{NAMINGS, everything};

const DOCUMENT: &str = include_str!("../../src/docs/alerts.md");

fn rules(alerts: &Alerts) -> RuleSet {
    alerts.bind(&everything(NAMINGS[0]).catalog()).expect("rules of this crate make sense")
}

fn names(rules: &RuleSet) -> BTreeSet<&str> {
    rules.rules().iter().map(|rule| rule.name()).collect()
}

#[tokio::test]
async fn every_rule_has_its_metrics_its_runbook_and_a_proof_under_both_namings() {
    for naming in NAMINGS {
        let rules = Alerts::new().bind(&everything(naming).catalog()).expect("rules of this crate make sense");
        assert_eq!(rules.left_out(), []);
        assert_eq!(names(&rules), runbook::all().map(|(name, _)| name).collect());
        assert_eq!(unproven(&rules), [] as [&str; 0]);
    }
}

#[tokio::test]
async fn each_line_of_the_guide_has_its_rules_and_is_critical_in_its_profile() {
    let guide = rules(&Alerts::new().profile(Profile::Guide));
    for line in GuideLine::ALL {
        let of_line: Vec<_> = guide.rules().iter().filter(|rule| rule.guide_lines().contains(&line)).collect();
        assert!(!of_line.is_empty(), "{}", line.as_str());
        assert!(of_line.iter().all(|rule| rule.severity() == Severity::Critical), "{}", line.as_str());
    }
}

#[tokio::test]
async fn on_call_is_woken_by_few_rules_and_a_thirteenth_is_refused() {
    let on_call = rules(&Alerts::new());
    let pages =
        on_call.rules().iter().filter(|rule| (rule.pack(), rule.severity()) == (Pack::Service, Severity::Critical));
    let pages = pages.count();
    assert!((1..=MOST_PAGES).contains(&pages), "{pages}");
    let own = |at: usize| {
        let log = Value::events(metric("log_lines_total"), Duration::from_secs(60));
        Rule::new(format!("Own{at}"), Pack::Service, log.above(Quantity::count(1.0)))
            .severity(Severity::Critical)
            .summary("Something.")
            .description("Something.")
            .runbook_url("https://example.com")
    };
    let mut alerts = Alerts::new();
    for at in pages..=MOST_PAGES {
        alerts = alerts.rule(own(at));
    }
    let catalog = everything(NAMINGS[0]).catalog();
    let refused = alerts.bind(&catalog).expect_err("it is one too many").fault;
    assert_eq!(refused, RuleFault::TooManyPages { most: MOST_PAGES });
    let fewer = alerts.switch(format!("Own{MOST_PAGES}"), Switch::new().severity(Severity::Warning));
    assert!(fewer.bind(&catalog).is_ok());
}

#[tokio::test]
async fn critical_rules_page_within_two_minutes_or_say_why_not() {
    let rules = rules(&Alerts::new());
    for rule in rules.rules().iter().filter(|rule| rule.severity() == Severity::Critical) {
        let worst = rule.worst_time_to_page(Pace::DEFAULT);
        assert!(worst <= TARGET || rule.why_it_takes_time().is_some(), "{}: {worst:?}", rule.name());
    }
    let of = |name| rules.rule(name).expect("it is there").worst_time_to_page(Pace::DEFAULT).as_secs();
    // By hand. Scrape, evaluation and the wait for others are 15 + 15 + 10 s.
    assert_eq!(of("DependencyDown"), 50 + 30 + 40, "two looks of the slowest check, half a minute");
    assert_eq!(of("ServiceAbsent"), 60 + 40);
    assert_eq!(of("ApiErrorRateHigh"), 3 + 120 + 40, "1 % of five minutes, two minutes");
    assert_eq!(of("ApiLatencyHigh"), 15 + 300 + 40, "5 % of five minutes, five minutes");
}

#[tokio::test]
async fn rules_that_mute_and_are_muted_exist() {
    let rules = rules(&Alerts::new());
    let names = names(&rules);
    for (cause, follows) in muting() {
        let unknown: Vec<_> =
            [cause].into_iter().chain(follows.iter().copied()).filter(|name| !names.contains(name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

#[tokio::test]
async fn switches_of_rules_that_are_not_there_and_second_rules_of_a_name_are_refused() {
    let catalog = everything(NAMINGS[0]).catalog();
    let fault = |alerts: Alerts| alerts.bind(&catalog).expect_err("it is refused").fault;
    assert_eq!(fault(Alerts::new().switch("ApiLatncyHigh", Switch::new().off())), RuleFault::NoSuchRule);
    let watchdog = Value::events(metric("log_lines_total"), Duration::from_secs(60));
    let second = Rule::new("Watchdog", Pack::Service, watchdog.above(Quantity::count(1.0)));
    assert_eq!(fault(Alerts::new().rule(second)), RuleFault::Duplicate);
}

#[tokio::test]
async fn bundles_are_equal_to_the_byte_and_their_table_is_in_the_documents() {
    let bundle = || {
        let monitoring = everything(NAMINGS[0]);
        Bundle::new(&monitoring.catalog(), &BundleOptions::new()).expect("rules of this crate make sense")
    };
    let bundle = (bundle(), bundle());
    assert_eq!(bundle.0, bundle.1);
    let (_, table) = bundle.0.files().find(|(path, _)| *path == "alerts.md").expect("it is there");
    let (_, rows) = table.split_once("\n\n").expect("a heading is before the table");
    assert!(DOCUMENT.contains(rows), "src/docs/alerts.md is to hold this table:\n{rows}");
}

#[tokio::test]
async fn bundle_of_a_service_looks_at_that_service_and_leaves_routes_with_objectives_to_theirs() {
    let bundle = everything(NAMINGS[1]).operations_bundle(BundleOptions::new()).expect("rules make sense");
    let (_, api) = bundle.files().find(|(path, _)| path.ends_with("rules/service-api.yml")).expect("it is there");
    assert!(api.contains(r#"{{ $labels.http_route }}"#), "names follow OpenTelemetry's: {api}");
    let latency = api.lines().find(|line| line.contains("histogram_quantile")).expect("it is recorded");
    let [service, route] = [r#"service=\"everything\""#, r#"http_route!=\"/orders/{id}\""#];
    assert!(latency.contains(service) && latency.contains(route), "{latency}");
    assert!(!api.contains("api_response_time_seconds"), "{api}");
}

#[tokio::test]
async fn files_of_an_earlier_bundle_do_not_stay_loaded() {
    let directory = tempfile::tempdir().expect("there is room");
    let monitoring = everything(NAMINGS[0]);
    let write = |alerts| {
        let bundle = monitoring.operations_bundle(BundleOptions::new().alerts(alerts)).expect("rules make sense");
        bundle.write_to(directory.path()).expect("it can be written");
    };
    let own = directory.path().join("prometheus/rules/service-own.yml");
    let rejected = Value::events(metric("log_lines_total"), Duration::from_secs(60));
    let rule = Rule::new("Own", Pack::Service, rejected.above(Quantity::count(1.0)));
    write(Alerts::new().rule(rule.summary("Own.").description("Own.").runbook_url("https://example.com")));
    assert!(own.is_file());
    write(Alerts::new());
    assert!(!own.exists() && directory.path().join("prometheus/tests/service-api.yml").is_file());
}
