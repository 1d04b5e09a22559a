//! What Prometheus is given: rule files, the tests that prove them, and what it scrapes.
//!
//! Equal rules give equal bytes. Each rule file has a file of tests for `promtool test rules` beside it: every alert fires
//! after its time and not before, holds until it clears, and is silent without cause, without traffic and in maintenance.

mod annotations;
mod promql;
mod proof;
mod recording;
mod rules;
mod scrape;

use std::collections::BTreeMap;

pub(super) use promql::{decimal, span};
pub use scrape::{EcsDiscovery, KubernetesDiscovery, Probes, PublicEndpoints, Scrape, Target, scrape_config};

use crate::alert::{BoundRule, Contacts, Pace, RuleSet};

/// A version of Prometheus, as far as its files differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrometheusVersion {
    /// Such as the 2 of 2.42.
    pub major: u32,
    /// Such as the 42.
    pub minor: u32,
}

impl PrometheusVersion {
    /// The oldest that knows all of it, and what is written for unless something else is said.
    pub const DEFAULT: Self = Self { major: 2, minor: 42 };

    /// Whether alerts can be kept firing. An older one gets the same rules without that.
    fn keeps_firing(self) -> bool {
        self >= Self::DEFAULT
    }
}

/// How rule files are written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until rules are written with them"]
pub struct RuleOptions {
    version: PrometheusVersion,
    runbooks: String,
    dashboard: Option<String>,
    contacts: Contacts,
    pub(super) pace: Pace,
}

impl RuleOptions {
    /// For [`PrometheusVersion::DEFAULT`], with runbooks that are found beside the files, in `runbooks`; no dashboard, and
    /// nobody's name.
    pub fn new() -> Self {
        Self {
            version: PrometheusVersion::DEFAULT,
            runbooks: "runbooks".to_owned(),
            dashboard: None,
            contacts: Contacts::new(),
            pace: Pace::DEFAULT,
        }
    }

    /// Which Prometheus reads them.
    pub fn version(mut self, version: PrometheusVersion) -> Self {
        self.version = version;
        self
    }

    /// Where the runbooks of this crate's rules are published: `runbook_url` is this, the rule's name and `.md`.
    pub fn runbooks(mut self, url: impl Into<String>) -> Self {
        self.runbooks = url.into();
        self
    }

    /// The dashboard that alerts link to: `dashboard_url` is this with `var-service` and `var-environment`, as Grafana reads
    /// variables. Alertmanager's messages add the time around the alert's start.
    pub fn dashboard(mut self, url: impl Into<String>) -> Self {
        self.dashboard = Some(url.into());
        self
    }

    /// Whose alerts are, as `owner` and `escalation`.
    pub fn contacts(mut self, contacts: Contacts) -> Self {
        self.contacts = contacts;
        self
    }

    /// How often Prometheus scrapes and evaluates. Default: [`Pace::DEFAULT`].
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    pub(super) fn contacts_of(&self) -> &Contacts {
        &self.contacts
    }
}

impl Default for RuleOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The rule files of a set and their tests, by path: `rules/<pack>-<topic>.yml` and `tests/<pack>-<topic>.yml`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use aistm7_monitoring::Monitoring;
/// use aistm7_monitoring::alert::Alerts;
/// use aistm7_monitoring::ops::prometheus::{RuleOptions, rule_files};
///
/// let monitoring = Monitoring::builder("orders").build()?;
/// let rules = Alerts::new().bind(&monitoring.catalog())?;
/// let files = rule_files(&rules, &RuleOptions::new());
/// assert!(files["rules/service-api.yml"].contains("alert: \"ApiEndpointDown\""));
/// # Ok(())
/// # }
/// ```
pub fn rule_files(rules: &RuleSet, options: &RuleOptions) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (name, rules) in groups(rules) {
        let file = format!("rules/{name}.yml");
        files.insert(file.clone(), rules::file(&name, &rules, options));
        files.insert(format!("tests/{name}.yml"), proof::file(&format!("../{file}"), &rules, options));
    }
    files
}

/// The rules that no test could be made for; none of this crate's is among them.
pub fn unproven(rules: &RuleSet) -> Vec<&str> {
    rules.rules().iter().filter(|rule| !proof::is_proven(rule)).map(BoundRule::name).collect()
}

/// Rules by pack and topic.
fn groups(rules: &RuleSet) -> BTreeMap<String, Vec<&BoundRule>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for rule in rules.rules() {
        groups.entry(format!("{}-{}", rule.pack().as_str(), rule.topic())).or_default().push(rule);
    }
    groups
}
