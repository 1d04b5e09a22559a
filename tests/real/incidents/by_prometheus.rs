//! The way by Prometheus and Alertmanager, with the configurations that this crate writes.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use aistm7_monitoring::alert::Pace;
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::ops::prometheus::{Scrape, Target, scrape_config};
use serde_json::Value;

use super::heartbeat::HeartbeatPeer;
use super::incident::{Outcome, Told};
use super::script::{LASTING, NEWCOMER, SERVICE, STAGING};
use super::world::World;
use super::{Way, of};
use crate::example::SOON;
use crate::paged::{self, rule_and_labels};
use crate::paging::Fault;
use crate::paging::pagerduty::PagerDutyPeer;
use crate::paging::slack::SlackPeer;
use crate::support::alertmanager::Alertmanager;
use crate::support::example::run_to_exit;
use crate::support::prometheus::Prometheus;

/// The servers, and whom Alertmanager tells.
pub(super) struct ByPrometheus {
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    pager: PagerDutyPeer,
    slack: SlackPeer,
    heartbeat: HeartbeatPeer,
}

/// What these peers do that Alertmanager lives with: it repeats a post to Slack after a 5xx or a broken connection, and to
/// PagerDuty after a 429 too. What Slack's 429 and `"ok": false` make it lose is in `told.rs`.
const PAGER_FAULTS: [Fault; 4] = [Fault::TooMany(1), Fault::Status(500), Fault::Slow(1_500), Fault::Reset];
const SLACK_FAULTS: [Fault; 3] = [Fault::Status(503), Fault::Slow(1_500), Fault::Reset];

/// By default, Prometheus repeats an alert once a minute, and what it has told an Alertmanager in vain waits for that.
const FLAGS: [&str; 1] = ["--rules.alert.resend-delay=5s"];

impl ByPrometheus {
    pub(super) async fn start(world: &World) -> Self {
        let pager = PagerDutyPeer::start(Some(Clock::system())).await;
        // Without Slack's limit of one message a second, whose 429 Alertmanager does not live with.
        let slack = SlackPeer::start(None).await;
        let heartbeat = HeartbeatPeer::start().await;
        let alertmanager = Alertmanager::start_with(&paged::SECRETS, |home| {
            paged::config(home, (&pager, &slack), &heartbeat.url(), |options| options)
        });
        let target = |service: &str, environment: &str, addresses: &[SocketAddr]| Target {
            service: service.to_owned(),
            environment: environment.to_owned(),
            addresses: addresses.iter().map(ToString::to_string).collect(),
        };
        let targets = vec![
            target(SERVICE, "prod", &[world.one.admin(), world.two.admin()]),
            target(NEWCOMER, STAGING, &[world.newcomer.admin()]),
        ];
        let pace = Pace::DEFAULT.every(Duration::from_secs(1));
        let config = scrape_config(&Scrape::Static(targets), None, &[alertmanager.address().to_string()], pace);
        let files = rules();
        let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let prometheus = Prometheus::operated(&config, &files, &history(), &FLAGS);
        Self { prometheus, alertmanager, pager, slack, heartbeat }
    }
}

/// The newcomer's last half an hour: who was not there five minutes ago is not missed.
fn history() -> String {
    let now = unix_seconds(Clock::system().wall());
    let sample = |minutes: u64| {
        let labels = format!("service={NEWCOMER:?},environment={STAGING:?},job=\"aistm7\",instance=\"before\"");
        format!("service_info{{{labels}}} 1 {}\n", now - 60 * minutes)
    };
    let samples: String = (1..=30).rev().map(sample).collect();
    format!("# TYPE service_info gauge\n{samples}# EOF\n")
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).expect("it is past 1970").as_secs()
}

/// The rule files of both services, as each of them writes them. Those of the fleet are loaded once.
fn rules() -> Vec<(String, String)> {
    let directory = tempfile::tempdir().expect("there is room");
    let of_service = |service: &str| {
        let path = directory.path().join(service);
        let variables = [
            ("LISTEN_ADDR", "127.0.0.1:0"),
            ("ADMIN_ADDR", "127.0.0.1:0"),
            ("AISTM7_SERVICE", service),
            ("ALERT_SECONDS", "1"),
            ("ALERT_LASTING", LASTING),
        ];
        let (status, told) = run_to_exit(&variables, &["--operations", path.to_str().expect("UTF-8")], SOON);
        assert!(status.success(), "{told}");
        read(&path.join("prometheus/rules"), service)
    };
    let ours = of_service(SERVICE);
    let theirs = of_service(NEWCOMER).into_iter().filter(|(name, _)| name.contains("service-"));
    ours.into_iter().chain(theirs).collect()
}

