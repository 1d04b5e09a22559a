//! The two headers that a response gets.

use bytes::Bytes;
use http::header::{Entry, HeaderMap, HeaderValue};

use crate::trace::{RequestId, TRACERESPONSE, TraceContext, Traceparent, X_REQUEST_ID};

/// Which headers a response gets, if it has none of that name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseHeaders {
    /// `x-request-id` and `traceresponse`.
    #[default]
    Both,
    /// `x-request-id`.
    RequestId,
    /// `traceresponse`.
    TraceResponse,
    /// None.
    Neither,
}

impl ResponseHeaders {
    pub(super) fn add(self, context: &TraceContext, headers: &mut HeaderMap) {
        match self {
            Self::Both => add_both(context, headers),
            Self::RequestId => context.add_request_id(headers),
            Self::TraceResponse => context.add_traceresponse(headers),
            Self::Neither => {}
        }
    }
}

fn add_both(context: &TraceContext, headers: &mut HeaderMap) {
    let mut trace = Bytes::from_owner(Text::of(context));
    let id = trace.split_off(Traceparent::LENGTH);
    for (name, value) in [(X_REQUEST_ID, id), (TRACERESPONSE, trace)] {
        // Both are visible ASCII, which every header takes; a map that takes no more headers stays as it is.
        if let (Ok(Entry::Vacant(absent)), Ok(value)) = (headers.try_entry(name), HeaderValue::from_maybe_shared(value))
        {
            let _ = absent.try_insert(value);
        }
    }
}

/// Both values one behind the other, so that they share one allocation.
struct Text {
    bytes: [u8; Traceparent::LENGTH + RequestId::MAX_BYTES],
    length: usize,
}

impl Text {
    fn of(context: &TraceContext) -> Self {
        let id = context.request_id().as_bytes();
        let length = Traceparent::LENGTH + id.len();
        let mut bytes = [0; Traceparent::LENGTH + RequestId::MAX_BYTES];
        let own = Traceparent { trace_id: context.trace_id(), parent_id: context.span_id(), flags: context.flags() };
        bytes[..Traceparent::LENGTH].copy_from_slice(&own.format());
        bytes[Traceparent::LENGTH..length].copy_from_slice(id);
        Self { bytes, length }
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
