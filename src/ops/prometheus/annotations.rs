//! What an alert tells.

use std::collections::BTreeMap;

use super::RuleOptions;
use crate::alert::{BoundRule, Quantity, Runbook, Severity, runbook};

/// Who fills in what is different from alert to alert.
#[derive(Clone, Copy)]
pub(super) enum Filled<'a> {
    /// Prometheus, by its templates.
    ByPrometheus,
    /// A test, which expects what Prometheus says for these labels and this value, while no version was changed.
    ByTest {
        /// The alert's.
        labels: &'a BTreeMap<String, String>,
        value: f64,
    },
}

/// The annotations of a rule, in order.
pub(super) fn annotations(rule: &BoundRule, options: &RuleOptions, filled: Filled<'_>) -> Vec<(&'static str, String)> {
    let name = rule.name();
    let is_page = rule.severity() == Severity::Critical;
    let mut told = vec![("summary", rule.summary().to_owned()), ("description", filled.description(rule))];
    match rule.runbook() {
        Runbook::Url(url) => told.push(("runbook_url", url.clone())),
        Runbook::Own => {
            told.extend(runbook::impact(name).map(|impact| ("impact", impact)));
            told.extend(rule.first_query().map(|query| ("first_query", query.to_owned())));
            let steps = runbook::section(name, "What to do").filter(|_| is_page);
            told.extend(steps.map(|steps| ("what_to_do", steps.to_owned())));
            told.push(("runbook_url", format!("{}/{name}.md", options.runbooks)));
        }
    }
    told.extend(options.dashboard.as_ref().map(|url| ("dashboard_url", filled.dashboard(rule, url))));
    // Who is woken asks what was changed; for all others it would be a query for each alert at each evaluation.
    told.extend(
        versions_changed(rule).filter(|_| is_page).map(|changed| ("versions_changed", filled.versions(changed))),
    );
    if let Some(contact) = options.contacts.of(name, rule.severity()) {
        told.extend([("owner", contact.owner().to_owned()), ("escalation", contact.escalation().to_owned())]);
    }
    told
}

/// The labels that an alert is about, if the rule has them.
const ABOUT: [&str; 2] = ["service", "environment"];

fn about(rule: &BoundRule) -> impl Iterator<Item = &'static str> {
    ABOUT.into_iter().filter(|label| rule.by().iter().any(|by| by == label))
}

impl Filled<'_> {
    fn description(self, rule: &BoundRule) -> String {
        let (template, measure) = (rule.description(), rule.measure());
        match self {
            Self::ByPrometheus => template.prometheus(measure),
            Self::ByTest { labels, value } => {
                let label = |label: &str| labels.get(label).cloned().unwrap_or_default();
                template.filled(label, Quantity { amount: value, measure })
            }
        }
    }

    /// With variables as Grafana reads them.
    fn dashboard(self, rule: &BoundRule, url: &str) -> String {
        let value = |label: &str| match self {
            Self::ByPrometheus => format!("{{{{ $labels.{label} | urlquery }}}}"),
            Self::ByTest { labels, .. } => labels.get(label).cloned().unwrap_or_default(),
        };
        let separator = if url.contains('?') { '&' } else { '?' };
        let variables: Vec<_> = about(rule).map(|label| format!("var-{label}={}", value(label))).collect();
        format!("{url}{separator}{}", variables.join("&"))
    }

    fn versions(self, changed: String) -> String {
        match self {
            Self::ByPrometheus => changed,
            Self::ByTest { .. } => NO_VERSION.to_owned(),
        }
    }
}

const NO_VERSION: &str = "none";

/// The versions that are there and were not two hours ago, of services that were; `None` where the rule does not say in which
/// environment. `printf` quotes what labels hold.
fn versions_changed(rule: &BoundRule) -> Option<String> {
    let labels: Vec<_> = about(rule).collect();
    labels.contains(&"environment").then(|| {
        let matchers: Vec<_> = (1..).zip(&labels).map(|(at, label)| format!("{label}=%[{at}]q")).collect();
        let info = format!("service_info{{{}}}", matchers.join(","));
        let query = format!(
            "group by (service, version) ({info}) unless group by (service, version) ({info} offset 2h) \
             and on (service) group by (service) ({info} offset 2h)"
        );
        let values: Vec<_> = labels.iter().map(|label| format!("$labels.{label}")).collect();
        format!(
            "{{{{ range $at, $new := printf `{query}` {} | query | sortByLabel \"version\" }}}}{{{{ if $at }}}}, {{{{ end }}}}\
             {{{{ $new.Labels.service }}}} {{{{ $new.Labels.version }}}}{{{{ else }}}}{NO_VERSION}{{{{ end }}}}",
            values.join(" ")
        )
    })
}
