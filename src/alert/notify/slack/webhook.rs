//! An incoming webhook: a URL that is a secret, and a channel that it writes to.

use http::StatusCode;
use serde_json::json;

use super::super::change::Change;
use super::super::error::NotifyError;
use super::super::notifier::{Grouping, Notice, Notifier, Profile, Receipt};
use super::message::{self, Message};
use crate::redact::Secret;
use crate::transport::{Endpoint, EndpointError};

/// A channel of Slack, written to by an incoming webhook. It can neither edit nor thread, so each change is a message.
#[derive(Debug)]
pub struct SlackWebhook {
    endpoint: Endpoint,
}

impl SlackWebhook {
    /// The webhook at this URL, which is never shown.
    ///
    /// # Errors
    /// When it is no http or https URL, or TLS cannot be set up.
    pub fn new(url: Secret<String>) -> Result<Self, EndpointError> {
        Ok(Self { endpoint: Endpoint::new(url.expose())? })
    }

    async fn say(&self, message: &Message) -> Result<(), NotifyError> {
        let whole = json!({"text": message.text, "attachments": message.attachments});
        let mut answer = self.endpoint.post_json(whole.to_string()).await?;
        // The codes that tell why are texts; all that plain text may help against are of this status.
        if answer.status == StatusCode::BAD_REQUEST {
            answer = self.endpoint.post_json(json!({"text": message.text}).to_string()).await?;
        }
        if answer.status == StatusCode::OK { Ok(()) } else { Err(NotifyError::of_answer(&answer)) }
    }
}

impl Notifier for SlackWebhook {
    async fn notify(&self, notice: &Notice) -> Result<Option<Receipt>, NotifyError> {
        self.say(&message::of_notice(notice)).await?;
        Ok(None)
    }

    async fn announce(&self, change: &Change) -> Result<(), NotifyError> {
        self.say(&message::of_change(change)).await
    }

    fn profile(&self) -> Profile {
        Profile::new(Grouping::PerRule)
    }
}
