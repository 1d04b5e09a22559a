//! What operators are given, before the judges of those who read it.

use std::fs;
use std::process::Command;
use std::time::Duration;

use aistm7_monitoring::alert::{
    Across, Alerts, Contact, Contacts, MaintenanceInterval, Measure, Pace, Pack, Profile, Quantity, Rule, Severity,
    Switch, Value, Weekday, metric,
};
use aistm7_monitoring::health::{Maintenance, MaintenanceWindow};
use aistm7_monitoring::http::HttpOptions;
use aistm7_monitoring::ops::alertmanager::{self, AlertmanagerOptions, Slack};
use aistm7_monitoring::ops::prometheus::{
    EcsDiscovery, KubernetesDiscovery, Probes, PrometheusVersion, PublicEndpoints, RuleOptions, Scrape, Target,
    scrape_config,
};
use aistm7_monitoring::ops::{Bundle, BundleOptions};
use tempfile::TempDir;

use crate::everything::{NAMINGS, everything, everything_of};
use crate::support::tool::AMTOOL;
use crate::support::{example, promtool};

fn written(bundle: &Bundle) -> TempDir {
    let directory = tempfile::tempdir().expect("there is room");
    bundle.write_to(directory.path()).expect("it can be written");
    directory
}

/// A service's rule of each kind that this crate's have no example of.
fn own() -> Alerts {
    let rule = |name: &str, condition| {
        Rule::new(name, Pack::Service, condition)
            .summary("Something is wrong.")
            .description("{value} in {service}.")
            .runbook_url("https://example.com/<runbook>&\"quotes\"")
    };
    let window = Duration::from_secs(300);
    let bytes = Value::Rate {
        of: metric("log_bytes_total").one_of("sink", ["a.b|c", "\"q\"\\"]),
        across: Across::Sum,
        within: window,
    };
    let bytes_per_second = Quantity { amount: 2048.0, measure: Measure::BytesPerSecond };
    let lines = Value::Rate { of: metric("log_lines_total"), across: Across::Max, within: window };
    let age = Value::Age { of: metric("portfolio_last_update_timestamp_seconds") };
    Alerts::new()
        .rule(rule("OwnBytes", bytes.above(bytes_per_second)))
        .rule(rule("OwnLines", lines.at_least(Quantity::per_second(0.25))))
        .rule(rule("OwnAge", age.above(Quantity::days(2.0))))
}

/// Rules with all that an operator knows.
fn known() -> RuleOptions {
    let contact = |owner, escalation| Contact::new(owner, escalation).expect("one line of text");
    let contacts = Contacts::new()
        .severity(Severity::Critical, contact("platform", "head of platform"))
        .rule("TokenGraceNotEnforced", contact("token \"team\"", "platform"));
    RuleOptions::new().dashboard("https://grafana.example.com/d/service?orgId=1").contacts(contacts)
}

/// The bundle of a service that has everything.
fn bundle_of(naming: fn(HttpOptions) -> HttpOptions, profile: Profile) -> Bundle {
    let options = BundleOptions::new().alerts(own().profile(profile)).rules(known());
    everything(naming).operations_bundle(options).expect("rules make sense")
}

#[tokio::test]
#[ignore = "needs promtool; run by tests/run"]
async fn promtool_accepts_the_rules_and_their_tests_hold_under_both_namings_and_in_both_profiles() {
    let [ours, open_telemetry] = NAMINGS.map(|naming| bundle_of(naming, Profile::OnCall));
    let guide = bundle_of(NAMINGS[0], Profile::Guide);
    for bundle in [&ours, &open_telemetry, &guide] {
        promtool::check_rules(&written(bundle).path().join("prometheus/rules")).unwrap();
    }
    let whole = written(&ours);
    promtool::test_rules(&promtool::files_in(&whole.path().join("prometheus/tests"))).unwrap();
    // Of the others, only what differs.
    for (other, expected) in [
        (&open_telemetry, ["service-api"].as_slice()),
        (&guide, &["service-resources", "service-stores", "service-token"]),
    ] {
        let differs = |path: &&str| {
            let of = |bundle: &Bundle| bundle.files().find(|(own, _)| own == path).map(|(_, text)| text.to_owned());
            path.contains("/tests/") && of(&ours) != of(other)
        };
        let paths: Vec<_> = other.files().map(|(path, _)| path).filter(differs).collect();
        let names = expected.iter().map(|name| format!("prometheus/tests/{name}.yml"));
        assert_eq!(paths, names.collect::<Vec<_>>());
        let directory = written(other);
        promtool::test_rules(&paths.iter().map(|path| directory.path().join(path)).collect::<Vec<_>>()).unwrap();
    }
}

