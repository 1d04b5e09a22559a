//! Rules evaluated in the process fire and clear at the evaluations at which Prometheus' own do, with the same values.
//!
//! Random rules over random series: one registry, whose snapshots the evaluator gets, and which `promtool test rules` gets as
//! series with everything that the evaluator said as what is expected of Prometheus.

#![allow(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod cases;
mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, SystemTime};

use aistm7_monitoring::alert::evaluate::{ActiveAlert, Evaluation, Evaluator};
use aistm7_monitoring::alert::{Alerts, Rule, RuleSet, Switch};
use aistm7_monitoring::catalog::Catalog;
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::metrics::{Registry, RegistryOptions, SeriesSnapshot, Snapshot, Value};
use aistm7_monitoring::ops::prometheus::{RuleOptions, rule_files};
use fastrand::Rng;
use serde_json::{Value as Json, json};

use crate::support::promtool;

/// From an evaluation to the next.
const STEP: Duration = Duration::from_secs(30);

/// More than an hour, after which a counter that comes back counts as born anew, and twenty minutes more.
const STEPS: u32 = 165;

const CASES: usize = 250;

/// Chosen. Any other must pass as well.
const SEED: u64 = 9;

const IDENTITY: [(&str, &str); 2] = [("environment", "prod"), ("service", "orders")];

#[test]
#[ignore = "needs promtool; run by tests/run"]
fn random_rules_fire_and_clear_as_those_of_prometheus() {
    let mut random = Rng::with_seed(SEED);
    let held = ManualClock::starting_at(SystemTime::UNIX_EPOCH);
    let registry = Registry::with(RegistryOptions::new().clock(held.clock()));
    let cases: Vec<_> = (0..CASES).map(|number| cases::case(number, &mut random)).collect();
    let mut scene = scene::Scene::new(&registry, &cases, &mut random);
    let rules = bound(&registry, cases.into_iter().map(|case| case.rule));

    let options = Evaluation::new().every(STEP).grace(Duration::ZERO).memory(1 << 30);
    let options = IDENTITY.into_iter().fold(options, |options, (name, value)| options.label(name, value));
    let mut evaluator = Evaluator::new(&rules, options, held.clock());
    assert_eq!(evaluator.refused(), []);
    let mut page = Page::default();
    for step in 0..STEPS {
        scene.act(step, &mut random);
        registry.collect();
        let snapshot = registry.snapshot();
        evaluator.step(&snapshot);
        page.saw(step, &snapshot);
        page.expects(step, &rules, evaluator.alerts().filter(|alert| alert.state().is_firing()).collect());
        held.advance(STEP);
    }

    let folder = tempfile::tempdir().unwrap();
    let [(_, file)] = rule_files(&rules, &RuleOptions::new())
        .into_iter()
        .filter(|(name, _)| name.starts_with("rules/"))
        .collect::<Vec<_>>()
        .try_into()
        .expect("all rules are of one group");
    fs::write(folder.path().join("rules.yml"), file).unwrap();
    let test = folder.path().join("test.yml");
    fs::write(&test, page.json().to_string()).unwrap();
    if let Err(said) = promtool::test_rules(&[test]) {
        panic!("{}", said.chars().take(4_000).collect::<String>());
    }
    page.assert_tells_something();
}

/// The rules of the cases alone.
fn bound(registry: &Registry, rules: impl Iterator<Item = Rule>) -> RuleSet {
    let catalog = Catalog::of(registry);
    let own = rules.fold(Alerts::new(), Alerts::rule);
    let all = own.bind(&catalog).unwrap();
    let others = all.rules().iter().filter(|rule| !rule.name().starts_with("Case")).map(|rule| rule.name().to_owned());
    others.fold(own, |own, name| own.switch(name, Switch::new().off())).bind(&catalog).unwrap()
}

/// What promtool is given.
#[derive(Default)]
struct Page {
    /// What each series showed, by step.
    series: BTreeMap<String, BTreeMap<u32, f64>>,
    expected: Vec<Json>,
    /// At how many steps each rule that ever fired did.
    fired: BTreeMap<String, u32>,
}

impl Page {
    fn saw(&mut self, step: u32, snapshot: &Snapshot) {
        for family in snapshot.families() {
            for series in &family.series {
                for (name, value) in shown(&family.name, series) {
                    self.series.entry(name).or_default().insert(step, value);
                }
            }
        }
    }

    fn expects(&mut self, step: u32, rules: &RuleSet, alerts: Vec<ActiveAlert>) {
        let fire: BTreeSet<_> = alerts.iter().map(|alert| alert.name().to_owned()).collect();
        for name in fire {
            *self.fired.entry(name).or_default() += 1;
        }
        for rule in rules.rules() {
            let alerts: Vec<_> = alerts.iter().filter(|alert| alert.name() == rule.name()).map(expected).collect();
            let at = format!("{}s", (STEP * step).as_secs());
            self.expected.push(json!({ "eval_time": at, "alertname": rule.name(), "exp_alerts": alerts }));
        }
    }

    fn json(&self) -> Json {
        let series = self.series.iter().map(|(name, shown)| json!({ "series": name, "values": values(shown) }));
        json!({
            "rule_files": ["rules.yml"],
            "evaluation_interval": format!("{}s", STEP.as_secs()),
            "tests": [{
                "interval": format!("{}s", STEP.as_secs()),
                "input_series": series.collect::<Vec<_>>(),
                "alert_rule_test": self.expected,
            }],
        })
    }

    fn assert_tells_something(&self) {
        let sometimes = self.fired.values().filter(|steps| **steps < STEPS).count();
        assert!(sometimes > CASES / 2, "{sometimes} of {CASES} rules fire and clear");
    }
}

fn expected(alert: &ActiveAlert) -> Json {
    let labels: BTreeMap<_, _> = alert.labels().chain([("severity", alert.severity().as_str())]).collect();
    let annotations = json!({
        "summary": alert.rule().summary(),
        "description": alert.description(),
        "runbook_url": cases::RUNBOOK,
    });
    json!({ "exp_labels": labels, "exp_annotations": annotations })
}

/// A series as a scrape would show it.
fn shown(name: &str, series: &SeriesSnapshot) -> Vec<(String, f64)> {
    let identity: Vec<_> = IDENTITY.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    let labels = format!("{},{}", series.labels, identity.join(","));
    match &series.value {
        Value::Histogram(histogram) => {
            let mut sum = 0;
            let edges = histogram.edges.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
            let buckets = edges.zip(&histogram.buckets).map(|(edge, count)| {
                sum += count;
                (format!("{name}_bucket{{{labels},le=\"{edge}\"}}"), sum as f64)
            });
            let buckets: Vec<_> = buckets.collect();
            buckets.into_iter().chain([(format!("{name}_count{{{labels}}}"), histogram.count() as f64)]).collect()
        }
        value => vec![(format!("{name}{{{labels}}}"), value.as_f64())],
    }
}

/// As promtool writes series: `_` is no sample, and a scrape says once that a series is gone.
fn values(shown: &BTreeMap<u32, f64>) -> String {
    let value = |step: u32| match (shown.get(&step), step.checked_sub(1).and_then(|before| shown.get(&before))) {
        (Some(value), _) => value.to_string(),
        (None, Some(_)) => "stale".to_owned(),
        (None, None) => "_".to_owned(),
    };
    (0..STEPS).map(value).collect::<Vec<_>>().join(" ")
}
