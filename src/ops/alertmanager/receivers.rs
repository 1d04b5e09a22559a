//! Who hears of it, and in which words.

use crate::alert::Severity;
use crate::ops::yaml::Yaml;

pub(super) const HEARTBEAT: &str = "heartbeat";
pub(super) const CRITICAL: &str = "critical";
pub(super) const WARNING: &str = "warning";
pub(super) const MONITORING: &str = "monitoring";

const INCIDENTS_CHANNEL: &str = "#incidents";
const MONITORING_CHANNEL: &str = "#monitoring";

/// The way into Slack.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slack {
    /// `chat.postMessage` with a bot's token, which is in this file.
    TokenFile(String),
    /// An incoming webhook, whose URL is in this file. It posts to one channel, whatever is said.
    WebhookFile(String),
}

pub(super) fn all(pagerduty_key_file: &str, slack: &Slack, heartbeat: &str) -> Yaml {
    let beat = Yaml::map([("url", Yaml::text(heartbeat)), ("send_resolved", Yaml::bare(false))]);
    let pages = |severity| Yaml::List(vec![pagerduty(pagerduty_key_file, severity)]);
    let posts = |channel| Yaml::List(vec![posted(slack, channel)]);
    Yaml::List(vec![
        named(HEARTBEAT).with("webhook_configs", Yaml::List(vec![beat])),
        named(MONITORING).with("slack_configs", posts(MONITORING_CHANNEL)),
        named(CRITICAL)
            .with("pagerduty_configs", pages(Severity::Critical))
            .with("slack_configs", posts(INCIDENTS_CHANNEL)),
        named(WARNING)
            .with("pagerduty_configs", pages(Severity::Warning))
            .with("slack_configs", posts(MONITORING_CHANNEL)),
    ])
}

fn named(name: &str) -> Yaml {
    Yaml::map([("name", Yaml::text(name))])
}

/// What is common to the alerts of a group, in a line.
const TITLE: &str = "{{ .CommonAnnotations.summary }} ({{ .GroupLabels.Values | join \", \" }})";

/// Each alert of a group.
const DESCRIPTIONS: &str = "{{ range .Alerts }}{{ .Annotations.description }}\n{{ end }}";

/// The dashboard around the time at which the first alert of a group began: an hour before to an hour after, in nanoseconds
/// for the template and milliseconds for the dashboard. A link that has a time keeps it.
const DASHBOARD: &str = "{{ with index .Alerts 0 }}{{ if .Annotations.dashboard_url }}{{ .Annotations.dashboard_url }}\
    {{ if not (match \"[?&]from=\" .Annotations.dashboard_url) }}\
    &from={{ (.StartsAt.Add -3600000000000).UnixMilli }}&to={{ (.StartsAt.Add 3600000000000).UnixMilli }}\
    {{ end }}{{ end }}{{ end }}";

fn pagerduty(key_file: &str, severity: Severity) -> Yaml {
    let details = Yaml::map([
        ("alerts", Yaml::text(DESCRIPTIONS.replace('\n', " "))),
        ("impact", Yaml::text("{{ .CommonAnnotations.impact }}")),
        ("first_query", Yaml::text("{{ .CommonAnnotations.first_query }}")),
        ("what_to_do", Yaml::text("{{ .CommonAnnotations.what_to_do }}")),
        ("runbook", Yaml::text("{{ .CommonAnnotations.runbook_url }}")),
        ("versions_changed", Yaml::text("{{ .CommonAnnotations.versions_changed }}")),
        ("owner", Yaml::text("{{ .CommonAnnotations.owner }}")),
        ("escalation", Yaml::text("{{ .CommonAnnotations.escalation }}")),
    ]);
    let dashboard = Yaml::map([("href", Yaml::text(DASHBOARD)), ("text", Yaml::text("Dashboard"))]);
    Yaml::map([
        ("routing_key_file", Yaml::text(key_file)),
        ("severity", Yaml::text(severity.as_str())),
        ("description", Yaml::text(TITLE)),
        ("class", Yaml::text("{{ .CommonLabels.alertname }}")),
        ("component", Yaml::text("{{ .CommonLabels.dependency }}")),
        ("group", Yaml::text("{{ .CommonLabels.service }}")),
        ("links", Yaml::List(vec![dashboard])),
        ("details", details),
    ])
}

/// What is said only where it is known.
const FOR_THE_READER: &str = "{{ if .CommonAnnotations.versions_changed }}\nVersions changed within two hours: \
    {{ .CommonAnnotations.versions_changed }}{{ end }}\
    {{ if .CommonAnnotations.owner }}\nOwner: {{ .CommonAnnotations.owner }}, then {{ .CommonAnnotations.escalation }}{{ end }}";

fn posted(slack: &Slack, channel: &str) -> Yaml {
    let link =
        format!("{{{{ if (index .Alerts 0).Annotations.dashboard_url }}}}\n<{DASHBOARD}|Dashboard>{{{{ end }}}}");
    let text = format!("{DESCRIPTIONS}{{{{ .CommonAnnotations.impact }}}}{FOR_THE_READER}{link}");
    let way = match slack {
        Slack::TokenFile(file) => {
            let credentials = Yaml::map([("type", Yaml::text("Bearer")), ("credentials_file", Yaml::text(file))]);
            Yaml::map([
                ("api_url", Yaml::text("https://slack.com/api/chat.postMessage")),
                ("http_config", Yaml::map([("authorization", credentials)])),
            ])
        }
        Slack::WebhookFile(file) => Yaml::map([("api_url_file", Yaml::text(file))]),
    };
    way.with("channel", Yaml::text(channel))
        .with("send_resolved", Yaml::bare(true))
        .with("color", Yaml::text("{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}"))
        .with("title", Yaml::Text(escaped(TITLE)))
        .with("title_link", Yaml::text("{{ .CommonAnnotations.runbook_url }}"))
        .with("text", Yaml::Text(escaped(&text)))
        .with("fallback", Yaml::Text(escaped(TITLE)))
}

/// What a template shows, with Slack's three characters escaped: a label may hold `<!channel>`, and Alertmanager escapes
/// nothing.
fn escaped(template: &str) -> String {
    let pipe =
        [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")].map(|(c, by)| format!(" | reReplaceAll \"{c}\" \"{by}\""));
    let shown = |action: &str| action.trim_start().starts_with('.');
    let mut out = String::new();
    for piece in template.split_inclusive("}}") {
        match piece.split_once("{{") {
            Some((before, action)) if shown(action) => {
                let action = action.trim_end_matches("}}").trim_end();
                out.push_str(&format!("{before}{{{{{action}{} }}}}", pipe.concat()));
            }
            _ => out.push_str(piece),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_is_shown_is_escaped_and_what_decides_is_not() {
        assert_eq!(
            escaped("a {{ .X }} {{ if .Y }}b{{ end }}"),
            "a {{ .X | reReplaceAll \"&\" \"&amp;\" | reReplaceAll \"<\" \"&lt;\" | reReplaceAll \">\" \"&gt;\" }} \
             {{ if .Y }}b{{ end }}"
        );
    }
}
