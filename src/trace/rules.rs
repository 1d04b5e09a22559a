//! The trace context of a request, by the options of a service.

use std::fmt;
use std::sync::Arc;

use http::header::HeaderMap;

use super::context::{Origin, TraceContext};
use super::foreign::{Claim, TraceSource};
use super::id::{TraceFlags, TraceId};
use super::options::{Caller, Restart, Trusts};
use super::propagation::X_REQUEST_ID;
use super::request_id::RequestId;
use super::sampling::Share;
use super::traceparent::Traceparent;
use super::tracestate::TraceState;
use super::values::single;
use crate::diagnostics::{Diagnostics, Problem};
use crate::fence::fenced;

/// [`TraceOptions`](super::TraceOptions) that were checked, or the default ones. Cloning costs one atomic add, or none.
#[derive(Clone, Default)]
pub struct TraceRules(Option<Arc<Rules>>);

pub(super) struct Rules {
    pub(super) sources: Vec<TraceSource>,
    pub(super) share: Share,
    pub(super) boundary: Option<Boundary>,
}

/// Behind it nobody is believed unless a rule trusts him.
pub(super) struct Boundary {
    pub(super) what: Restart,
    pub(super) trusts: Trusts,
    pub(super) diagnostics: Diagnostics,
}

static USUAL: Rules = Rules { sources: Vec::new(), share: Share::ALL, boundary: None };

impl From<Rules> for TraceRules {
    fn from(rules: Rules) -> Self {
        Self(Some(Arc::new(rules)))
    }
}

impl TraceRules {
    /// The trace context of a caller's request: a new span of his trace, or of one that begins here.
    #[inline]
    pub fn context(&self, caller: Caller<'_>) -> TraceContext {
        let rules = self.0.as_deref().unwrap_or(&USUAL);
        match rules.boundary.as_ref().and_then(|boundary| boundary.restart(caller)) {
            None => rules.context(caller.headers),
            Some(Restart::Trace) => rules.root(RequestId::from_headers(caller.headers)),
            Some(Restart::TraceAndRequestId) => rules.root(None),
        }
    }

    /// That of the default options.
    #[inline]
    pub(super) fn usual_context(headers: &HeaderMap) -> TraceContext {
        USUAL.context(headers)
    }
}

impl Rules {
    fn context(&self, headers: &HeaderMap) -> TraceContext {
        let request_id = RequestId::from_headers(headers);
        match Traceparent::from_headers(headers) {
            Some(parent) => continued(parent.into(), TraceState::from_headers(headers), request_id),
            None => {
                let claims = self.sources.iter().find_map(|source| source.read(headers, request_id.as_ref()));
                continued(self.origin(claims.unwrap_or_default()), TraceState::default(), request_id)
            }
        }
    }

    fn root(&self, request_id: Option<RequestId>) -> TraceContext {
        continued(self.origin(Claim::default()), TraceState::default(), request_id)
    }

    /// Decides what the caller left open.
    fn origin(&self, claim: Claim) -> Origin {
        let (trace_id, parent_id, random) = match claim.trace {
            Some(trace) => (trace.id, trace.parent, trace.random),
            None => (TraceId::random(), None, true),
        };
        let sampled = claim.sampled.unwrap_or_else(|| self.share.has(Some(trace_id)));
        Origin { trace_id, parent_id, flags: TraceFlags { sampled, random } }
    }
}

impl Boundary {
    /// `None` if the caller is trusted.
    fn restart(&self, caller: Caller<'_>) -> Option<Restart> {
        let Some(trusts) = &self.trusts else { return Some(self.what) };
        let said = fenced(|| trusts(caller));
        if said.is_none() {
            self.diagnostics.count(Problem::RulePanicked);
        }
        (!said.unwrap_or_default()).then_some(self.what)
    }
}

fn continued(origin: Origin, state: TraceState, request_id: Option<RequestId>) -> TraceContext {
    TraceContext::of(origin, state, request_id.unwrap_or_else(RequestId::generate))
}

impl RequestId {
    /// The id of a request that has exactly one, and a sane one.
    fn from_headers(headers: &HeaderMap) -> Option<Self> {
        single(headers, &X_REQUEST_ID).and_then(Self::accept)
    }
}

impl fmt::Debug for TraceRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceRules").finish_non_exhaustive()
    }
}
