//! The rules of this crate, as a service with every metric gets them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aistm7_monitoring::alert::evaluate::{AlertState, EvaluateError, Evaluation, Evaluator};
use aistm7_monitoring::alert::{
    Alerts, Contact, Contacts, GuideLine, MOST_PAGES, Pace, Pack, Profile, Quantity, Rule, RuleFault, RuleSet,
    Severity, Switch, TARGET, Value, metric, muting, runbook,
};
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::health::{CheckFailure, CheckOptions, CheckReport, check_fn};
use aistm7_monitoring::ops::prometheus::{RuleOptions, unproven};
use aistm7_monitoring::ops::{Bundle, BundleError, BundleOptions};

use crate::client;
use crate::everything::{NAMINGS, everything};
use crate::service::{Lines, builder, serve, until};

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
    assert_eq!(pages, MOST_PAGES, "src/docs/alerts.md says so, and what to do about it");
    let log = Value::events(metric("log_lines_total"), Duration::from_secs(60));
    let own = Rule::new("Own", Pack::Service, log.above(Quantity::count(1.0)))
        .severity(Severity::Critical)
        .summary("Something.")
        .description("Something.")
        .runbook_url("https://example.com");
    let alerts = Alerts::new().rule(own);
    let catalog = everything(NAMINGS[0]).catalog();
    let refused = alerts.bind(&catalog).expect_err("it is one too many").fault;
    assert_eq!(refused, RuleFault::TooManyPages { most: MOST_PAGES });
    for (rule, switch) in [
        ("Own", Switch::new().severity(Severity::Warning)),
        ("RiskBatchOverdue", Switch::new().severity(Severity::Warning)),
        ("RiskBatchOverdue", Switch::new().off()),
    ] {
        assert!(alerts.clone().switch(rule, switch).bind(&catalog).is_ok());
    }
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

/// The table of the SRE workbook's chapter "Alerting on SLOs", in numbers that nobody calculated here. Its thresholds are shares
/// that fail; what our rules compare is the share that meets the objective.
const WORKBOOK: [(f64, &str, &str, f64, f64, &str, &str); 8] = [
    // Objective, long window, short window, burn rate, share that fails, share that meets it, severity.
    (0.99, "1h", "5m", 14.4, 0.144, "0.856", "critical"),
    (0.99, "6h", "30m", 6.0, 0.06, "0.94", "critical"),
    (0.99, "1d", "2h", 3.0, 0.03, "0.97", "warning"),
    (0.99, "3d", "6h", 1.0, 0.01, "0.99", "warning"),
    (0.999, "1h", "5m", 14.4, 0.0144, "0.9856", "critical"),
    (0.999, "6h", "30m", 6.0, 0.006, "0.994", "critical"),
    (0.999, "1d", "2h", 3.0, 0.003, "0.997", "warning"),
    (0.999, "3d", "6h", 1.0, 0.001, "0.999", "warning"),
];

#[tokio::test]
async fn error_budgets_alert_at_the_windows_and_thresholds_of_the_sre_workbook() {
    for (objective, _, _, factor, failed, met, _) in WORKBOOK {
        let same = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(same(failed, factor * (1.0 - objective)) && same(met.parse().unwrap(), 1.0 - failed), "{met}");
    }
    let catalog = everything(NAMINGS[0]).catalog();
    for objective in [0.99, 0.999] {
        let options = BundleOptions::new().alerts(Alerts::new().objective(objective));
        let bundle = Bundle::new(&catalog, &options).expect("rules of this crate make sense");
        let file = bundle.files().find(|(path, _)| path.ends_with("rules/service-objectives.yml"));
        let (_, text) = file.expect("it is there");
        let of_objective = WORKBOOK.into_iter().filter(|(of, ..)| *of == objective);
        let expected = of_objective.flat_map(|(_, long, short, _, _, met, severity)| {
            [long, short].map(|window| (severity.to_owned(), window.to_owned(), met.to_owned()))
        });
        assert_eq!(burn_rates(text), expected.collect::<Vec<_>>(), "{objective}");
    }
}

