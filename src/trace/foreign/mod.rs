//! Traces of callers that do not speak W3C trace context, read if asked for and never written.

mod amazon;
mod b3;
mod request_uuid;

use http::header::HeaderMap;

use super::id::{SpanId, TraceId};
use super::request_id::RequestId;

/// A way besides `traceparent` in which a caller may say to which trace a request belongs.
///
/// A valid `traceparent` goes before all of them, and they before each other in this order. What is malformed counts as
/// not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TraceSource {
    /// Zipkin's B3: the header `b3`, else `x-b3-traceid`, `x-b3-spanid`, `x-b3-sampled` and `x-b3-flags`. Of a header
    /// that comes twice the first one counts; a trace id of 16 digits gets zeros before it. A sampling decision without
    /// ids (`b3: 0`) holds for the trace that begins here.
    B3,
    /// `X-Amzn-Trace-Id`, which AWS' load balancers and API Gateway add: `Root`, `Parent` and `Sampled`.
    AmazonTraceId,
    /// An `x-request-id` that is a UUID of version 4 or 7: its 32 digits become the trace id. So the id that a proxy or a
    /// person knows finds the trace. Versions without enough random bits are no trace ids.
    RequestIdUuid,
}

/// What a caller said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Claim {
    /// `None` if only the sampling was said.
    pub(super) trace: Option<ClaimedTrace>,
    /// `None` if that is left to us.
    pub(super) sampled: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClaimedTrace {
    pub(super) id: TraceId,
    pub(super) parent: Option<SpanId>,
    /// The right-most seven bytes of the id are known to be random.
    pub(super) random: bool,
}

impl TraceSource {
    /// `None` if nothing valid of this kind was sent.
    pub(super) fn read(self, headers: &HeaderMap, request_id: Option<&RequestId>) -> Option<Claim> {
        match self {
            Self::B3 => b3::read(headers),
            Self::AmazonTraceId => amazon::read(headers),
            Self::RequestIdUuid => request_uuid::read(request_id?),
        }
    }
}
