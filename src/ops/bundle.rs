//! Everything that operators need of one service, as files.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use super::alertmanager::{self, AlertmanagerOptions};
use super::cloudwatch::{self, CloudWatchError, CloudWatchOptions};
use super::prometheus::{Probes, RuleOptions, Scrape, rule_files, scrape_config};
use crate::alert::{Alerts, Pace, RuleError, RuleSet, runbook};
use crate::catalog::Catalog;

/// What a bundle is made of, beside the catalog.
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until a bundle is made with them"]
pub struct BundleOptions {
    alerts: Alerts,
    rules: RuleOptions,
    scrape: Option<(Scrape, Vec<String>)>,
    probes: Option<Probes>,
    alertmanager: Option<AlertmanagerOptions>,
    cloudwatch: Option<CloudWatchOptions>,
}

impl BundleOptions {
    /// This crate's rules, and nothing that only the operator knows.
    pub fn new() -> Self {
        Self::default()
    }

    /// The rules. Default: [`Alerts::new`].
    pub fn alerts(mut self, alerts: Alerts) -> Self {
        self.alerts = alerts;
        self
    }

    /// How rule files are written, and how often everything is scraped and evaluated. Default: [`RuleOptions::new`].
    pub fn rules(mut self, rules: RuleOptions) -> Self {
        self.rules = rules;
        self
    }

    /// Writes `prometheus.yml` too, with the addresses of Alertmanagers. Default: none.
    pub fn scrape(mut self, scrape: Scrape, alertmanagers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scrape = Some((scrape, alertmanagers.into_iter().map(Into::into).collect()));
        self
    }

    /// Public URLs that `prometheus.yml` has asked from outside, for the rule `PublicEndpointDown`. Default: none.
    pub fn probes(mut self, probes: Probes) -> Self {
        self.probes = Some(probes);
        self
    }

    /// Writes `alertmanager.yml` too. Default: none.
    pub fn alertmanager(mut self, options: AlertmanagerOptions) -> Self {
        self.alertmanager = Some(options);
        self
    }

    /// Writes alarms for CloudWatch too. Default: none.
    pub fn cloudwatch(mut self, options: CloudWatchOptions) -> Self {
        self.cloudwatch = Some(options);
        self
    }

    /// Rules of one service, with these routes that have an objective.
    pub(crate) fn of_service(mut self, service: &str, routes: Vec<String>) -> Self {
        self.alerts = self.alerts.service(service).routes_with_objective(routes);
        self
    }
}

/// Files by path. Equal catalogs and options give equal bytes.
///
/// | path | |
/// |---|---|
/// | `catalog.json` | every metric; `examples/catalog.rs` compares two |
/// | `alerts.md` | every rule, its worst time from a fault to a page, and what is left out |
/// | `runbooks/*.md` | one for each rule of this crate |
/// | `prometheus/rules/*.yml`, `prometheus/tests/*.yml` | see [`rule_files`] |
/// | `prometheus/prometheus.yml` | if [`BundleOptions::scrape`] was said |
/// | `alertmanager/alertmanager.yml` | if [`BundleOptions::alertmanager`] was said |
/// | `cloudwatch/alarms/*.json` | if [`BundleOptions::cloudwatch`] was said: the input of `PutMetricAlarm` for each alarm |
/// | `cloudwatch/template.json` | the same alarms for CloudFormation |
/// | `cloudwatch/metrics.json` | what has to be published for them, see [`Publication`](cloudwatch::Publication) |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<String, String>,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A rule makes no sense.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// There is a contact for a rule that there is not.
    #[error("contacts name the rule {rule:?}, which there is not: correct the name or leave it out")]
    NoSuchRule {
        /// What it is called there.
        rule: String,
    },
    /// The options for CloudWatch do not fit.
    #[error(transparent)]
    CloudWatch(#[from] CloudWatchError),
}

