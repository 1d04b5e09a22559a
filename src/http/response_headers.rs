//! The two headers that a response gets.

use http::header::HeaderMap;

use crate::trace::TraceContext;

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
            Self::Both => context.add_to_response(headers),
            Self::RequestId => context.add_request_id(headers),
            Self::TraceResponse => context.add_traceresponse(headers),
            Self::Neither => {}
        }
    }
}