#[tokio::test]
#[ignore = "needs promtool; run by tests/run"]
async fn pages_say_which_versions_were_changed_whose_they_are_and_where_to_look() {
    let waits = Value::latest(metric("queue_oldest_age_seconds"), Across::Max).above(Quantity::seconds(300.0));
    let rule = Rule::new("OwnQueue", Pack::Service, waits)
        .severity(Severity::Critical)
        .summary("Something waits.")
        .description("Something waits.")
        .runbook_url("https://example.com");
    // One more would be a page too many.
    let alerts = Alerts::new().rule(rule).switch("RiskBatchOverdue", Switch::new().off());
    let options = BundleOptions::new().alerts(alerts).rules(known());
    let directory = written(&everything(NAMINGS[0]).operations_bundle(options).unwrap());
    let test = directory.path().join("prometheus/tests/versions.yml");
    let (of, at) = ("service=\"everything\",environment=\"prod\"", |minutes, versions| {
        format!(
            "  - eval_time: {minutes}m
    alertname: OwnQueue
    exp_alerts:
    - exp_labels: {{severity: critical, service: everything, environment: prod}}
      exp_annotations:
        summary: Something waits.
        description: Something waits.
        runbook_url: https://example.com
        dashboard_url: https://grafana.example.com/d/service?orgId=1&var-service=everything&var-environment=prod
        versions_changed: {versions}
        owner: platform
        escalation: head of platform
"
        )
    });
    let (before, within, after) = (at(190, "none"), at(210, "everything 1.1.0, everything 1.2.0"), at(330, "none"));
    let text = format!(
        "rule_files: [../rules/service-own.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  input_series:
  - {{series: 'queue_oldest_age_seconds{{{of}}}', values: '400x400'}}
  - {{series: 'service_info{{{of},version=\"1.0.0\"}}', values: '1x200 stale'}}
  - {{series: 'service_info{{{of},version=\"1.2.0\"}}', values: '_x200 1x200'}}
  - {{series: 'service_info{{{of},version=\"1.1.0\"}}', values: '_x200 1x200'}}
  - {{series: 'service_info{{service=\"other\",environment=\"prod\",version=\"7\"}}', values: '1x200'}}
  alert_rule_test:
{before}{within}{after}"
    );
    fs::write(&test, text).unwrap();
    promtool::test_rules(&[test]).unwrap();
}

#[tokio::test]
#[ignore = "needs promtool; run by tests/run"]
async fn rules_of_a_service_say_nothing_of_another_whose_files_are_loaded_too() {
    let hardly_ever = Alerts::new().switch("CpuThrottled", Switch::new().threshold(Quantity::ratio(1.5)));
    let [own, theirs] = [("everything", Alerts::new()), ("other", hardly_ever)].map(|(service, alerts)| {
        written(&everything_of(service, NAMINGS[0]).operations_bundle(BundleOptions::new().alerts(alerts)).unwrap())
    });
    let test = own.path().join("prometheus/tests/two-services.yml");
    let labels = "service=\"other\",environment=\"prod\",instance=\"one\"";
    let recorded = format!("service_environment_instance:cgroup_cpu_throttled_periods:ratio_increase5m{{{labels}}}");
    let text = format!(
        "rule_files:
- ../rules/service-resources.yml
- {}/prometheus/rules/service-resources.yml
evaluation_interval: 1m
tests:
- interval: 1m
  input_series:
  - {{series: 'cgroup_cpu_throttled_periods_total{{{labels}}}', values: '0+10x60'}}
  - {{series: 'cgroup_cpu_periods_total{{{labels}}}', values: '0+10x60'}}
  promql_expr_test:
  - {{expr: '{recorded}', eval_time: 50m, exp_samples: [{{labels: '{recorded}', value: 1}}]}}
  alert_rule_test:
  - {{eval_time: 50m, alertname: CpuThrottled, exp_alerts: []}}
",
        theirs.path().display()
    );
    fs::write(&test, text).unwrap();
    promtool::test_rules(&[test]).unwrap();
}

