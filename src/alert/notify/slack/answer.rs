//! What Slack's answers mean: most failures are a status 200 with `"ok": false`.

use http::StatusCode;
use serde_json::Value;

use super::super::error::NotifyError;
use super::super::notifier::Receipt;
use crate::transport::HttpAnswer;

/// What came of a call of the Web API.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was done, to this message.
    Done(Option<Posted>),
    /// Slack does not like the message's form: plain text may do.
    FormRefused(NotifyError),
    /// The message that was to be changed cannot be.
    MessageGone,
    Failed(NotifyError),
}

/// A message in a channel. Both are texts: as a number, a timestamp loses its last digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Posted {
    pub(super) channel: String,
    pub(super) timestamp: String,
}

impl Posted {
    pub(super) fn receipt(&self) -> Option<Receipt> {
        Receipt::new(format!("{} {}", self.channel, self.timestamp))
    }

    pub(super) fn of(receipt: &Receipt) -> Option<Self> {
        let (channel, timestamp) = receipt.as_str().split_once(' ')?;
        Some(Self { channel: channel.to_owned(), timestamp: timestamp.to_owned() })
    }
}

/// Reads an answer of the Web API.
pub(super) fn read(answer: &HttpAnswer) -> Outcome {
    if answer.status != StatusCode::OK {
        return Outcome::Failed(NotifyError::of_answer(answer));
    }
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
        return Outcome::Failed(NotifyError::unavailable("the answer is no JSON"));
    };
    if body["ok"] == true {
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        let posted = text("channel").zip(text("ts"));
        return Outcome::Done(posted.map(|(channel, timestamp)| Posted { channel, timestamp }));
    }
    let code = body["error"].as_str().unwrap_or("no reason given");
    match code {
        "ratelimited" | "rate_limited" => Outcome::Failed(NotifyError::TooOften {
            again_after: answer.retry_after_seconds.map(std::time::Duration::from_secs),
        }),
        "fatal_error" | "internal_error" | "service_unavailable" | "request_timeout" | "team_added_to_org" => {
            Outcome::Failed(NotifyError::unavailable(code))
        }
        "invalid_blocks"
        | "invalid_blocks_format"
        | "invalid_attachments"
        | "msg_blocks_too_long"
        | "msg_too_long"
        | "too_many_attachments" => Outcome::FormRefused(NotifyError::refused(code)),
        "message_not_found"
        | "edit_window_closed"
        | "cant_update_message"
        | "thread_not_found"
        | "cannot_reply_to_message" => Outcome::MessageGone,
        _ => Outcome::Failed(NotifyError::refused(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str, retry_after_seconds: Option<u64>) -> Outcome {
        let status = StatusCode::from_u16(status).unwrap();
        read(&HttpAnswer { status, retry_after_seconds, body: body.to_owned().into() })
    }

    #[test]
    fn answers_are_told_apart_by_what_may_help() {
        let posted = answer(200, r#"{"ok":true,"channel":"C1","ts":"1700000000.000100"}"#, None);
        let Outcome::Done(Some(posted)) = posted else { panic!("{posted:?}") };
        assert_eq!(Posted::of(&posted.receipt().unwrap()), Some(posted));
        for code in ["invalid_auth", "channel_not_found", "not_in_channel", "is_archived", "anything_else"] {
            let refused = answer(200, &format!(r#"{{"ok":false,"error":"{code}"}}"#), None);
            assert!(matches!(&refused, Outcome::Failed(error) if error.is_permanent()), "{refused:?}");
        }
        for (status, body, after) in [
            (429, r#"{"ok":false,"error":"ratelimited"}"#, Some(30)),
            (200, r#"{"ok":false,"error":"ratelimited"}"#, Some(30)),
            (503, "", None),
            (200, r#"{"ok":false,"error":"fatal_error"}"#, None),
            (200, "<html>", None),
        ] {
            let failed = answer(status, body, after);
            let Outcome::Failed(error) = failed else { panic!("{failed:?}") };
            assert!(!error.is_permanent(), "{error:?}");
            assert_eq!(error.again_after().map(|after| after.as_secs()), after);
        }
        assert!(matches!(answer(200, r#"{"ok":false,"error":"msg_blocks_too_long"}"#, None), Outcome::FormRefused(_)));
        assert!(matches!(answer(200, r#"{"ok":false,"error":"message_not_found"}"#, None), Outcome::MessageGone));
        assert!(matches!(answer(403, "no", None), Outcome::Failed(error) if error.is_permanent()));
    }
}
