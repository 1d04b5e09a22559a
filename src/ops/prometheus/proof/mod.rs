//! Tests for `promtool test rules`, made from the rules themselves: series that make a rule true, and series that nearly do.
//!
//! ```text
//! condition + wish (met, held, unmet, …) -> solve: one number for each metric -> stage -> scene: phases -> series -> YAML
//! ```

mod scene;
mod series;
mod solve;
mod stage;

use std::time::Duration;

use scene::{Check, Scene};

use super::RuleOptions;
use super::annotations::{Filled, annotations};
use super::promql::span;
use super::rules::HEADER;
use crate::alert::{BoundRule, Pace};
use crate::ops::yaml::Yaml;

/// From a sample to the next, and from an evaluation to the next.
const STEP: Duration = Pace::DEFAULT.evaluation;

/// The tests of one rule file.
pub(super) fn file(rules_file: &str, rules: &[&BoundRule], options: &RuleOptions) -> String {
    let scenes = rules.iter().flat_map(|rule| {
        let scenes = Scene::of(rule).unwrap_or_default();
        scenes.into_iter().map(|scene| test(rule, &scene, options))
    });
    Yaml::map([
        ("rule_files", Yaml::texts([rules_file])),
        ("evaluation_interval", Yaml::bare(span(STEP))),
        ("tests", Yaml::List(scenes.collect())),
    ])
    .document(HEADER)
}

pub(super) fn is_proven(rule: &BoundRule) -> bool {
    Scene::of(rule).is_some()
}

fn test(rule: &BoundRule, scene: &Scene, options: &RuleOptions) -> Yaml {
    let series = scene
        .series
        .iter()
        .map(|(series, values)| Yaml::map([("series", Yaml::text(series)), ("values", Yaml::text(values))]));
    let checks = scene.checks.iter().map(|check| alert_test(rule, scene, check, options));
    Yaml::map([
        ("name", Yaml::text(format!("{} {}", rule.name(), scene.title))),
        ("interval", Yaml::bare(span(STEP))),
        ("input_series", Yaml::List(series.collect())),
        ("alert_rule_test", Yaml::List(checks.collect())),
    ])
}

fn alert_test(rule: &BoundRule, scene: &Scene, check: &Check, options: &RuleOptions) -> Yaml {
    let alerts = check.value.map(|value| {
        let told = annotations(rule, options, Filled::ByTest { labels: &scene.labels, value });
        let own = [("severity".to_owned(), Yaml::text(rule.severity().as_str()))];
        let labels = scene.labels.iter().map(|(name, value)| (name.clone(), Yaml::text(value)));
        Yaml::map([
            ("exp_labels", Yaml::Map(labels.chain(own).collect())),
            (
                "exp_annotations",
                Yaml::Map(told.into_iter().map(|(n, text)| (n.to_owned(), Yaml::Text(text))).collect()),
            ),
        ])
    });
    Yaml::map([
        ("eval_time", Yaml::bare(span(check.at))),
        ("alertname", Yaml::text(rule.name())),
        ("exp_alerts", Yaml::List(alerts.into_iter().collect())),
    ])
}