fn read(folder: &Path, service: &str) -> Vec<(String, String)> {
    let files = crate::support::promtool::files_in(folder);
    let named = |path: &Path| {
        let name = path.file_name().expect("a file").to_string_lossy();
        (format!("{service}-{name}"), fs::read_to_string(path).expect("a rule file"))
    };
    files.iter().map(|path| named(path)).collect()
}

impl Way for ByPrometheus {
    fn name(&self) -> &'static str {
        "Prometheus and Alertmanager"
    }

    fn is_ready(&self) -> Result<(), String> {
        let up = self.prometheus.value("sum(up == 1)");
        match self.alertmanager.alerts().iter().any(|alert| alert["labels"]["alertname"] == "Watchdog") {
            true if up == Some(3.0) => Ok(()),
            has_watchdog => Err(format!("{up:?} targets are up; a watchdog at Alertmanager: {has_watchdog}")),
        }
    }

    fn misbehave(&self) {
        self.pager.plan(PAGER_FAULTS);
        self.slack.plan(SLACK_FAULTS);
    }

    fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::new();
        let account = self.pager.account();
        for incident in &account.incidents {
            let trigger = account.events.iter().find(|event| event["dedup_key"] == incident.key.as_str());
            let payload = &trigger.expect("an incident has a trigger")["payload"];
            let (rule, of) = rule_and_labels(&incident.summary);
            let who = format!("PagerDuty {}", payload["severity"].as_str().unwrap_or_default());
            let times = outcome.entry(Told { who, rule, of }).or_default();
            times.began += incident.triggers;
            times.ended += usize::from(incident.status == "resolved");
        }
        for message in &self.slack.workspace().messages {
            let attachment = &message.attachments[0];
            let (rule, of) = rule_and_labels(attachment["title"].as_str().unwrap_or_default());
            let times = outcome.entry(Told { who: slack_channel(&message.channel), rule, of }).or_default();
            match attachment["color"].as_str() {
                Some("good") => times.ended += 1,
                _ => times.began += 1,
            }
        }
        outcome
    }

    fn is_held_back(&self, rule: &str) -> Result<(), String> {
        let alerts = self.alertmanager.alerts();
        let found: Vec<&Value> =
            alerts.iter().filter(|one| one["labels"]["alertname"] == rule && of(one) == Some("prod")).collect();
        match &found[..] {
            [one] if one["status"]["inhibitedBy"].as_array().is_some_and(|by| !by.is_empty()) => Ok(()),
            found => Err(format!("{rule} at Alertmanager: {found:?}")),
        }
    }

    fn firing(&self) -> Vec<(String, String)> {
        let named = |alert: &Value| {
            let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
            (label("alertname"), label("dependency"))
        };
        self.alertmanager.alerts().iter().map(named).collect()
    }

    fn refused(&self) -> Vec<String> {
        Vec::new()
    }

    fn beats(&self) -> usize {
        self.heartbeat.beats()
    }

    fn invalid(&self) -> Vec<String> {
        let account = self.pager.account();
        account.invalid.iter().cloned().chain(self.slack.workspace().refused.iter().map(ToString::to_string)).collect()
    }

    fn log(&self) -> String {
        let shown = |expression: &str| self.prometheus.query(expression)["result"].to_string();
        let [alerts, statuses] = ["ALERTS", "last_over_time(health_check_status[2m]) == 1"].map(shown);
        format!("{}\n{}\n{alerts}\n{statuses}", self.alertmanager.log(), self.prometheus.log())
    }
}

/// The name of a channel, by its id.
pub(super) fn slack_channel(id: &str) -> String {
    match id {
        "C0INCIDENTS" => "#incidents".to_owned(),
        "C0MONITORING" => "#monitoring".to_owned(),
        other => other.to_owned(),
    }
}
