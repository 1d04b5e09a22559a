//! PagerDuty's Events API v2 and the part of its REST API that opens and closes incidents.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use aistm7_monitoring::clock::Clock;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use serde_json::{Value, json};

use super::{Fault, Faults, answered};

/// The key of the one integration that there is.
pub(crate) const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";
/// The token of the REST API.
pub(crate) const TOKEN: &str = "y_NbAkKc66ryYTWUXYEu";
/// The service that has the integration.
pub(crate) const SERVICE: &str = "PABC123";

/// Documented: calls in a minute for each integration.
const CALLS_A_MINUTE: usize = 120;

#[derive(Clone)]
pub(crate) struct PagerDutyPeer {
    pub(crate) address: SocketAddr,
    account: Arc<Mutex<Account>>,
}

#[derive(Default)]
pub(crate) struct Account {
    pub(crate) faults: Faults,
    pub(crate) incidents: Vec<Incident>,
    /// Events that were taken.
    pub(crate) events: Vec<Value>,
    pub(crate) changes: Vec<Value>,
    /// Why requests were answered with a 400.
    pub(crate) invalid: Vec<String>,
    /// Requests, the refused ones included.
    pub(crate) requests: usize,
    /// Whose minutes they are counted in; without one, nothing is too often.
    clock: Option<Clock>,
    recent: VecDeque<Instant>,
    pub(crate) too_many: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Incident {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) status: &'static str,
    pub(crate) summary: String,
    /// Of the REST API only.
    pub(crate) urgency: String,
    /// How often it was triggered.
    pub(crate) triggers: usize,
}

impl PagerDutyPeer {
    /// One that counts calls by the clock, if there is one.
    pub(crate) async fn start(clock: Option<Clock>) -> Self {
        let account = Arc::new(Mutex::new(Account { clock, ..Account::default() }));
        let router = Router::new().fallback(take).with_state(Arc::clone(&account));
        Self { address: super::serve(router).await, account }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }

    pub(crate) fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.account().faults.plan(faults);
    }

    /// How each incident is.
    pub(crate) fn statuses(&self) -> Vec<&'static str> {
        self.account().incidents.iter().map(|incident| incident.status).collect()
    }
}

async fn take(
    State(account): State<Arc<Mutex<Account>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = {
        let mut account = account.lock().unwrap();
        account.requests += 1;
        account.faults.next()
    };
    answered(fault, || account.lock().unwrap().answer(&method, &uri, &headers, &body)).await
}

impl Account {
    fn answer(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
        if self.is_too_much() {
            self.too_many += 1;
            return super::json(429, &json!({"status": "throttle exceeded"}));
        }
        let segments: Vec<&str> = uri.path().split('/').skip(1).collect();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match (method.as_str(), &segments[..]) {
            ("POST", ["v2", "enqueue"]) => self.enqueue(body),
            ("POST", ["v2", "change", "enqueue"]) => self.change(body),
            ("POST", ["incidents"]) => self.open(headers, &body),
            ("GET", ["incidents"]) => self.list(headers, uri.query().unwrap_or_default()),
            ("PUT", ["incidents", id]) => self.update(headers, id, &body),
            _ => super::json(404, &json!({"error": {"message": "Not Found", "code": 2100}})),
        }
    }

    fn is_too_much(&mut self) -> bool {
        let Some(clock) = &self.clock else { return false };
        let now = clock.now();
        self.recent.retain(|at| now - *at < Duration::from_secs(60));
        if self.recent.len() >= CALLS_A_MINUTE {
            return true;
        }
        self.recent.push_back(now);
        false
    }

    fn enqueue(&mut self, event: Value) -> Response {
        if let Err(why) = checked_event(&event) {
            return self.invalid_event(why);
        }
        let given = event["dedup_key"].as_str().map(str::to_owned);
        let key = given.unwrap_or_else(|| format!("made-here-{}", self.events.len()));
        let open = self.incidents.iter_mut().find(|incident| incident.key == key && incident.status != "resolved");
        match (event["event_action"].as_str().unwrap_or_default(), open) {
            ("trigger", Some(open)) => open.triggers += 1,
            ("trigger", None) => {
                let summary = event["payload"]["summary"].as_str().unwrap_or_default().to_owned();
                self.add(&key, summary, String::new());
            }
            ("acknowledge", Some(open)) => open.status = "acknowledged",
            ("resolve", Some(open)) => open.status = "resolved",
            // Taken, and nothing happens: there is no open alert under the key.
            _ => {}
        }
        self.events.push(event);
        super::json(202, &json!({"status": "success", "message": "Event processed", "dedup_key": key}))
    }

    fn change(&mut self, event: Value) -> Response {
        let checked = checked_key(&event).and_then(|()| checked_text(&event["payload"]["summary"], "summary", 1024));
        match checked {
            Err(why) => self.invalid_event(why),
            Ok(()) => {
                self.changes.push(event);
                super::json(202, &json!({"status": "success", "message": "Change event processed"}))
            }
        }
    }

    fn invalid_event(&mut self, why: String) -> Response {
        self.invalid.push(why.clone());
        super::json(400, &json!({"status": "invalid event", "message": "Event object is invalid", "errors": [why]}))
    }

