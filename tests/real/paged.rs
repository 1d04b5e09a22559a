//! Whom a real Alertmanager tells, by the configuration that this crate writes: stand-ins.

use std::collections::BTreeSet;
use std::path::Path;

use aistm7_monitoring::ops::alertmanager::{self, AlertmanagerOptions, Slack};

use crate::paging::pagerduty::{self, PagerDutyPeer};
use crate::paging::slack::{self, SlackPeer};

const PAGERDUTY_KEY: &str = "pagerduty-key";
const SLACK_TOKEN: &str = "slack-token";

/// The files beside the configuration that it reads secrets from.
pub(crate) const SECRETS: [(&str, &str); 2] = [(PAGERDUTY_KEY, pagerduty::ROUTING_KEY), (SLACK_TOKEN, slack::TOKEN)];

/// The configuration for a directory with the secrets, with the peers' addresses in place of the real ones.
pub(crate) fn config(
    home: &Path,
    (pager, slack): (&PagerDutyPeer, &SlackPeer),
    heartbeat: &str,
    set: impl Fn(AlertmanagerOptions) -> AlertmanagerOptions,
) -> String {
    let path = |name: &str| home.join(name).display().to_string();
    let options = AlertmanagerOptions::new(path(PAGERDUTY_KEY), Slack::TokenFile(path(SLACK_TOKEN)), heartbeat);
    let text = alertmanager::config(&set(options)).replace("https://slack.com/api", &slack.url());
    format!("global: {{pagerduty_url: '{}/v2/enqueue'}}\n{text}", pager.url())
}

/// Rule and labels in the end of a title: `… (rule, label, label)`.
pub(crate) fn rule_and_labels(title: &str) -> (String, BTreeSet<String>) {
    let values = title.rsplit_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
    let mut values = values.split(", ").map(str::to_owned);
    (values.next().unwrap_or_default(), values.collect())
}
