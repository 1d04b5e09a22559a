//! Trace context in headers: read from a request, written to a response or an outgoing call.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName};

use super::context::TraceContext;
use super::id::SpanId;
use super::request_id::RequestId;
use super::rules::TraceRules;
use super::traceparent::Traceparent;
use super::tracestate::TraceState;
use super::values::{add, together};

/// `traceparent`, W3C trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `tracestate`, W3C trace context.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// `traceresponse`, W3C trace context level 2: the trace a response belongs to, in the form of `traceparent`.
pub const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// `x-request-id`, by custom.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a call tells the other side of the span that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    Span,
    /// The call has a `traceparent` of its own.
    Nothing,
}

impl TraceContext {
    /// Continues the trace of a request's headers, or starts one if they carry none or a malformed one.
    ///
    /// Two `traceparent` headers are malformed. The request id is taken if sane, else made.
    ///
    /// ```
    /// use aistm7_monitoring::trace::{TRACEPARENT, TraceContext};
    ///
    /// let mut headers = http::HeaderMap::new();
    /// headers.insert(TRACEPARENT, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?);
    /// let context = TraceContext::from_headers(&headers);
    /// assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    /// assert_eq!(context.parent_span_id().map(|span| span.to_string()).as_deref(), Some("00f067aa0ba902b7"));
    /// assert_ne!(Some(context.span_id()), context.parent_span_id());
    /// # Ok::<(), http::header::InvalidHeaderValue>(())
    /// ```
    ///
    /// [`TraceOptions`](super::TraceOptions) change what is read and how much is sampled.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        TraceRules::usual_context(headers)
    }

    /// Writes `traceparent`, `tracestate` and `x-request-id` for a call to another service, replacing what was there.
    ///
    /// The parent is this context's own span. Calls that are measured as well, each with a span id of its own, are
    /// those of `http::client`. Cost: one allocation.
    pub fn inject(&self, headers: &mut HeaderMap) {
        for name in [&TRACEPARENT, &TRACESTATE, &X_REQUEST_ID] {
            headers.remove(name);
        }
        self.add_parent(self.span_id(), headers);
    }

    /// Adds `traceparent`, with a span id of its own as parent, `tracestate` and `x-request-id` to a call to another
    /// service, as far as it has none. A call with a `traceparent` of its own keeps its `tracestate` too, or gets none.
    ///
    /// Cost: one allocation.
    pub fn add_to_call(&self, headers: &mut HeaderMap) {
        self.add_to_call_of(SpanId::random(), headers);
    }

    /// As [`TraceContext::add_to_call`], for a call whose span has this id. Says whether the call carries it.
    pub(crate) fn add_to_call_of(&self, span: SpanId, headers: &mut HeaderMap) -> Carried {
        let carried = if headers.contains_key(TRACEPARENT) { Carried::Nothing } else { Carried::Span };
        self.add_parent(span, headers);
        carried
    }

    fn add_parent(&self, parent: SpanId, headers: &mut HeaderMap) {
        let state = self.state().header();
        let [parent, id, state] = match &state {
            None => self.values::<SHORT>(parent, ""),
            Some(state) => self.values::<LONG>(parent, state),
        };
        if !headers.contains_key(TRACEPARENT) {
            add(headers, TRACEPARENT, parent);
            if !state.is_empty() {
                add(headers, TRACESTATE, state);
            }
        }
        add(headers, X_REQUEST_ID, id);
    }

    /// Adds `x-request-id` and `traceresponse` to a response, as far as it has none. Cost: one allocation.
    pub fn add_to_response(&self, headers: &mut HeaderMap) {
        let [own, id, _] = self.values::<SHORT>(self.span_id(), "");
        add(headers, X_REQUEST_ID, id);
        add(headers, TRACERESPONSE, own);
    }

    /// Adds `x-request-id` to a message that has none.
    pub fn add_request_id(&self, headers: &mut HeaderMap) {
        add(headers, X_REQUEST_ID, Bytes::copy_from_slice(self.request_id().as_bytes()));
    }

    /// Adds `traceresponse` to a response that has none.
    pub fn add_traceresponse(&self, headers: &mut HeaderMap) {
        add(headers, TRACERESPONSE, Bytes::copy_from_slice(&self.traceparent(self.span_id())));
    }

    fn traceparent(&self, parent_id: SpanId) -> [u8; Traceparent::LENGTH] {
        Traceparent { trace_id: self.trace_id(), parent_id, flags: self.flags() }.format()
    }

    /// The values of `traceparent` and `x-request-id`, and of a `tracestate`.
    fn values<const ROOM: usize>(&self, parent: SpanId, state: &str) -> [Bytes; 3] {
        together::<ROOM, 3>([&self.traceparent(parent), self.request_id().as_bytes(), state.as_bytes()])
    }
}

/// Room for a `traceparent` and a request id.
const SHORT: usize = Traceparent::LENGTH + RequestId::MAX_BYTES;
/// Room for a `tracestate` as well.
const LONG: usize = SHORT + TraceState::FORWARDED_BYTES;
