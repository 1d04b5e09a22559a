//! The REST API, as the guide has it: for who wants an incident's urgency set from here.

use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use serde_json::{Value, json};

use super::super::alert::AlertStatus;
use super::super::error::NotifyError;
use super::super::notifier::{Grouping, Notice, Notifier, Profile, Receipt};
use super::body;
use crate::alert::Severity;
use crate::error::InvalidValue;
use crate::redact::Secret;
use crate::transport::{Endpoint, EndpointError, HttpAnswer};

/// PagerDuty, by `POST /incidents` of its REST API: `urgency` is `high` for critical alerts, else `low`.
///
/// PagerDuty advises against it for monitoring tools, since its limits are those of people: prefer
/// [`PagerDuty`](super::PagerDuty).
pub struct PagerDutyIncidents {
    /// Marked as sensitive, so that nobody prints it.
    authorization: HeaderValue,
    from: HeaderValue,
    service: String,
    endpoint: Endpoint,
}

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.pagerduty+json;version=2");
const FROM: &str = "from";

/// PagerDuty's code of an incident whose key is open already.
const ALREADY_OPEN: &str = "already been taken";

impl PagerDutyIncidents {
    /// Incidents of the service with this id, opened with an API token in the name of the user with this mail address.
    ///
    /// # Errors
    /// When a value cannot be part of a request, or TLS cannot be set up.
    pub fn new(token: Secret<String>, from: &str, service: &str) -> Result<Self, EndpointError> {
        let authorization = HeaderValue::try_from(format!("Token token={}", token.expose()));
        let Ok(mut authorization) = authorization else {
            return Err(InvalidValue::new("PagerDuty API token", &token, "visible ASCII").into());
        };
        authorization.set_sensitive(true);
        let invalid = |what, value, rule| EndpointError::from(InvalidValue::new(what, value, rule));
        let is_address = from.contains('@') && from.bytes().all(|byte| byte.is_ascii_graphic());
        let address = HeaderValue::from_str(from).ok().filter(|_| is_address);
        let from = address.ok_or_else(|| invalid("PagerDuty user", from, "the mail address of a user"))?;
        if !is_id(service) {
            return Err(invalid("PagerDuty service", service, "an id of letters and digits, such as PXXXXXX"));
        }
        let endpoint = Endpoint::new("https://api.pagerduty.com")?;
        Ok(Self { authorization, from, service: service.to_owned(), endpoint })
    }

    /// Sends requests to a URL below which `/incidents` is: that of the EU, a proxy, or a test.
    ///
    /// # Errors
    /// When it is no http or https URL.
    pub fn url(mut self, url: &str) -> Result<Self, EndpointError> {
        self.endpoint = Endpoint::new(url)?;
        Ok(self)
    }

    async fn ask(&self, method: Method, uri: Uri, body: Option<Value>) -> Result<HttpAnswer, NotifyError> {
        let mut request = Request::new(body.map(|body| body.to_string()).unwrap_or_default().into());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(FROM, self.from.clone());
        headers.insert(ACCEPT, MEDIA_TYPE);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(self.endpoint.send(request).await?)
    }

    async fn open(&self, notice: &Notice) -> Result<Option<Receipt>, NotifyError> {
        let urgency = if notice.severity() == Severity::Critical { "high" } else { "low" };
        let incident = json!({"incident": {
            "type": "incident",
            "title": body::summary(notice),
            "service": {"id": self.service, "type": "service_reference"},
            "urgency": urgency,
            "incident_key": notice.key().to_string(),
            // A text: the reference says object, and the API wants none.
            "body": {"type": "incident_body", "details": body::details(notice).to_string()},
        }});
        let answer = self.ask(Method::POST, self.endpoint.below("/incidents"), Some(incident)).await?;
        if answer.status == StatusCode::CREATED {
            return Ok(id_of(&answer.body, "/incident/id"));
        }
        // What was to be is already: it is open under this key.
        if answer.status == StatusCode::BAD_REQUEST && String::from_utf8_lossy(&answer.body).contains(ALREADY_OPEN) {
            return self.find(notice).await;
        }
        Err(NotifyError::of_answer(&answer))
    }

    /// The id of the open incident under the key.
    async fn find(&self, notice: &Notice) -> Result<Option<Receipt>, NotifyError> {
        let query = format!("?incident_key={}&statuses[]=triggered&statuses[]=acknowledged", notice.key());
        let uri = self.endpoint.below(&format!("/incidents{query}"));
        let answer = self.ask(Method::GET, uri, None).await?;
        if answer.status != StatusCode::OK {
            return Err(NotifyError::of_answer(&answer));
        }
        Ok(id_of(&answer.body, "/incidents/0/id"))
    }

    async fn change(&self, notice: &Notice, status: &str) -> Result<Option<Receipt>, NotifyError> {
        let known = match notice.receipt() {
            Some(receipt) => Some(receipt.clone()),
            None => self.find(notice).await?,
        };
        // Somebody has resolved it by hand, or it was never opened.
        let Some(receipt) = known else { return Ok(None) };
        let body = json!({"incident": {"type": "incident_reference", "status": status}});
        let uri = self.endpoint.below(&format!("/incidents/{}", receipt.as_str()));
        let answer = self.ask(Method::PUT, uri, Some(body)).await?;
        match answer.status {
            StatusCode::OK => Ok(Some(receipt)),
            // Somebody was faster.
            StatusCode::BAD_REQUEST if self.find(notice).await?.is_none() => Ok(None),
            _ => Err(NotifyError::of_answer(&answer)),
        }
    }
}

/// The id at a place of an answer.
fn id_of(body: &[u8], pointer: &str) -> Option<Receipt> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let id = answer.pointer(pointer)?.as_str()?;
    // It becomes a part of a path.
    if is_id(id) { Receipt::new(id) } else { None }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Notifier for PagerDutyIncidents {
    async fn notify(&self, notice: &Notice) -> Result<Option<Receipt>, NotifyError> {
        match notice.status() {
            AlertStatus::Firing => self.open(notice).await,
            AlertStatus::Acknowledged => self.change(notice, "acknowledged").await,
            AlertStatus::Resolved => self.change(notice, "resolved").await,
        }
    }

    fn profile(&self) -> Profile {
        // "At human speed": each notice is up to three requests.
        Profile::new(Grouping::PerAlert).rate(10, Duration::from_secs(60))
    }
}

impl fmt::Debug for PagerDutyIncidents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("PagerDutyIncidents");
        shown.field("service", &self.service).field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
