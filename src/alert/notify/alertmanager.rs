//! Prometheus' Alertmanager, which groups, silences and routes for itself.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use serde_json::{Map, Value, json};

use super::alert::Alert;
use super::error::NotifyError;
use super::notifier::{Grouping, Notice, Notifier, Profile, Receipt};
use super::text::link;
use crate::alert::evaluate::INSTANCE;
use crate::clock::Timestamp;
use crate::error::InvalidValue;
use crate::redact::Secret;
use crate::transport::{Endpoint, EndpointError};

/// An Alertmanager, by its `/api/v2/alerts`: the way for services with several replicas.
///
/// It is told again and again while an alert fires, and forgets what nobody repeats for four intervals, so the alerts of a
/// replica that died end by themselves. Each of several Alertmanagers of a cluster is a destination of its own.
///
/// An alert has the labels `alertname`, `service`, `environment`, `severity` and those of its rule. Replicas
/// ([`Replicas::Several`](super::Replicas::Several)) that say the same are one alert, which begins with the first of them and
/// is over four intervals after the last: none of them says that it is over, since another may still see it. What is
/// about one replica has the label `instance` and is over when that one says so. With [`Alertmanager::label`] every alert can
/// have it; leave it out of `group_by` then.
///
/// ```
/// use aistm7_monitoring::alert::notify::Alertmanager;
///
/// let alertmanager = Alertmanager::new("http://alertmanager:9093")?.label("region", "eu-central-1");
/// # let _ = alertmanager;
/// # Ok::<(), aistm7_monitoring::alert::notify::EndpointError>(())
/// ```
pub struct Alertmanager {
    endpoint: Endpoint,
    /// Marked as sensitive, so that nobody prints it.
    authorization: Option<HeaderValue>,
    every: Duration,
    labels: Vec<(String, String)>,
}

/// How often an alert that fires is told unless [`Alertmanager::every`] says otherwise: as often as Prometheus tells it.
const DEFAULT_EVERY: Duration = Duration::from_secs(60);

/// How many intervals an alert lasts that nobody repeats. As Prometheus has it.
const LASTS_INTERVALS: u32 = 4;

/// How many alerts go in one request. Chosen: about half a megabyte.
const BATCH: usize = 256;

impl Alertmanager {
    /// The Alertmanager at `url`; a path is that under which a proxy has it.
    ///
    /// # Errors
    /// When `url` is no http or https URL, or TLS cannot be set up.
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        let endpoint = Endpoint::new(url)?;
        Ok(Self { endpoint, authorization: None, every: DEFAULT_EVERY, labels: Vec::new() })
    }

    /// How often it is told of an alert that fires. Default: every minute.
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// Adds a label to every alert, unless the alert has one of that name.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }

    /// Sends a token along.
    ///
    /// # Errors
    /// When the token cannot be a part of a request.
    pub fn bearer_token(mut self, token: Secret<String>) -> Result<Self, InvalidValue> {
        let header = HeaderValue::try_from(format!("Bearer {}", token.expose()));
        let mut header = header.map_err(|_| InvalidValue::new("Alertmanager token", &token, "visible ASCII"))?;
        header.set_sensitive(true);
        self.authorization = Some(header);
        Ok(self)
    }

    /// Accepts the certificates in `pem`, and what they vouch for, and no other.
    ///
    /// # Errors
    /// When there is no certificate in `pem`.
    pub fn pinned_certificate(mut self, pem: &str) -> Result<Self, EndpointError> {
        self.endpoint.pin(pem)?;
        Ok(self)
    }

    fn alert(&self, alert: &Alert, at: SystemTime) -> Value {
        let added = self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        // Of two of one name the last counts.
        let labels =
            added.chain(alert.labels()).chain(alert.own_labels()).map(|(name, value)| (label_name(name), value.into()));
        let value = alert.value.map(|value| value.to_string());
        let texts = [
            ("summary", Some(alert.summary.as_str())),
            ("description", Some(alert.description.as_str())),
            ("value", value.as_deref()),
            ("runbook_url", alert.runbook.as_deref()),
            ("dashboard_url", alert.dashboard.as_deref()),
        ];
        let annotations = texts.into_iter().filter_map(|(name, text)| {
            let text = text.filter(|text| !text.is_empty())?;
            Some((name.to_owned(), Value::from(text)))
        });
        let ends_at = alert.ends_at().unwrap_or_else(|| at + self.every * LASTS_INTERVALS);
        json!({
            "labels": labels.collect::<Map<_, Value>>(),
            "annotations": annotations.collect::<Map<_, _>>(),
            "startsAt": Timestamp::from(alert.starts_at()).as_str(),
            "endsAt": Timestamp::from(ends_at).as_str(),
            "generatorURL": alert.dashboard.as_deref().and_then(link).unwrap_or_default(),
        })
    }

    async fn post(&self, alerts: Vec<Value>) -> Result<(), NotifyError> {
        let mut request = Request::new(Value::from(alerts).to_string().into());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.below("/api/v2/alerts");
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let answer = self.endpoint.send(request).await?;
        if answer.status.is_success() { Ok(()) } else { Err(NotifyError::of_answer(&answer)) }
    }
}

/// A name as Prometheus has them.
fn label_name(name: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut name: String = name.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

impl Notifier for Alertmanager {
    async fn notify(&self, notice: &Notice) -> Result<Option<Receipt>, NotifyError> {
        for alerts in notice.alerts().chunks(BATCH) {
            self.post(alerts.iter().map(|told| self.alert(&told.alert, notice.at())).collect()).await?;
        }
        Ok(None)
    }

    fn profile(&self) -> Profile {
        let profile = Profile::new(Grouping::Everything).expiring(self.every);
        if self.labels.iter().any(|(name, _)| name == INSTANCE) { profile.one_per_replica() } else { profile }
    }
}

impl fmt::Debug for Alertmanager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Alertmanager");
        shown.field("endpoint", &self.endpoint).field("every", &self.every).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::alert::Origin;
    use super::*;
    use crate::alert::Severity;

    #[test]
    fn alert_has_the_labels_that_routes_go_by_and_ends_by_itself() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_737_541_800);
        let alertmanager =
            Alertmanager::new("http://a:9093").unwrap().every(Duration::from_secs(15)).label("instance", "i1");
        let alert = Alert::firing(Origin::new("risk", "prod"), "Slow", Severity::Warning, start)
            .label("a-b", "1")
            .label("alertname", "forged")
            .summary("s");
        let body = alertmanager.alert(&alert, start + Duration::from_secs(60));
        assert_eq!(
            body["labels"],
            json!({
                "alertname": "Slow", "service": "risk", "environment": "prod", "severity": "warning", "a_b": "1",
                "instance": "i1",
            })
        );
        assert_eq!(body["annotations"], json!({"summary": "s"}));
        assert_eq!(
            (&body["startsAt"], &body["endsAt"]),
            (&json!("2025-01-22T10:30:00.000Z"), &json!("2025-01-22T10:32:00.000Z"))
        );
        let over = alertmanager.alert(&alert.resolved(start), start + Duration::from_secs(60));
        assert_eq!(over["endsAt"], "2025-01-22T10:30:00.000Z");
    }

    #[test]
    fn names_of_labels_are_made_those_of_prometheus() {
        for (name, expected) in [("a", "a"), ("a-b.ü", "a_b__"), ("1a", "_1a"), ("", "_")] {
            assert_eq!(label_name(name), expected);
        }
    }
}
