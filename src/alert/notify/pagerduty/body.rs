//! The bodies of events. Their limits are checked here, since PagerDuty's published schema does not hold them.

use serde_json::{Map, Value, json};

use super::super::alert::{Alert, AlertStatus};
use super::super::change::Change;
use super::super::notifier::Notice;
use super::super::text::{beginning, link};
use crate::alert::Severity;
use crate::clock::Timestamp;

/// PagerDuty's limit of a summary, in characters.
pub(super) const SUMMARY_LIMIT: usize = 1024;

/// How many alerts of a notice are told of in detail. Chosen: what a page shows.
const DETAILED: usize = 20;
/// How long their details may be. Chosen: half of PagerDuty's limit of an event, which is 512 KB.
const DETAILS_BYTES: usize = 256 * 1024;

/// An event that triggers, acknowledges or resolves.
pub(super) fn event(notice: &Notice, routing_key: &str) -> Value {
    let mut event = json!({
        "routing_key": routing_key,
        "event_action": action(notice.status()),
        "dedup_key": notice.key().to_string(),
    });
    // The others name an alert that PagerDuty has already.
    if notice.status() == AlertStatus::Firing {
        let first = notice.first();
        event["payload"] = json!({
            "summary": summary(notice),
            "source": format!("{}/{}", first.origin().environment(), first.origin().service()),
            "severity": severity(notice.severity()),
            "timestamp": Timestamp::from(first.starts_at()).as_str(),
            "component": first.origin().service(),
            "group": first.origin().environment(),
            "class": first.rule(),
            "custom_details": details(notice),
        });
        event["links"] = links(first);
        event["client"] = "aistm7-monitoring".into();
        if let Some(url) = first.dashboard.as_deref().and_then(link) {
            event["client_url"] = url.into();
        }
    }
    event
}

/// An event that tells of a change.
pub(super) fn change(change: &Change, routing_key: &str) -> Value {
    let links = change.link.as_deref().and_then(link).map(|url| json!([{"href": url, "text": "Change"}]));
    json!({
        "routing_key": routing_key,
        "payload": {
            "summary": beginning(change.summary(), SUMMARY_LIMIT),
            "source": format!("{}/{}", change.origin.environment(), change.origin.service()),
            "timestamp": Timestamp::from(change.at).as_str(),
            "custom_details": {"service": change.origin.service(), "environment": change.origin.environment()},
        },
        "links": links.unwrap_or_else(|| json!([])),
    })
}

const fn action(status: AlertStatus) -> &'static str {
    match status {
        AlertStatus::Firing => "trigger",
        AlertStatus::Acknowledged => "acknowledge",
        AlertStatus::Resolved => "resolve",
    }
}

/// PagerDuty knows `error` too. Which urgency follows is set there.
const fn severity(severity: Severity) -> &'static str {
    severity.as_str()
}

/// One line that says what is wrong and where.
pub(super) fn summary(notice: &Notice) -> String {
    let first = notice.first();
    let origin = first.origin();
    let others = match notice.alerts().len() {
        1 => String::new(),
        alerts => format!(" ({alerts} alerts)"),
    };
    let told = if first.summary.is_empty() { String::new() } else { format!(": {}", first.summary) };
    let text = format!("{} in {}/{}{others}{told}", first.rule(), origin.environment(), origin.service());
    beginning(&text, SUMMARY_LIMIT)
}

/// What is known besides, as an object.
pub(super) fn details(notice: &Notice) -> Value {
    let mut details: Map<String, Value> = match notice.alerts() {
        [one] => of_alert(&one.alert),
        several => {
            let mut bytes = 0;
            let in_detail = several.iter().take(DETAILED).map(|told| {
                let mut alert = of_alert(&told.alert);
                alert.insert("status".to_owned(), told.alert.status().as_str().into());
                Value::Object(alert)
            });
            let shown = in_detail.take_while(|alert| {
                bytes += alert.to_string().len();
                bytes <= DETAILS_BYTES
            });
            let shown: Vec<Value> = shown.collect();
            let hidden = several.len() - shown.len();
            Map::from_iter([("alerts".to_owned(), shown.into()), ("alerts_not_shown".to_owned(), hidden.into())])
        }
    };
    if let Some(other) = notice.instead_of() {
        details.insert("instead_of".to_owned(), other.into());
    }
    Value::Object(details)
}

fn of_alert(alert: &Alert) -> Map<String, Value> {
    let labels: Map<String, Value> = alert.labels().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let value = alert.value.map(|value| value.to_string());
    let texts = [
        ("service", Some(alert.origin().service())),
        ("environment", Some(alert.origin().environment())),
        ("description", Some(alert.description.as_str()).filter(|text| !text.is_empty())),
        ("value", value.as_deref()),
        ("runbook", alert.runbook.as_deref()),
    ];
    let mut details: Map<String, Value> =
        texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))).collect();
    details.insert("labels".to_owned(), labels.into());
    details
}

fn links(alert: &Alert) -> Value {
    let named = [("Runbook", &alert.runbook), ("Dashboard", &alert.dashboard)];
    let links = named.into_iter().filter_map(|(text, url)| Some(json!({"href": link(url.as_deref()?)?, "text": text})));
    links.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use super::super::super::alert::Origin;
    use super::super::super::notifier::Told;
    use super::*;

    const AT: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn longest_event_is_within_pagerdutys_limits() {
        let long = "🦀\"".repeat(10_000);
        let mut alert = Alert::firing(Origin::new(&long, &long), &long, Severity::Critical, AT)
            .summary(&long)
            .description(&long)
            .runbook(&format!("https://h/{}", "a".repeat(5_000)));
        for index in 0..64 {
            alert = alert.label(&format!("{index}{long}"), &long);
        }
        let mut notice = Notice::of(alert, AT);
        notice.alerts =
            vec![Told { alert: Arc::clone(&notice.alerts[0].alert), before: None, age: Duration::ZERO }; 10_000];
        let event = event(&notice, "k");
        assert!(event["payload"]["summary"].as_str().unwrap().chars().count() <= SUMMARY_LIMIT);
        assert!(event.to_string().len() <= 512_000, "{}", event.to_string().len());
        let details = &event["payload"]["custom_details"];
        let shown = details["alerts"].as_array().unwrap().len();
        assert!(shown > 1);
        assert_eq!(details["alerts_not_shown"], 10_000 - shown);
    }
}
