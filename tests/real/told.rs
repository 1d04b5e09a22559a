//! What people hear from a real Alertmanager with the configuration that this crate writes, by stand-ins that misbehave.

use std::time::Duration;

use aistm7_monitoring::alert::MaintenanceInterval;
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::ops::alertmanager::AlertmanagerOptions;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::paged::{self, rule_and_labels};
use crate::paging::Fault;
use crate::paging::pagerduty::PagerDutyPeer;
use crate::paging::slack::SlackPeer;
use crate::support::alertmanager::Alertmanager;
use crate::support::http;
use crate::support::poll::eventually_async;

const PATIENCE: Duration = Duration::from_secs(30);

/// How long critical alerts, and all others, wait for others of their group, and how long until a group is looked at again.
struct Times {
    critical: &'static str,
    other: &'static str,
    interval: &'static str,
}

struct Desk {
    alertmanager: Alertmanager,
    pager: PagerDutyPeer,
    slack: SlackPeer,
}

impl Desk {
    async fn start(times: &Times, set: impl Fn(AlertmanagerOptions) -> AlertmanagerOptions) -> Self {
        let (pager, slack) = (PagerDutyPeer::start(None).await, SlackPeer::start(None).await);
        let alertmanager = Alertmanager::start_with(&paged::SECRETS, |home| {
            paged::config(home, (&pager, &slack), "http://127.0.0.1:1/", &set)
                .replace("group_wait: 10s", &format!("group_wait: {}", times.critical))
                .replace("group_wait: 30s", &format!("group_wait: {}", times.other))
                .replace("group_interval: 1m", &format!("group_interval: {}", times.interval))
        });
        Self { alertmanager, pager, slack }
    }

    fn fires(&self, rule: &str, severity: &str) {
        self.say(json!([{"labels": labels(rule, severity), "annotations": {"summary": "It is so."}}]));
    }

    fn is_over(&self, rule: &str, severity: &str) {
        let now = Timestamp::try_from(Clock::system().wall()).expect("a year of four digits").to_string();
        self.say(json!([{"labels": labels(rule, severity), "endsAt": now}]));
    }

    fn say(&self, alerts: Value) {
        let (address, headers) = (self.alertmanager.address(), [("Content-Type", "application/json")]);
        let taken = http::request(address, "POST", "/api/v2/alerts", &headers, alerts.to_string().as_bytes());
        let taken = taken.expect("Alertmanager answers");
        assert_eq!(taken.status, 200, "{}", taken.text());
    }

    /// Rule and color of what Slack shows, in the order of the posts.
    fn posts(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let workspace = self.slack.workspace();
        let shown = workspace.messages.iter().map(|message| &message.attachments[0]);
        shown.map(|one| (rule_and_labels(&text(&one["title"])).0, text(&one["color"]))).collect()
    }

    /// Rules and states of the incidents.
    fn incidents(&self) -> Vec<(String, &'static str)> {
        self.pager.account().incidents.iter().map(|one| (rule_and_labels(&one.summary).0, one.status)).collect()
    }

    async fn slack_was_asked(&self, times: usize) {
        let probe = async || match self.slack.workspace().requests {
            asked if asked >= times => Ok(()),
            asked => Err(format!("{asked} posts")),
        };
        eventually_async(PATIENCE, probe).await;
    }

    async fn has(&self, post: (&str, &str)) {
        let probe = async || match self.posts() {
            posts if posts.iter().any(|(rule, color)| (rule.as_str(), color.as_str()) == post) => Ok(()),
            posts => Err(format!("{posts:?}")),
        };
        eventually_async(PATIENCE, probe).await;
    }
}

fn labels(rule: &str, severity: &str) -> Value {
    json!({"alertname": rule, "severity": severity, "environment": "prod", "service": "orders"})
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs prometheus-alertmanager"]
async fn alertmanager_repeats_to_pagerduty_and_loses_what_slack_does_not_take() {
    let times = Times { critical: "1s", other: "1s", interval: "5s" };
    let desk = Desk::start(&times, |options| options).await;
    let fires = async |rule: &str, fault| {
        desk.slack.plan([fault]);
        desk.pager.plan([Fault::TooMany(1)]);
        let asked = desk.slack.workspace().requests;
        desk.fires(rule, "critical");
        desk.slack_was_asked(asked + 1).await;
    };
    fires("NotOk", Fault::NotOk("fatal_error")).await;
    // Over before the group is looked at again.
    fires("Short", Fault::TooMany(1)).await;
    desk.is_over("Short", "critical");
    fires("Long", Fault::TooMany(1)).await;
    desk.has(("Long", "danger")).await;
    desk.is_over("NotOk", "critical");
    desk.is_over("Long", "critical");
    desk.has(("Long", "good")).await;
    desk.has(("NotOk", "good")).await;
    let posts = desk.posts();
    let of = |rule: &str| posts.iter().filter(|post| post.0 == rule).map(|post| post.1.clone()).collect::<Vec<_>>();
    assert_eq!(of("Long"), ["danger", "good"], "a 429 costs an interval");
    assert_eq!(of("Short"), [""; 0], "or the whole of what was over before");
    assert_eq!(of("NotOk"), ["good"], "what is answered with 200 is never said again");
    let mut incidents = desk.incidents();
    incidents.sort();
    let resolved = |rule: &str| (rule.to_owned(), "resolved");
    assert_eq!(incidents, [resolved("Long"), resolved("NotOk"), resolved("Short")]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs prometheus-alertmanager"]
async fn severity_in_maintenance_tells_nobody_and_the_others_do() {
    let times = Times { critical: "4s", other: "1s", interval: "1m" };
    // What would be told first is not told when the other one is.
    for (always, expected) in [(None, vec!["Slow", "Down"]), (Some("warning"), vec!["Down"])] {
        let interval = always.map(|severity| MaintenanceInterval::new("always", "severity", severity, "Europe/Berlin"));
        let desk =
            Desk::start(&times, |options| interval.iter().cloned().fold(options, AlertmanagerOptions::maintenance));
        let desk = desk.await;
        desk.fires("Slow", "warning");
        desk.fires("Down", "critical");
        desk.has(("Down", "danger")).await;
        let told: Vec<_> = desk.posts().into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(told, expected);
        let paged: Vec<_> = desk.incidents().into_iter().map(|(rule, _)| rule).collect();
        assert!(paged.iter().all(|rule| expected.contains(&rule.as_str())), "{paged:?}");
    }
}
