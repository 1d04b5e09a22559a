//! The part of Slack's Web API that posts and edits messages, and an incoming webhook.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use aistm7_monitoring::clock::Clock;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde_json::{Value, json};

use super::{Fault, Faults, answered};

/// The bot's token.
pub(crate) const TOKEN: &str = "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy";
/// The path of the webhook.
const HOOK: &str = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX";

/// Where a message is refused, as people have measured; documented nowhere.
const RENDERED_LIMIT: usize = 11_000;

#[derive(Clone)]
pub(crate) struct SlackPeer {
    pub(crate) address: SocketAddr,
    workspace: Arc<Mutex<Workspace>>,
}

#[derive(Default)]
pub(crate) struct Workspace {
    pub(crate) faults: Faults,
    pub(crate) messages: Vec<Posted>,
    /// Codes of what was refused.
    pub(crate) refused: Vec<&'static str>,
    pub(crate) requests: usize,
    clock: Option<Clock>,
    last_post: BTreeMap<String, Instant>,
    pub(crate) too_many: usize,
}

/// A message that is no reply.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    pub(crate) channel: String,
    pub(crate) ts: String,
    pub(crate) text: String,
    pub(crate) attachments: Value,
    /// Text and attachments as they were posted, and after each edit.
    pub(crate) versions: Vec<(String, Value)>,
    pub(crate) edits: usize,
    pub(crate) replies: Vec<String>,
}

impl SlackPeer {
    /// One that holds the limit of posts by the clock, if there is one.
    pub(crate) async fn start(clock: Option<Clock>) -> Self {
        let workspace = Arc::new(Mutex::new(Workspace { clock, ..Workspace::default() }));
        let router = Router::new().fallback(take).with_state(Arc::clone(&workspace));
        Self { address: super::serve(router).await, workspace }
    }

    /// Below which the methods are.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    pub(crate) fn hook_url(&self) -> String {
        format!("http://{}{HOOK}", self.address)
    }

    pub(crate) fn workspace(&self) -> MutexGuard<'_, Workspace> {
        self.workspace.lock().unwrap()
    }

    pub(crate) fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.workspace().faults.plan(faults);
    }
}

async fn take(State(workspace): State<Arc<Mutex<Workspace>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let fault = {
        let mut workspace = workspace.lock().unwrap();
        workspace.requests += 1;
        workspace.faults.next()
    };
    answered(fault, || workspace.lock().unwrap().answer(&uri, &headers, &body)).await
}

impl Posted {
    fn keep_version(&mut self) {
        self.versions.push((self.text.clone(), self.attachments.clone()));
    }
}