#[tokio::test]
#[ignore = "needs promtool; run by tests/run"]
async fn generated_tests_find_a_rule_that_fires_too_early_too_late_or_at_the_wrong_value() {
    let bundle = everything(NAMINGS[0]).operations_bundle(BundleOptions::new()).unwrap();
    let directory = written(&bundle);
    let rules = directory.path().join("prometheus/rules/service-risk.yml");
    let right = fs::read_to_string(&rules).unwrap();
    let tests = [directory.path().join("prometheus/tests/service-risk.yml")];
    for (was, is) in [
        ("for: 1m", "for: 15s"),
        ("for: 1m", "for: 5m"),
        ("> 0.05", "> 0.9"),
        ("> 0.05", "> 0.01"),
        (">= 3", ">= 1"),
        ("fault=\\\"ours\\\"", "fault=\\\"user\\\""),
        ("sum by (service, environment, model)", "sum by (service, environment)"),
        ("$value | humanizeDuration", "$value | humanize"),
    ] {
        assert!(right.contains(was), "{was}");
        fs::write(&rules, right.replace(was, is)).unwrap();
        assert!(promtool::test_rules(&tests).is_err(), "{is} in place of {was} goes unseen");
    }
    fs::write(&rules, right).unwrap();
    promtool::test_rules(&tests).unwrap();
}

#[tokio::test]
#[ignore = "needs promtool; run by tests/run"]
async fn first_queries_of_runbooks_and_rules_for_an_older_prometheus_are_valid() {
    let older = RuleOptions::new().version(PrometheusVersion { major: 2, minor: 41 });
    let bundle = everything(NAMINGS[0]).operations_bundle(BundleOptions::new().rules(older)).unwrap();
    assert!(bundle.files().all(|(_, text)| !text.contains("keep_firing_for: ")));
    let directory = written(&bundle);
    let rules = directory.path().join("prometheus/rules");
    for (at, naming) in NAMINGS.into_iter().enumerate() {
        let bound = Alerts::new().bind(&everything(naming).catalog()).unwrap();
        let queries = bound.rules().iter().enumerate().map(|(number, rule)| {
            let query = serde_json::Value::from(rule.first_query().expect("each has one"));
            format!("  - record: first:query{at}:{number}\n    expr: {query}\n")
        });
        let queries: String = queries.collect();
        let text = format!("groups:\n- name: queries{at}\n  rules:\n{queries}");
        assert_eq!(text.contains("api_errors_total"), at == 0, "names follow");
        fs::write(rules.join(format!("queries{at}.yml")), text).unwrap();
    }
    promtool::check_rules(&rules).unwrap();
}

#[test]
#[ignore = "needs promtool; run by tests/run"]
fn promtool_accepts_every_way_to_find_targets() {
    let directory = tempfile::tempdir().unwrap();
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let environment = "prod".to_owned();
    let public = PublicEndpoints {
        service: "orders".to_owned(),
        environment: environment.clone(),
        urls: text(&["https://api.example.com/health/live"]),
    };
    let probes = Probes { exporter: "blackbox:9115".to_owned(), endpoints: vec![public] };
    for scrape in [
        Scrape::Static(vec![Target {
            service: "orders".to_owned(),
            environment: environment.clone(),
            addresses: text(&["10.0.0.7:9464"]),
        }]),
        Scrape::Kubernetes(KubernetesDiscovery { environment: environment.clone(), namespaces: text(&["trading"]) }),
        Scrape::Kubernetes(KubernetesDiscovery { environment: environment.clone(), namespaces: Vec::new() }),
        Scrape::Ecs(EcsDiscovery { environment, files: text(&["ecs/*.yml"]) }),
    ] {
        let path = directory.path().join("prometheus.yml");
        for probes in [None, Some(&probes)] {
            let config = scrape_config(&scrape, probes, &text(&["alertmanager:9093"]), Pace::DEFAULT);
            fs::write(&path, without_kubernetes(config)).unwrap();
            promtool::check_config(&path).unwrap_or_else(|said| panic!("{scrape:?}: {said}"));
        }
    }
}

