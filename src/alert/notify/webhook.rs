//! A webhook of anybody's.

use std::fmt;

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request};
use ring::hmac;
use serde_json::{Map, Value, json};

use super::alert::Alert;
use super::change::Change;
use super::error::NotifyError;
use super::notifier::{Grouping, Notice, Notifier, Profile, Receipt, Told};
use crate::clock::Timestamp;
use crate::error::InvalidValue;
use crate::redact::Secret;
use crate::transport::{Endpoint, EndpointError};

/// A URL to which notices are posted as JSON.
///
/// ```json
/// {"version": 1, "kind": "alerts", "key": "9f…", "status": "firing", "severity": "critical", "at": "2025-01-22T10:30:00.000Z",
///  "insteadOf": null, "alertsNotShown": 0, "alerts": [{"fingerprint": "9f…", "status": "firing", "before": null,
///  "rule": "SyncFailed", "service": "risk-analysis", "environment": "prod", "severity": "critical", "labels": {},
///  "summary": "…", "description": "…", "value": "3", "runbook": "https://…", "dashboard": null,
///  "startsAt": "2025-01-22T10:29:30.000Z", "endsAt": null}]}
/// ```
///
/// A change has the kind `change` with `service`, `environment`, `summary`, `at` and `link`. Fields may be added.
///
/// With [`Webhook::signed`], the header `x-aistm7-signature` is `t=<Unix seconds>,v1=<hex>`: HMAC-SHA256 of the seconds, a
/// full stop and the body. Who checks it also refuses what is some minutes old.
pub struct Webhook {
    endpoint: Endpoint,
    /// Their values are marked as sensitive, so that nobody prints them.
    headers: Vec<(HeaderName, HeaderValue)>,
    key: Option<hmac::Key>,
}

/// How many alerts are in one notice. Chosen: about half a megabyte.
const SHOWN: usize = 256;

const SIGNATURE: HeaderName = HeaderName::from_static("x-aistm7-signature");

impl Webhook {
    /// The webhook at this URL, which is never shown.
    ///
    /// # Errors
    /// When it is no http or https URL, or TLS cannot be set up.
    pub fn new(url: Secret<String>) -> Result<Self, EndpointError> {
        Ok(Self { endpoint: Endpoint::new(url.expose())?, headers: Vec::new(), key: None })
    }

    /// Signs what is sent with a key that the receiver has too.
    #[must_use]
    pub fn signed(mut self, key: Secret<String>) -> Self {
        self.key = Some(hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()));
        self
    }

    /// Sends a header along, such as a token.
    ///
    /// # Errors
    /// When it cannot be a header.
    pub fn header(mut self, name: &str, value: Secret<String>) -> Result<Self, InvalidValue> {
        let invalid =
            |_| InvalidValue::new("webhook header", name, "the name of a header, and a value of visible ASCII");
        let parsed = HeaderName::try_from(name).map_err(|_| invalid(()))?;
        let mut value = HeaderValue::try_from(value.expose().as_str()).map_err(|_| invalid(()))?;
        value.set_sensitive(true);
        self.headers.push((parsed, value));
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

    async fn post(&self, body: Value, unix_seconds: u64) -> Result<(), NotifyError> {
        let body = body.to_string();
        let signature = self.key.as_ref().map(|key| signature(key, unix_seconds, &body));
        let mut request = Request::new(body.into());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.uri().clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(self.headers.iter().cloned());
        if let Some(signature) = signature {
            headers.insert(SIGNATURE, signature);
        }
        let answer = self.endpoint.send(request).await?;
        if answer.status.is_success() { Ok(()) } else { Err(NotifyError::of_answer(&answer)) }
    }
}

fn signature(key: &hmac::Key, unix_seconds: u64, body: &str) -> HeaderValue {
    let tag = hmac::sign(key, format!("{unix_seconds}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(format!("t={unix_seconds},v1={hex}"))
        .expect("OK because digits and letters are visible ASCII")
}

fn body(notice: &Notice) -> Value {
    json!({
        "version": 1,
        "kind": "alerts",
        "key": notice.key().to_string(),
        "status": notice.status().as_str(),
        "severity": notice.severity().as_str(),
        "at": Timestamp::from(notice.at()).as_str(),
        "insteadOf": notice.instead_of(),
        "alertsNotShown": notice.alerts().len().saturating_sub(SHOWN),
        "alerts": notice.alerts().iter().take(SHOWN).map(of_alert).collect::<Value>(),
    })
}

fn of_alert(told: &Told) -> Value {
    let alert: &Alert = &told.alert;
    let labels: Map<String, Value> = alert.labels().map(|(name, value)| (name.to_owned(), value.into())).collect();
    json!({
        "fingerprint": alert.fingerprint().to_string(),
        "status": alert.status().as_str(),
        "before": told.before.map(|status| status.as_str()),
        "rule": alert.rule(),
        "service": alert.origin().service(),
        "environment": alert.origin().environment(),
        "severity": alert.severity().as_str(),
        "labels": labels,
        "summary": alert.summary,
        "description": alert.description,
        "value": alert.value.map(|value| value.to_string()),
        "runbook": alert.runbook,
        "dashboard": alert.dashboard,
        "startsAt": Timestamp::from(alert.starts_at()).as_str(),
        "endsAt": alert.ends_at().map(|at| Timestamp::from(at).as_str().to_owned()),
    })
}

fn unix_seconds(at: std::time::SystemTime) -> u64 {
    at.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Notifier for Webhook {
    async fn notify(&self, notice: &Notice) -> Result<Option<Receipt>, NotifyError> {
        self.post(body(notice), unix_seconds(notice.at())).await?;
        Ok(None)
    }

    async fn announce(&self, change: &Change) -> Result<(), NotifyError> {
        let body = json!({
            "version": 1,
            "kind": "change",
            "service": change.origin.service(),
            "environment": change.origin.environment(),
            "summary": change.summary(),
            "at": Timestamp::from(change.at).as_str(),
            "link": change.link,
        });
        self.post(body, unix_seconds(change.at)).await
    }

    fn profile(&self) -> Profile {
        Profile::new(Grouping::PerRule)
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_the_one_that_anybody_computes() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        // printf '7.{}' | openssl dgst -sha256 -hmac key
        let expected = "t=7,v1=77bc83bd1f40422311e47918b203449aecf84b02c1568bb1b570ac2a474cc2d8";
        assert_eq!(signature(&key, 7, "{}"), expected);
    }

    #[test]
    fn headers_that_are_none_are_refused_and_values_are_not_shown() {
        let webhook = || Webhook::new(Secret::new("https://h/path?key=hunter2".to_owned())).unwrap();
        let with = webhook()
            .header("x-token", Secret::new("hunter2".to_owned()))
            .unwrap()
            .signed(Secret::new("hunter2".to_owned()));
        assert!(!format!("{with:?}").contains("hunter2"));
        for (name, value) in [("a b", "hunter2"), ("a", "hunter2\n")] {
            let refused = webhook().header(name, Secret::new(value.to_owned())).unwrap_err();
            assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
        }
    }
}
