//! A bot with a token.

use std::fmt;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use serde_json::{Value, json};

use super::super::change::Change;
use super::super::error::NotifyError;
use super::super::notifier::{Grouping, Notice, Notifier, Profile, Receipt};
use super::answer::{Outcome, Posted, read};
use super::message::{self, Audience, Message, Progress};
use crate::error::InvalidValue;
use crate::redact::Secret;
use crate::transport::{Endpoint, EndpointError};

/// A channel of Slack, written to by a bot: one message for the alerts of a rule, which is edited as they change, with
/// their story in its thread.
///
/// The bot's token needs the scope `chat:write`, and `chat:write.public` for channels that it is no member of.
///
/// ```
/// use aistm7_monitoring::alert::notify::SlackBot;
/// use aistm7_monitoring::redact::Secret;
///
/// let incidents = SlackBot::new(Secret::new("xoxb-1-2".to_owned()), "#incidents")?;
/// assert!(!format!("{incidents:?}").contains("xoxb"));
/// # Ok::<(), aistm7_monitoring::alert::notify::EndpointError>(())
/// ```
pub struct SlackBot {
    /// Marked as sensitive, so that nobody prints it.
    authorization: HeaderValue,
    channel: String,
    endpoint: Endpoint,
}

const POST: &str = "/chat.postMessage";
const UPDATE: &str = "/chat.update";

impl SlackBot {
    /// The channel by its id, or by its name with `#`.
    ///
    /// # Errors
    /// When the token or the channel cannot be one, or TLS cannot be set up.
    pub fn new(token: Secret<String>, channel: &str) -> Result<Self, EndpointError> {
        let is_token = !token.expose().is_empty() && token.expose().bytes().all(|byte| byte.is_ascii_graphic());
        let authorization = HeaderValue::try_from(format!("Bearer {}", token.expose()));
        let Some(mut authorization) = authorization.ok().filter(|_| is_token) else {
            return Err(InvalidValue::new("Slack token", &token, "a bot's token, xoxb-…").into());
        };
        authorization.set_sensitive(true);
        if channel.trim_start_matches('#').is_empty() || channel.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(InvalidValue::new("Slack channel", channel, "a channel's id, or its name with #").into());
        }
        let endpoint = Endpoint::new("https://slack.com/api")?;
        Ok(Self { authorization, channel: channel.to_owned(), endpoint })
    }

    /// Sends requests to a URL below which `/chat.postMessage` is: a proxy, or a test.
    ///
    /// # Errors
    /// When it is no http or https URL.
    pub fn url(mut self, url: &str) -> Result<Self, EndpointError> {
        self.endpoint = Endpoint::new(url)?;
        Ok(self)
    }

    async fn call(&self, method: &'static str, body: &Value) -> Outcome {
        let mut request = Request::new(body.to_string().into());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.below(method);
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        match self.endpoint.send(request).await {
            Ok(answer) => read(&answer),
            Err(error) => Outcome::Failed(error.into()),
        }
    }

    /// Calls with a message, and once more with its text alone if Slack does not like its form.
    async fn say(&self, method: &'static str, place: Value, message: &Message) -> Result<Said, NotifyError> {
        let mut body = place;
        body["text"] = message.text.as_str().into();
        body["attachments"] = message.attachments.clone().into();
        body["unfurl_links"] = false.into();
        body["unfurl_media"] = false.into();
        let mut outcome = self.call(method, &body).await;
        if matches!(outcome, Outcome::FormRefused(_)) {
            body["attachments"] = json!([]);
            outcome = self.call(method, &body).await;
        }
        match outcome {
            Outcome::Done(posted) => Ok(Said::Done(posted)),
            Outcome::MessageGone => Ok(Said::MessageGone),
            Outcome::FormRefused(error) | Outcome::Failed(error) => Err(error),
        }
    }

    async fn post(&self, message: &Message) -> Result<Option<Receipt>, NotifyError> {
        match self.say(POST, json!({"channel": self.channel}), message).await? {
            Said::Done(posted) => Ok(posted.and_then(|posted| posted.receipt())),
            Said::MessageGone => Err(NotifyError::refused("the channel takes no messages")),
        }
    }

    /// Edits the message, and tells its thread what changed.
    async fn follow_up(&self, posted: &Posted, notice: &Notice, message: &Message) -> Result<Said, NotifyError> {
        let place = json!({"channel": posted.channel, "ts": posted.timestamp});
        let Said::Done(_) = self.say(UPDATE, place, message).await? else { return Ok(Said::MessageGone) };
        let Progress { text, audience } = message::of_progress(notice);
        let reply = Message { text, attachments: Vec::new() };
        let thread = json!({
            "channel": posted.channel,
            "thread_ts": posted.timestamp,
            "reply_broadcast": audience == Audience::Channel,
        });
        self.say(POST, thread, &reply).await
    }
}

/// What came of a message.
enum Said {
    Done(Option<Posted>),
    MessageGone,
}

impl Notifier for SlackBot {
    async fn notify(&self, notice: &Notice) -> Result<Option<Receipt>, NotifyError> {
        let message = message::of_notice(notice);
        if let Some(receipt) = notice.receipt()
            && let Some(posted) = Posted::of(receipt)
            && let Said::Done(_) = self.follow_up(&posted, notice, &message).await?
        {
            return Ok(notice.receipt().cloned());
        }
        self.post(&message).await
    }

    async fn announce(&self, change: &Change) -> Result<(), NotifyError> {
        self.post(&message::of_change(change)).await.map(drop)
    }

    fn profile(&self) -> Profile {
        // Slack's limit for posting is one a second and channel, for editing about 50 a minute; a notice can be both.
        Profile::new(Grouping::PerRule).rate(1, Duration::from_millis(1_250))
    }
}

impl fmt::Debug for SlackBot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackBot")
            .field("channel", &self.channel)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
