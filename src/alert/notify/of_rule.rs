//! Alerts of rules, in the words that the rules have for them.

use std::time::SystemTime;

use super::alert::{Alert, Origin};
use crate::alert::rule::{BoundRule, Runbook};
use crate::alert::runbook;

impl Alert {
    /// An alert of a rule, without its labels: what is wrong in this case, whom it hurts, what to look at first.
    pub(crate) fn of_rule(origin: Origin, rule: &BoundRule, description: &str, starts_at: SystemTime) -> Self {
        let alert = Self::firing(origin, rule.name(), rule.severity(), starts_at).summary(rule.summary());
        match rule.runbook() {
            Runbook::Url(url) => alert.description(description).runbook(url),
            Runbook::Own => {
                let query = rule.first_query().map(|query| format!("First query: {query}"));
                let lines = [Some(description.to_owned()), runbook::impact(rule.name()), query];
                alert.description(&lines.into_iter().flatten().collect::<Vec<_>>().join("\n"))
            }
        }
    }
}