impl Bundle {
    /// The bundle of a catalog. `Monitoring::operations_bundle` makes that of a service.
    ///
    /// # Errors
    /// [`BundleError::Rule`] at the first rule that does not fit the catalog, [`BundleError::NoSuchRule`] at the first contact
    /// of a rule that nobody knows, [`BundleError::CloudWatch`] when the options for CloudWatch fit neither it nor the rules.
    pub fn new(catalog: &Catalog, options: &BundleOptions) -> Result<Self, BundleError> {
        let rules = options.alerts.bind(catalog)?;
        // One of this crate's that is left out here is known.
        let is_known = |name: &str| rules.rule(name).is_some() || runbook::text(name).is_some();
        if let Some(rule) = options.rules.contacts_of().rules().find(|name| !is_known(name)) {
            return Err(BundleError::NoSuchRule { rule: rule.to_owned() });
        }
        let mut files = BTreeMap::from([
            ("catalog.json".to_owned(), catalog.to_json()),
            ("alerts.md".to_owned(), rules_document(&rules, options.rules.pace)),
        ]);
        let texts = runbook::all().filter(|(name, _)| rules.rule(name).is_some());
        files.extend(texts.map(|(name, text)| (format!("runbooks/{name}.md"), text.to_owned())));
        let written = rule_files(&rules, &options.rules);
        files.extend(written.into_iter().map(|(path, text)| (format!("prometheus/{path}"), text)));
        if let Some((scrape, alertmanagers)) = &options.scrape {
            let config = scrape_config(scrape, options.probes.as_ref(), alertmanagers, options.rules.pace);
            files.insert("prometheus/prometheus.yml".to_owned(), config);
        }
        if let Some(options) = &options.alertmanager {
            files.insert("alertmanager/alertmanager.yml".to_owned(), alertmanager::config(options));
        }
        if let Some(options) = &options.cloudwatch {
            let alarms = cloudwatch::alarms(&rules, options)?;
            files.extend(alarms.inputs().map(|(name, input)| (format!("cloudwatch/alarms/{name}"), input)));
            files.insert("cloudwatch/template.json".to_owned(), alarms.template());
            files.insert("cloudwatch/metrics.json".to_owned(), alarms.publications_json());
            files.entry("alerts.md".to_owned()).or_default().push_str(&alarms.section());
        }
        Ok(Self { files })
    }

    /// The files by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Writes the files below a directory, which is made if need be. Rules, tests and alarms of an earlier bundle that are
    /// not in this one are removed: they would be loaded and put with the others.
    ///
    /// # Errors
    /// What the file system refuses.
    pub fn write_to(&self, directory: &Path) -> io::Result<()> {
        for folder in ["prometheus/rules", "prometheus/tests", "cloudwatch/alarms"] {
            match fs::remove_dir_all(directory.join(folder)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        for (path, text) in &self.files {
            let path = directory.join(path);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, text)?;
        }
        Ok(())
    }
}

/// A table of rules with the worst time from a fault to a page, and of what is left out.
pub(super) fn rules_document(rules: &RuleSet, pace: Pace) -> String {
    let mut out = String::from(
        "# Alerts\n\n| rule | severity | must last | fault to page, at worst | why longer than two minutes |\n|---|---|---|---|---|\n",
    );
    for rule in rules.rules() {
        let (name, severity) = (rule.name(), rule.severity().as_str());
        let (lasting, worst) = (seconds(rule.lasting()), seconds(rule.worst_time_to_page(pace)));
        let why = rule.why_it_takes_time().unwrap_or_default();
        out.push_str(&format!("| `{name}` | {severity} | {lasting} | {worst} | {why} |\n"));
    }
    if !rules.left_out().is_empty() {
        out.push_str("\n| left out | because there is no metric |\n|---|---|\n");
    }
    for left_out in rules.left_out() {
        out.push_str(&format!("| `{}` | `{}` |\n", left_out.rule, left_out.metric));
    }
    out
}

fn seconds(time: Duration) -> String {
    // Whole seconds, upwards: it is a worst case.
    format!("{} s", time.as_millis().div_ceil(1000))
}
