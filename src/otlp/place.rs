//! Where in a trace something happens.

use opentelemetry_proto::tonic::trace::v1::Span;

use crate::trace::{self, SpanId, TraceContext, TraceFlags, TraceId, TraceState};

/// A trace and the span of it that something is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) flags: TraceFlags,
    pub(super) state: TraceState,
}

impl Place {
    /// The span that a context is itself.
    pub(super) fn of(context: &TraceContext) -> Self {
        Self {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            flags: context.flags(),
            state: context.state().clone(),
        }
    }

    /// What a span here has of it: the ids and the state.
    pub(super) fn into_span(self) -> Span {
        Span {
            trace_id: self.trace_id.to_bytes().to_vec(),
            span_id: self.span_id.to_bytes().to_vec(),
            trace_state: self.state.as_str().unwrap_or_default().to_owned(),
            ..Span::default()
        }
    }

    /// That of the thread's present context.
    pub(super) fn present() -> Option<Self> {
        trace::current().as_ref().map(Self::of)
    }
}

/// Of the place of the spans around and that of the present context, the one that counts: the context's, as for the log's
/// lines, unless the spans are inside it.
pub(super) fn closer(spans: Option<Place>, context: Option<Place>) -> Option<Place> {
    match (spans, context) {
        (Some(spans), Some(context)) if spans.trace_id != context.trace_id => Some(context),
        (Some(spans), _) => Some(spans),
        (None, context) => context,
    }
}

/// The octet of `traceparent` as the protocol has it.
pub(super) fn flags(flags: TraceFlags) -> u32 {
    flags.bits().into()
}
