//! What a response's head says about the rest of it.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body;

use super::labels::MethodLabel;

/// What follows a response's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Body,
    /// Whatever the body is, nobody will poll it.
    HeadOnly,
    /// A body that goes on for as long as both sides please.
    EventStream,
    /// The connection becomes something else.
    Upgrade,
}

impl Answer {
    pub(super) fn of<B>(method: MethodLabel, response: &Response<B>) -> Self {
        let status = response.status();
        let is_upgrade =
            status == StatusCode::SWITCHING_PROTOCOLS || (status.is_success() && method.is(&Method::CONNECT));
        if is_upgrade {
            Self::Upgrade
        } else if has_no_body(status) || method.is(&Method::HEAD) {
            Self::HeadOnly
        } else if is_event_stream(response.headers()) {
            Self::EventStream
        } else {
            Self::Body
        }
    }

    /// The head of an upgrade or an event stream says nothing about the work behind it.
    pub(super) fn tells_the_services_speed(self) -> bool {
        matches!(self, Self::Body | Self::HeadOnly)
    }
}

/// By RFC 9110, sections 15.2, 15.3.5 and 15.4.5.
fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// How many bytes the body will have, if that is known.
pub(super) fn announced_length<B: Body>(response: &Response<B>) -> Option<u64> {
    let header = || response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    response.body().size_hint().exact().or_else(header)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    const EVENT_STREAM: &[u8] = b"text/event-stream";
    let Some(kind) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    kind.as_bytes().get(..EVENT_STREAM.len()).is_some_and(|start| start.eq_ignore_ascii_case(EVENT_STREAM))
}
