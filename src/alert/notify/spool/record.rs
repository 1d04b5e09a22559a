//! One record: what a destination knows of an alert, or what it gave for a group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::super::alert::{Alert, AlertStatus, Origin};
use super::super::fingerprint::Fingerprint;
use super::super::notifier::Receipt;
use crate::alert::Severity;

/// What a record is about. A later record of the same subject replaces the earlier one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Alert { destination: String, alert: Fingerprint },
    Group { destination: String, group: Fingerprint },
}

/// What is known of a subject.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    /// The destination may know of the alert: in which state, if it took one.
    Alert(Arc<Alert>, Option<(AlertStatus, Severity)>),
    Receipt(Receipt),
}

impl Subject {
    pub(crate) fn destination(&self) -> &str {
        match self {
            Self::Alert { destination, .. } | Self::Group { destination, .. } => destination,
        }
    }
}

/// What is known, a record a line, as far as it fits; and how many records do not.
pub(crate) fn as_text(known: &BTreeMap<Subject, Entry>, limit: usize) -> (String, usize) {
    let mut text = String::new();
    let mut left_out = 0;
    for (subject, entry) in known {
        // JSON has no line ends in it.
        let line = String::from_utf8(encoded(subject, Some(entry))).expect("OK because JSON is text");
        if text.len() + line.len() < limit {
            text.push_str(&line);
            text.push('\n');
        } else {
            left_out += 1;
        }
    }
    (text, left_out)
}

/// What [`as_text`] wrote, without what is no record.
pub(crate) fn of_text(text: &str) -> BTreeMap<Subject, Entry> {
    let records = text.lines().filter_map(|line| decoded(line.as_bytes()));
    records.filter_map(|(subject, entry)| Some((subject, entry?))).collect()
}

/// A record as bytes; without an entry, the subject is forgotten.
pub(super) fn encoded(subject: &Subject, entry: Option<&Entry>) -> Vec<u8> {
    let (kind, id) = match subject {
        Subject::Alert { alert, .. } => ("alert", alert),
        Subject::Group { group, .. } => ("group", group),
    };
    let mut record = json!({"kind": kind, "destination": subject.destination(), "id": id.to_string()});
    match entry {
        None => {}
        Some(Entry::Receipt(receipt)) => record["receipt"] = receipt.as_str().into(),
        Some(Entry::Alert(alert, known)) => {
            record["alert"] = of_alert(alert);
            if let Some((status, severity)) = known {
                record["known"] = json!([status.as_str(), severity.as_str()]);
            }
        }
    }
    record.to_string().into_bytes()
}

/// The record in these bytes; `None` if there is none.
pub(super) fn decoded(bytes: &[u8]) -> Option<(Subject, Option<Entry>)> {
    let record: Value = serde_json::from_slice(bytes).ok()?;
    let destination = record["destination"].as_str()?.to_owned();
    let id = Fingerprint::parse(record["id"].as_str()?)?;
    Some(match record["kind"].as_str()? {
        "alert" => {
            let known = match record["known"].as_array().map(Vec::as_slice) {
                Some([status, severity]) => {
                    Some((AlertStatus::parse(status.as_str()?)?, severity_of(severity.as_str()?)?))
                }
                _ => None,
            };
            let entry = match &record["alert"] {
                Value::Null => None,
                alert => Some(Entry::Alert(Arc::new(alert_of(alert)?), known)),
            };
            (Subject::Alert { destination, alert: id }, entry)
        }
        "group" => {
            let receipt = record["receipt"].as_str().and_then(Receipt::new);
            (Subject::Group { destination, group: id }, receipt.map(Entry::Receipt))
        }
        _ => return None,
    })
}

/// Without its number, which is old by the time that anybody reads it here.
fn of_alert(alert: &Alert) -> Value {
    let labels: Map<String, Value> = alert.labels().map(|(name, value)| (name.to_owned(), value.into())).collect();
    json!({
        "service": alert.origin.service,
        "environment": alert.origin.environment,
        "rule": alert.rule,
        "severity": alert.severity.as_str(),
        "labels": labels,
        "status": alert.status.as_str(),
        "startsAt": millis(alert.starts_at),
        "endsAt": alert.ends_at.map(millis),
        "summary": alert.summary,
        "description": alert.description,
        "runbook": alert.runbook,
        "dashboard": alert.dashboard,
    })
}

fn alert_of(record: &Value) -> Option<Alert> {
    let text = |name: &str| record[name].as_str().map(str::to_owned);
    let labels =
        record["labels"].as_object()?.iter().map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Some(Alert {
        origin: Origin { service: text("service")?, environment: text("environment")? },
        rule: text("rule")?,
        severity: severity_of(record["severity"].as_str()?)?,
        labels: labels.collect::<Option<BTreeMap<_, _>>>()?,
        status: AlertStatus::parse(record["status"].as_str()?)?,
        starts_at: moment(&record["startsAt"])?,
        ends_at: moment(&record["endsAt"]),
        summary: text("summary")?,
        description: text("description")?,
        value: None,
        runbook: text("runbook"),
        dashboard: text("dashboard"),
    })
}

fn severity_of(word: &str) -> Option<Severity> {
    Severity::ALL.into_iter().find(|severity| severity.as_str() == word)
}

fn moment(millis: &Value) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis.as_u64()?))
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_737_541_800_123);
        let alert = Alert::firing(Origin::new("risk", "prod"), "A", Severity::Critical, at)
            .label("route", "/ü\"")
            .summary("s")
            .description("d\ne")
            .runbook("https://r");
        let alert = Arc::new(alert);
        let destination = || "pager".to_owned();
        let subject = Subject::Alert { destination: destination(), alert: alert.fingerprint() };
        let group = Subject::Group { destination: destination(), group: alert.fingerprint() };
        for (subject, entry) in [
            (&subject, Some(Entry::Alert(Arc::clone(&alert), None))),
            (&subject, Some(Entry::Alert(Arc::new(Alert::clone(&alert).resolved(at)), None))),
            (&subject, Some(Entry::Alert(Arc::clone(&alert), Some((AlertStatus::Acknowledged, Severity::Info))))),
            (&subject, None),
            (&group, Receipt::new("C1 1.5").map(Entry::Receipt)),
            (&group, None),
        ] {
            assert_eq!(decoded(&encoded(subject, entry.as_ref())), Some((subject.clone(), entry)));
        }
        let known =
            BTreeMap::from([(subject, Entry::Alert(alert, None)), (group, Entry::Receipt(Receipt::new("x").unwrap()))]);
        let (text, left_out) = as_text(&known, 64 * 1024);
        assert_eq!((of_text(&text), left_out), (known.clone(), 0));
        let (text, left_out) = as_text(&known, text.len() - 1);
        assert_eq!((of_text(&text).len(), left_out), (1, 1));
        for bytes in ["", "{}", r#"{"kind":"x","destination":"d","id":"00"}"#] {
            assert_eq!(decoded(bytes.as_bytes()), None);
        }
    }
}