    fn open(&mut self, headers: &HeaderMap, body: &Value) -> Response {
        if let Some(refusal) = refusal_of(headers, true) {
            return refusal;
        }
        let incident = &body["incident"];
        let is_complete = incident["type"] == "incident"
            && incident["title"].as_str().is_some_and(|title| !title.is_empty())
            && incident["service"] == json!({"id": SERVICE, "type": "service_reference"})
            && matches!(incident["urgency"].as_str(), Some("high" | "low"))
            && incident["body"]["type"] == "incident_body"
            && incident["body"]["details"].is_string();
        let key = incident["incident_key"].as_str().unwrap_or_default();
        let is_taken = self.incidents.iter().any(|open| open.key == key && open.status != "resolved");
        if !is_complete || is_taken {
            let why = if is_taken { "Incident Key has already been taken" } else { "Invalid Input Provided" };
            self.invalid.push(why.to_owned());
            let error = json!({"error": {"message": "Invalid Input Provided", "code": 2001, "errors": [why]}});
            return super::json(400, &error);
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let id = self.add(key, text(&incident["title"]), text(&incident["urgency"]));
        super::json(201, &json!({"incident": {"id": id, "status": "triggered"}}))
    }

    fn list(&mut self, headers: &HeaderMap, query: &str) -> Response {
        if let Some(refusal) = refusal_of(headers, false) {
            return refusal;
        }
        let key = query.split('&').find_map(|pair| pair.strip_prefix("incident_key="));
        let found = self.incidents.iter().filter(|one| Some(one.key.as_str()) == key && one.status != "resolved");
        let incidents: Vec<Value> = found.map(|one| json!({"id": one.id, "status": one.status})).collect();
        super::json(200, &json!({"incidents": incidents, "more": false}))
    }

    fn update(&mut self, headers: &HeaderMap, id: &str, body: &Value) -> Response {
        if let Some(refusal) = refusal_of(headers, true) {
            return refusal;
        }
        let Some(incident) = self.incidents.iter_mut().find(|incident| incident.id == id) else {
            return super::json(404, &json!({"error": {"message": "Not Found", "code": 2100}}));
        };
        let status = match body["incident"]["status"].as_str() {
            Some("resolved") => "resolved",
            Some("acknowledged") => "acknowledged",
            _ => return super::json(400, &json!({"error": {"message": "Invalid Input Provided", "code": 2001}})),
        };
        if incident.status == "resolved" {
            let why = "Incident Already Resolved";
            return super::json(400, &json!({"error": {"message": why, "code": 2001, "errors": [why]}}));
        }
        incident.status = status;
        super::json(200, &json!({"incident": {"id": id, "status": status}}))
    }

    fn add(&mut self, key: &str, summary: String, urgency: String) -> String {
        let id = format!("PI{:06}", self.incidents.len());
        let (key, status) = (key.to_owned(), "triggered");
        self.incidents.push(Incident { id: id.clone(), key, status, summary, urgency, triggers: 1 });
        id
    }
}

fn checked_event(event: &Value) -> Result<(), String> {
    checked_key(event)?;
    if event.to_string().len() > 512 * 1024 {
        return Err("the event is longer than 512 KB".to_owned());
    }
    let action = event["event_action"].as_str();
    if !matches!(action, Some("trigger" | "acknowledge" | "resolve")) {
        return Err("event_action must be trigger, acknowledge or resolve".to_owned());
    }
    if action != Some("trigger") || !event["dedup_key"].is_null() {
        checked_text(&event["dedup_key"], "dedup_key", 255)?;
    }
    if action == Some("trigger") {
        let payload = &event["payload"];
        checked_text(&payload["summary"], "summary", 1024)?;
        checked_text(&payload["source"], "source", usize::MAX)?;
        if !matches!(payload["severity"].as_str(), Some("critical" | "error" | "warning" | "info")) {
            return Err("severity must be critical, error, warning or info".to_owned());
        }
        let links = event["links"].as_array().into_iter().flatten();
        if links.into_iter().any(|link| !link["href"].as_str().is_some_and(|href| href.starts_with("http"))) {
            return Err("a link has no href".to_owned());
        }
    }
    Ok(())
}

fn checked_key(event: &Value) -> Result<(), String> {
    if event["routing_key"] == ROUTING_KEY { Ok(()) } else { Err("routing_key is missing or wrong".to_owned()) }
}

fn checked_text(text: &Value, name: &str, limit: usize) -> Result<(), String> {
    match text.as_str() {
        Some(text) if !text.is_empty() && text.chars().count() <= limit => Ok(()),
        _ => Err(format!("{name} must be a text of 1 to {limit} characters")),
    }
}

fn refusal_of(headers: &HeaderMap, writes: bool) -> Option<Response> {
    let is = |name: &str, expected: &str| headers.get(name).is_some_and(|value| value == expected);
    if !is("authorization", &format!("Token token={TOKEN}")) {
        return Some(super::json(401, &json!({"error": {"message": "Unauthorized", "code": 2006}})));
    }
    let is_understood =
        is("accept", "application/vnd.pagerduty+json;version=2") && is("content-type", "application/json");
    if !is_understood || writes && !is("from", "oncall@example.com") {
        return Some(super::json(400, &json!({"error": {"message": "Requester User Not Found", "code": 1008}})));
    }
    None
}
