//! Spans that this crate measures by itself, for whoever collects them. The slices that measure know nothing of how spans
//! leave the process.

use std::time::Duration;

use http::StatusCode;

use super::context::TraceContext;
use super::id::SpanId;

/// Where measured spans go.
pub(crate) trait SpanSink: Send + Sync {
    /// The span that work for a context belongs to on this thread right now: the context's own, or one inside it.
    fn present(&self, context: &TraceContext) -> SpanId;

    /// A span ends now. Does not wait.
    fn ended(&self, span: &MeasuredSpan<'_>);
}

/// One request or call, at its end.
#[cfg_attr(not(feature = "otlp"), allow(dead_code, reason = "only an export reads it"))]
pub(crate) struct MeasuredSpan<'a> {
    /// The trace that the span is of.
    pub(crate) context: &'a TraceContext,
    pub(crate) span_id: SpanId,
    /// `None` for the first span of a trace.
    pub(crate) parent: Option<SpanId>,
    pub(crate) took: Duration,
    /// One of the known methods, or `_OTHER`.
    pub(crate) method: &'a str,
    pub(crate) target: Target<'a>,
    pub(crate) status: Option<StatusCode>,
    /// What went wrong, in one word; `None` if nothing did.
    pub(crate) failure: Option<&'a str>,
}

/// Whom it was for. Server's spans are those of routes, client's those of peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// By its template.
    Route(&'a str),
    /// A request that no route matched.
    Unmatched,
    Peer(&'a str),
}
