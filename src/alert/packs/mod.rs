//! The rules of this crate: those of each service, and those of what services share.
//!
//! A rule whose metrics a service does not have is left out there, with the metric as the reason.

mod api;
mod business;
mod dependencies;
mod resources;
mod stores;
mod telemetry;

use std::time::Duration;

use super::rule::Rule;

/// What the rules are made with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    /// The share of requests that are to be answered within a route's objective.
    pub(super) objective: f64,
    /// The routes that have one.
    pub(super) routes: Vec<String>,
}

/// Every rule, by topic.
pub(super) fn rules(settings: &Settings) -> Vec<Rule> {
    let topics = [
        ("api", api::rules(settings)),
        ("objectives", api::objectives(settings)),
        ("resources", resources::rules()),
        ("stores", stores::rules()),
        ("portfolio", business::portfolio()),
        ("risk", business::risk()),
        ("token", business::token()),
        ("telemetry", telemetry::rules()),
        ("dependencies", dependencies::rules()),
    ];
    topics.into_iter().flat_map(|(topic, rules)| rules.into_iter().map(move |rule| rule.topic(topic))).collect()
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

const fn hours(hours: u64) -> Duration {
    minutes(60 * hours)
}
