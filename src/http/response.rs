//! What a response's head says about the rest of it.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;

use super::ledger::Answers;
use super::measures::ResponseKind;
use super::methods::Asked;

/// What follows a response's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A body, of so many bytes if that is known.
    Body(Option<u64>),
    /// Whatever the body is, nobody will poll it.
    HeadOnly,
    /// A body that goes on for as long as both sides please.
    EventStream,
    /// The connection becomes something else.
    Upgrade,
}

impl Answer {
    pub(super) fn of<B: Body>(asked: Asked, response: &Response<B>) -> Self {
        let (status, body) = (response.status(), response.body());
        if status == StatusCode::SWITCHING_PROTOCOLS || (status.is_success() && asked == Asked::Tunnel) {
            return Self::Upgrade;
        }
        if has_no_body(status) || asked == Asked::Head || body.is_end_stream() {
            return Self::HeadOnly;
        }
        match body.size_hint().exact().or_else(|| content_length(response.headers())) {
            Some(0) => Self::HeadOnly,
            None if is_event_stream(response.headers()) => Self::EventStream,
            length => Self::Body(length),
        }
    }

    /// What follows, on a route whose successful answers are such.
    pub(super) fn kind(self, status: StatusCode, answers: Answers) -> ResponseKind {
        match self {
            Self::Upgrade => ResponseKind::Upgrade,
            Self::EventStream => ResponseKind::Stream,
            Self::Body(_) if answers == Answers::Streams && status.is_success() => ResponseKind::Stream,
            Self::Body(_) | Self::HeadOnly => ResponseKind::Finite,
        }
    }
}

/// By RFC 9110, sections 15.2, 15.3.5 and 15.4.5.
fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    const EVENT_STREAM: &[u8] = b"text/event-stream";
    let Some(kind) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    kind.as_bytes().get(..EVENT_STREAM.len()).is_some_and(|start| start.eq_ignore_ascii_case(EVENT_STREAM))
}