/// Debian builds Prometheus without the discovery of Kubernetes: in its place are files, and the rest is judged.
fn without_kubernetes(config: String) -> String {
    let discovery = config.split_once("    kubernetes_sd_configs:\n");
    let Some((before, (_, after))) = discovery.and_then(|(b, a)| Some((b, a.split_once("    relabel_configs:\n")?)))
    else {
        return config;
    };
    format!("{before}    file_sd_configs: [{{files: [pods.yml]}}]\n    relabel_configs:\n{after}")
}

fn alertmanager_config(slack: Slack) -> String {
    let restart = MaintenanceInterval::new("ibkr-restart", "dependency", "ibkr", "America/New_York")
        .on([Weekday::Saturday, Weekday::Sunday])
        .between("23:00", "24:00");
    let options = AlertmanagerOptions::new("/etc/alertmanager/pagerduty-key", slack, "http://127.0.0.1:1/beat");
    let window = MaintenanceWindow::daily("America/New_York", "23:45", "00:15").expect("it is one");
    let resets = Maintenance::new().window(window);
    let resets = MaintenanceInterval::excusing("ibkr-resets", "dependency", "ibkr", &resets);
    let nights = MaintenanceInterval::new("nights", "severity", "warning", "Europe/Berlin")
        .between("00:00", "07:00")
        .between("20:00", "24:00");
    alertmanager::config(&options.maintenance(restart).maintenance(resets).maintenance(nights))
}

#[test]
#[ignore = "needs amtool; run by tests/run"]
fn amtool_accepts_the_configuration_and_alerts_go_where_they_should() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alertmanager.yml");
    for slack in [Slack::WebhookFile("/etc/slack".to_owned()), Slack::TokenFile("/etc/slack".to_owned())] {
        fs::write(&path, alertmanager_config(slack)).unwrap();
        AMTOOL.judge(["check-config".as_ref(), path.as_os_str()]).unwrap();
    }
    for (labels, receiver) in [
        ("severity=critical environment=prod service=orders", "critical"),
        ("severity=warning environment=prod", "warning"),
        ("severity=info environment=prod", "monitoring"),
        ("environment=prod", "monitoring"),
        ("severity=critical environment=staging", "monitoring"),
        ("severity=critical", "monitoring"),
        ("alertname=Watchdog severity=info", "heartbeat"),
        ("alertname=DependencyDown severity=critical environment=prod dependency=ibkr", "critical"),
    ] {
        let config = format!("--config.file={}", path.display());
        let receivers = format!("--verify.receivers={receiver}");
        let route = ["config", "routes", "test", &config, &receivers].into_iter().chain(labels.split(' '));
        AMTOOL.judge(route.map(AsRef::as_ref)).unwrap_or_else(|said| panic!("{labels}: {said}"));
    }
}

/// As somebody who releases would: the catalog of the release before, this one, and a changelog.
#[test]
#[ignore = "needs the example built; run by tests/run"]
fn stable_metric_that_is_gone_fails_the_comparison_of_catalogs_unless_the_changelog_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let catalog: serde_json::Value = serde_json::from_str(include_str!("../../src/docs/catalog.json")).unwrap();
    let mut without = catalog.clone();
    let metrics = without["metrics"].as_array_mut().unwrap();
    let before = metrics.len();
    metrics.retain(|metric| metric["name"] != "api_requests_total");
    assert_eq!(metrics.len(), before - 1);
    fs::write(path("old.json"), catalog.to_string()).unwrap();
    fs::write(path("new.json"), without.to_string()).unwrap();
    fs::write(path("CHANGELOG.md"), "- **breaking:** `api_requests_total` is no more.\n").unwrap();
    let executable = example::build("catalog");
    let compared = |names: &[&str]| {
        let output = Command::new(&executable).arg("diff").args(names.iter().map(|name| path(name))).output().unwrap();
        let [told, why] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), told, why)
    };
    let gone = "BREAKING api_requests_total: is gone\n";
    let (status, told, why) = compared(&["old.json", "new.json"]);
    assert_eq!((status, told.as_str()), (Some(1), gone));
    let unannounced = "not announced, so write an entry with **breaking:** and the metric's name for each:";
    assert_eq!(why, format!("Error: {unannounced}\n  {gone}"));
    let announced = compared(&["old.json", "new.json", "CHANGELOG.md"]);
    assert_eq!(announced, (Some(0), gone.to_owned(), String::new()));
    let same = compared(&["old.json", "old.json"]);
    assert_eq!(same, (Some(0), String::new(), String::new()));
}