/// What Slack says when it does not do something.
enum No {
    Code(&'static str),
    TooMany,
}

impl Workspace {
    fn answer(&mut self, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        if uri.path() == HOOK {
            return self.hook(body);
        }
        let done = match uri.path() {
            _ if headers.get("authorization").is_none_or(|value| value != &format!("Bearer {TOKEN}")) => {
                Err(No::Code("invalid_auth"))
            }
            "/api/chat.postMessage" => self.post(&body),
            "/api/chat.update" => self.update(&body),
            _ => Err(No::Code("unknown_method")),
        };
        match done {
            Ok((channel, ts)) => super::json(200, &json!({"ok": true, "channel": channel, "ts": ts, "message": {}})),
            Err(No::TooMany) => {
                self.too_many += 1;
                let limited = Response::builder().status(429).header("retry-after", "1");
                limited.body(Body::from(r#"{"ok":false,"error":"ratelimited"}"#)).unwrap()
            }
            Err(No::Code(code)) => {
                self.refused.push(code);
                super::json(200, &json!({"ok": false, "error": code}))
            }
        }
    }

    fn hook(&mut self, body: Value) -> Response {
        let text = |status: u16, text: &'static str| Response::builder().status(status).body(Body::from(text)).unwrap();
        match checked(&body).and_then(|()| self.may_post("hook")) {
            Ok(()) => {
                self.keep("hook", &body);
                text(200, "ok")
            }
            Err(No::TooMany) => {
                self.too_many += 1;
                Response::builder().status(429).header("retry-after", "1").body(Body::from("rate_limited")).unwrap()
            }
            Err(No::Code(code)) => {
                self.refused.push(code);
                text(400, code)
            }
        }
    }

    fn post(&mut self, body: &Value) -> Result<(String, String), No> {
        let channel = id_of(body["channel"].as_str().unwrap_or_default()).ok_or(No::Code("channel_not_found"))?;
        checked(body)?;
        self.may_post(&channel)?;
        if let Some(parent) = body["thread_ts"].as_str() {
            let text = body["text"].as_str().unwrap_or_default().to_owned();
            let message = self.message(&channel, parent).ok_or(No::Code("thread_not_found"))?;
            message.replies.push(text);
            return Ok((channel, "1700000000.999999".to_owned()));
        }
        let ts = self.keep(&channel, body);
        Ok((channel, ts))
    }

    fn update(&mut self, body: &Value) -> Result<(String, String), No> {
        // By its id only: names are for posting.
        let channel = body["channel"].as_str().filter(|id| id.starts_with('C')).ok_or(No::Code("channel_not_found"))?;
        let ts = body["ts"].as_str().ok_or(No::Code("message_not_found"))?;
        checked(body)?;
        let message = self.message(channel, ts).ok_or(No::Code("message_not_found"))?;
        message.text = body["text"].as_str().unwrap_or_default().to_owned();
        message.attachments = body["attachments"].clone();
        message.edits += 1;
        message.keep_version();
        Ok((channel.to_owned(), ts.to_owned()))
    }

    fn keep(&mut self, channel: &str, body: &Value) -> String {
        let ts = format!("1700000000.{:06}", self.messages.len());
        let mut message = Posted {
            channel: channel.to_owned(),
            ts: ts.clone(),
            text: body["text"].as_str().unwrap_or_default().to_owned(),
            attachments: body["attachments"].clone(),
            versions: Vec::new(),
            edits: 0,
            replies: Vec::new(),
        };
        message.keep_version();
        self.messages.push(message);
        ts
    }

    fn message(&mut self, channel: &str, ts: &str) -> Option<&mut Posted> {
        self.messages.iter_mut().find(|message| message.channel == channel && message.ts == ts)
    }

    /// One a second for each channel.
    fn may_post(&mut self, channel: &str) -> Result<(), No> {
        let Some(clock) = &self.clock else { return Ok(()) };
        let now = clock.now();
        let is_soon = self.last_post.get(channel).is_some_and(|last| now - *last < Duration::from_secs(1));
        if is_soon {
            return Err(No::TooMany);
        }
        self.last_post.insert(channel.to_owned(), now);
        Ok(())
    }
}

/// The id of a channel that there is.
fn id_of(channel: &str) -> Option<String> {
    match channel {
        "#incidents" | "C0INCIDENTS" => Some("C0INCIDENTS".to_owned()),
        "#monitoring" | "C0MONITORING" => Some("C0MONITORING".to_owned()),
        _ => None,
    }
}

fn checked(body: &Value) -> Result<(), No> {
    let text = body["text"].as_str().unwrap_or_default();
    if text.is_empty() && body["attachments"].as_array().is_none_or(Vec::is_empty) {
        return Err(No::Code("no_text"));
    }
    let attachments = body["attachments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let blocks: Vec<&Value> =
        attachments.iter().flat_map(|one| one["blocks"].as_array().into_iter().flatten()).collect();
    let texts: Vec<&str> = blocks.iter().map(|block| block["text"]["text"].as_str().unwrap_or_default()).collect();
    if attachments.len() > 100 || blocks.len() > 50 || texts.iter().any(|text| text.is_empty() || text.len() > 12_000) {
        return Err(No::Code("invalid_blocks"));
    }
    let is_section = |block: &&&Value| block["type"] == "section" && block["text"]["type"] == "mrkdwn";
    if blocks.iter().filter(is_section).count() != blocks.len() || texts.iter().any(|text| text.chars().count() > 3_000)
    {
        return Err(No::Code("invalid_blocks"));
    }
    if texts.iter().map(|text| text.chars().count()).sum::<usize>() > RENDERED_LIMIT {
        return Err(No::Code("msg_blocks_too_long"));
    }
    for text in texts.into_iter().chain([text]) {
        assert!(!pings(text), "this message would call everybody: {text}");
    }
    Ok(())
}

/// Whether a text has a command in it: what stands in angle brackets and is no link.
fn pings(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| !text[at + 1..].starts_with("http"))
}