/// Severity, window and threshold of each comparison with a share that met its objective, in the order of a rule file.
fn burn_rates(file: &str) -> Vec<(String, String, String)> {
    let rules = file.split("- alert: ").skip(1).flat_map(|rule| {
        let (condition, rest) = rule.split_once("severity: \"").expect("each rule has one");
        let (severity, _) = rest.split_once('"').expect("it ends");
        condition.lines().filter_map(move |line| {
            let (_, compared) = line.split_once("api_objective_met:ratio_increase")?;
            let (window, threshold) = compared.split_once(" < ")?;
            Some((severity.to_owned(), window.to_owned(), threshold.to_owned()))
        })
    });
    rules.collect()
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
async fn of_several_replicas_each_evaluates_all_rules_but_those_on_what_happened_last_anywhere() {
    let rules = rules(&Alerts::new());
    let refused = |replicas| {
        let options = Evaluation::new().replicas(replicas);
        let evaluator = Evaluator::new(&rules, options, ManualClock::new().clock());
        evaluator.refused().iter().map(|refused| refused.rule.clone()).collect::<BTreeSet<_>>()
    };
    let (one, three) = (refused(1), refused(3));
    let more: Vec<_> = three.difference(&one).map(String::as_str).collect();
    assert!(more.contains(&"JobOverdue") && !more.contains(&"DependencyDown"), "{more:?}");
    let (_, section) = DOCUMENT.split_once("## Replicas\n").expect("the document says which");
    for rule in more {
        assert!(section.contains(&format!("`{rule}`")), "{rule}");
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
async fn contacts_of_rules_that_nobody_knows_are_refused() {
    let contact = || Contact::new("platform", "head of platform").expect("one line of text");
    let bundle = |rule: &str| {
        let rules = RuleOptions::new().contacts(Contacts::new().rule(rule, contact()));
        builder(&Lines::default()).build().unwrap().operations_bundle(BundleOptions::new().rules(rules))
    };
    let refused = bundle("TokenGraceNotEnforcd").unwrap_err();
    assert!(matches!(&refused, BundleError::NoSuchRule { rule } if rule == "TokenGraceNotEnforcd"), "{refused}");
    let bundle = bundle("DependencyDown").unwrap();
    let (_, rules) = bundle.files().find(|(path, _)| path.ends_with("rules/fleet-dependencies.yml")).unwrap();
    assert_eq!(rules.matches("owner: \"platform\"").count(), 1, "{rules}");
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

#[tokio::test]
async fn alerts_of_a_process_are_shown_to_operators_and_not_to_strangers() {
    let monitoring = builder(&Lines::default()).build().unwrap();
    let admin = monitoring.serve_admin("127.0.0.1:0").await.unwrap().local_addr();
    let public = serve(monitoring.routes()).await;
    assert_eq!(client::get(admin, "/alerts").await.status, 404, "before rules are evaluated");

    let evaluating = monitoring.evaluate(&Alerts::new(), Evaluation::new().grace(Duration::ZERO)).unwrap();
    let again = monitoring.evaluate(&Alerts::new(), Evaluation::new()).unwrap_err();
    assert!(matches!(again, EvaluateError::Twice), "{again}");
    until("rules are evaluated", || evaluating.report().evaluated_at).await;

    let shown = client::get(admin, "/alerts").await;
    assert_eq!((shown.status, shown.header("content-type")), (200, Some("application/json")));
    let shown: serde_json::Value = serde_json::from_str(shown.text()).unwrap();
    let alert = &shown["alerts"][0];
    assert_eq!((&alert["alertname"], &alert["state"]), (&"Watchdog".into(), &"firing".into()), "{shown}");
    let refused = shown["refused"].as_array().unwrap().iter().find(|refused| refused["rule"] == "ServiceAbsent");
    assert_eq!(refused.unwrap()["reason"], "a process that is gone evaluates nothing");
    assert_eq!(client::get(public, "/alerts").await.status, 404);
    let fires = [("alertname", "Watchdog"), ("severity", "info"), ("state", "firing")];
    monitoring.registry().snapshot().assert_value("alert_active", &fires, 1.0);
}

#[tokio::test]
async fn dependency_that_is_down_fires_in_the_process_and_ends_when_it_is_back() {
    let held = ManualClock::new();
    let is_up = Arc::new(AtomicBool::new(false));
    let works = Arc::clone(&is_up);
    let check = check_fn(move || {
        let works = works.load(Ordering::SeqCst);
        async move {
            if works { Ok(CheckReport::healthy()) } else { Err(CheckFailure::new("refused", "as the test wants")) }
        }
    });
    let options = CheckOptions::new().severity(Severity::Critical).dependency("ledger");
    let built = builder(&Lines::default()).clock(held.clock()).check_with("database", check, options).build();
    let monitoring = built.unwrap();
    let evaluating = monitoring.evaluate(&Alerts::new(), Evaluation::new()).unwrap();
    let becomes = async |state| {
        let moved_on = || {
            held.advance(Duration::from_secs(1));
            let report = evaluating.report();
            let alert = report.alerts.iter().find(|alert| alert.name() == "DependencyDown" && alert.state() == state);
            alert.map(|alert| alert.labels().map(|(_, value)| value.to_owned()).collect::<Vec<_>>())
        };
        until("the alert changes", moved_on).await
    };
    assert_eq!(becomes(AlertState::Firing).await, ["test", "ledger"]);
    is_up.store(true, Ordering::SeqCst);
    becomes(AlertState::Resolved).await;
}
