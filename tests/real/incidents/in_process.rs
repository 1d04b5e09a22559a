//! The way without a Prometheus: the service evaluates its rules and tells people itself.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use aistm7_monitoring::alert::evaluate::Refusal;
use aistm7_monitoring::clock::Clock;
use serde_json::Value;

use super::Way;
use super::by_prometheus::slack_channel;
use super::heartbeat::HeartbeatPeer;
use super::incident::{Outcome, Told};
use crate::paging::Fault;
use crate::paging::pagerduty::{self, PagerDutyPeer};
use crate::paging::slack::{self, Posted, SlackPeer};
use crate::support::http;

/// Whom the services tell, and where they show what they evaluate.
pub(super) struct InProcess {
    pager: PagerDutyPeer,
    slack: SlackPeer,
    heartbeat: HeartbeatPeer,
    evaluating: Option<[SocketAddr; 2]>,
}

/// All that there is: each is told again until it is taken.
const PAGER_FAULTS: [Fault; 5] =
    [Fault::TooMany(1), Fault::Status(500), Fault::Slow(1_500), Fault::Reset, Fault::Break];
const SLACK_FAULTS: [Fault; 6] = [
    Fault::TooMany(1),
    Fault::NotOk("internal_error"),
    Fault::Status(503),
    Fault::Slow(1_500),
    Fault::Reset,
    Fault::Break,
];

impl InProcess {
    pub(super) async fn start() -> Self {
        Self {
            pager: PagerDutyPeer::start(Some(Clock::system())).await,
            slack: SlackPeer::start(Some(Clock::system())).await,
            heartbeat: HeartbeatPeer::start().await,
            evaluating: None,
        }
    }

    /// What a service is told of them. Secrets are in files of this directory.
    pub(super) fn variables(&self, directory: &Path) -> Vec<(&'static str, String)> {
        let path = |name: &str| directory.join(name).display().to_string();
        let file = |name: &str, secret: &str| {
            std::fs::write(directory.join(name), format!("{secret}\n")).expect("there is room");
            path(name)
        };
        vec![
            ("PAGERDUTY_KEY_FILE", file("pagerduty-key", pagerduty::ROUTING_KEY)),
            ("PAGERDUTY_URL", self.pager.url()),
            ("SLACK_TOKEN_FILE", file("slack-token", slack::TOKEN)),
            ("SLACK_URL", self.slack.url()),
            ("HEARTBEAT_URL", self.heartbeat.url()),
            ("ALERT_SPOOL", path("alerts.spool")),
        ]
    }

    /// The admin addresses of those who evaluate.
    pub(super) fn look_at(&mut self, evaluating: [SocketAddr; 2]) {
        self.evaluating = Some(evaluating);
    }

    fn reports(&self) -> Vec<Value> {
        let ask = |address: &SocketAddr| http::get(*address, "/alerts", &[]).ok().filter(|answer| answer.status == 200);
        self.evaluating.iter().flatten().filter_map(ask).map(|answer| answer.json()).collect()
    }
}

impl Way for InProcess {
    fn name(&self) -> &'static str {
        "the process itself"
    }

    fn is_ready(&self) -> Result<(), String> {
        let watchdogs = self.firing().iter().filter(|(rule, _)| rule == "Watchdog").count();
        if watchdogs == 2 { Ok(()) } else { Err(format!("{watchdogs} of 2 processes evaluate")) }
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
            let labels = payload["custom_details"]["labels"].as_object().expect("labels");
            let of = labels.iter().filter(|(name, _)| tells_apart(name));
            let told = Told {
                who: format!("PagerDuty {}", payload["severity"].as_str().unwrap_or_default()),
                rule: payload["class"].as_str().unwrap_or_default().to_owned(),
                of: of.map(|(_, value)| value.as_str().unwrap_or_default().to_owned()).collect(),
            };
            let times = outcome.entry(told).or_default();
            times.began += incident.triggers;
            times.ended += usize::from(incident.status == "resolved");
        }
        for message in &self.slack.workspace().messages {
            let mut fires = BTreeSet::new();
            for (headline, attachments) in &message.versions {
                for (told, is_over) in alerts_of(message, headline, attachments) {
                    // A message shows all alerts of its rule, as they are by then.
                    if is_over && fires.remove(&told) {
                        outcome.entry(told).or_default().ended += 1;
                    } else if !is_over && fires.insert(told.clone()) {
                        outcome.entry(told).or_default().began += 1;
                    }
                }
            }
        }
        outcome
    }

    fn is_held_back(&self, rule: &str) -> Result<(), String> {
        let reports = self.reports();
        let alerts = reports.iter().flat_map(|report| report["alerts"].as_array().into_iter().flatten());
        let found: Vec<&Value> = alerts.filter(|one| one["alertname"] == rule && one["state"] == "firing").collect();
        match &found[..] {
            [one] if one["held_back"]["reason"] == "inhibited" => Ok(()),
            found => Err(format!("{rule} in the process: {found:?}")),
        }
    }

    fn firing(&self) -> Vec<(String, String)> {
        let reports = self.reports();
        let alerts = reports.iter().flat_map(|report| report["alerts"].as_array().into_iter().flatten());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let firing = alerts.filter(|alert| alert["state"] == "firing");
        firing.map(|alert| (text(&alert["alertname"]), text(&alert["labels"]["dependency"]))).collect()
    }

    fn refused(&self) -> Vec<String> {
        let reports = self.reports();
        let refused = reports.first().and_then(|report| report["refused"].as_array()).expect("a report");
        // For no other reason than those, which hold for every process.
        let reasons = [Refusal::OwnAbsence, Refusal::Up, Refusal::ComparesReplicas, Refusal::Probe]
            .map(|reason| reason.to_string());
        let is_known =
            |one: &Value| one["reason"].as_str().is_some_and(|reason| reasons.iter().any(|own| own == reason));
        assert!(refused.iter().all(is_known), "{refused:?}");
        refused.iter().filter_map(|one| one["rule"].as_str()).map(str::to_owned).collect()
    }

    fn beats(&self) -> usize {
        self.heartbeat.beats()
    }

    fn invalid(&self) -> Vec<String> {
        let account = self.pager.account();
        account.invalid.iter().cloned().chain(self.slack.workspace().refused.iter().map(ToString::to_string)).collect()
    }

    fn log(&self) -> String {
        self.reports().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

/// The alerts that a message shows, and whether each is over: `[FIRING] critical Rule in prod/service: …`, and a section for
/// each, `label=value` between backticks, after that of the rule.
fn alerts_of(message: &Posted, headline: &str, attachments: &Value) -> Vec<(Told, bool)> {
    let rule = headline.split(' ').nth(2).unwrap_or_default();
    let sections = attachments[0]["blocks"].as_array().into_iter().flatten().skip(1);
    let alerts = sections.filter_map(|section| section["text"]["text"].as_str()).filter(|text| text.starts_with('`'));
    let alert = |text: &str| {
        let pairs = text.split('`').filter_map(|part| part.split_once('='));
        let of = pairs.filter(|(name, _)| tells_apart(name)).map(|(_, value)| value.to_owned()).collect();
        let told = Told { who: slack_channel(&message.channel), rule: rule.to_owned(), of };
        (told, text.contains("resolved after"))
    };
    alerts.map(alert).collect()
}

/// Whether both ways tell incidents apart by the label.
fn tells_apart(label: &str) -> bool {
    ["service", "environment", "dependency"].contains(&label)
}
