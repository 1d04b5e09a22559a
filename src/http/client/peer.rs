//! A service that this one calls.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method};
use tower_layer::Layer;

use super::account::Account;
use super::call::{Call, CallSpan};
use super::service::PeerClient;
use crate::trace::{self, Carried, SpanId, TraceContext};

/// A service that this one calls, by a declared name: a tower layer for its client, and more; see the
/// [module](super). Cloning costs one atomic add.
#[derive(Clone)]
#[must_use = "a peer measures nothing by itself"]
pub struct Peer {
    account: Arc<Account>,
    propagation: Propagation,
}

/// Whether calls carry the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Propagation {
    /// `traceparent`, `tracestate` and `x-request-id`, each only if the call has none. For services of one's own.
    #[default]
    Trace,
    /// No header. For foreign services, which the ids do not concern.
    Nothing,
}

impl Peer {
    pub(super) fn new(account: Arc<Account>) -> Self {
        Self { account, propagation: Propagation::default() }
    }

    /// Chooses whether calls carry the trace. Default: [`Propagation::Trace`].
    pub fn propagation(mut self, propagation: Propagation) -> Self {
        self.propagation = propagation;
        self
    }

    /// The name, as the `peer` label has it.
    pub fn name(&self) -> &str {
        self.account.peer()
    }

    /// Begins a call that the caller ends.
    pub fn call(&self, method: &Method) -> Call {
        Call::begin(Arc::clone(&self.account), method, None)
    }

    /// The headers of a call from here, with a span id of its own. None outside a request: a trace that nobody else
    /// here is in would tell the peer nothing.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.add_headers(trace::current(), &mut headers);
        headers
    }

    /// Begins a call, and adds the headers that it lacks.
    pub(super) fn call_with_headers(
        &self,
        method: &Method,
        context: Option<TraceContext>,
        headers: &mut HeaderMap,
    ) -> Call {
        let span = self.add_headers(context, headers);
        Call::begin(Arc::clone(&self.account), method, span)
    }

    /// Adds what a call lacks. A call whose headers name another span is none of ours.
    fn add_headers(&self, context: Option<TraceContext>, headers: &mut HeaderMap) -> Option<CallSpan> {
        let (context, span_id) = (context?, SpanId::random());
        if self.propagation == Propagation::Trace && context.add_to_call_of(span_id, headers) == Carried::Nothing {
            return None;
        }
        let spans = self.account.spans().filter(|_| context.flags().sampled)?;
        Some(CallSpan { parent: spans.present(&context), context, span_id })
    }
}

impl<S> Layer<S> for Peer {
    type Service = PeerClient<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PeerClient::new(inner, self.clone())
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("name", &self.name()).field("propagation", &self.propagation).finish()
    }
}
