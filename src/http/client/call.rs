//! One call to another service: begun once, ended exactly once.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use http::{Method, StatusCode};

use super::account::{Account, End};
use crate::http::labels::{MethodLabel, Outcome};
use crate::trace::{MeasuredSpan, SpanId, Target, TraceContext};

/// A call that is under way, for clients that no layer fits.
///
/// It ends with [`Call::answered`] or [`Call::failed`]. Dropped before, as by a future that nobody polls to its end, it
/// counts as `cancelled`, or as `panicked` while its thread unwinds.
///
/// Cost: two readings of the clock, four atomic adds; no allocation.
///
/// ```
/// # use aistm7_monitoring::{clock::Clock, http::client::ClientInstruments, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let prices = ClientInstruments::register(&Meter::new(&registry), Clock::system())?.peer("prices");
/// # fn ask(_: http::HeaderMap) -> Result<http::StatusCode, ()> { Ok(http::StatusCode::OK) }
/// use http::Method;
///
/// let call = prices.call(&Method::GET);
/// match ask(prices.headers()) {
///     Ok(status) => call.answered(status),
///     Err(_) => call.failed(),
/// }
/// let labels = [("peer", "prices"), ("method", "GET"), ("status_class", "2xx"), ("outcome", "ok")];
/// assert_eq!(registry.snapshot().value("client_request_duration_seconds", &labels), Some(1.0));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[must_use = "a call that is dropped at once counts as cancelled"]
pub struct Call {
    account: Arc<Account>,
    method: MethodLabel,
    began: Instant,
    /// Whether code of the client runs right now: a drop meanwhile is its unwinding.
    running: bool,
    end: Option<End>,
    span: Option<CallSpan>,
}

/// The span that a call is, if its trace is collected.
pub(super) struct CallSpan {
    pub(super) context: TraceContext,
    pub(super) span_id: SpanId,
    pub(super) parent: SpanId,
}

impl Call {
    pub(super) fn begin(account: Arc<Account>, method: &Method, span: Option<CallSpan>) -> Self {
        let method = MethodLabel::of(method);
        let began = account.begin(method);
        Self { account, method, began, running: false, end: None, span }
    }

    /// The head of a response came.
    pub fn answered(self, status: StatusCode) {
        self.ended(Some(status));
    }

    /// There is an error instead of a response.
    pub fn failed(self) {
        self.ended(None);
    }

    /// With the status of a response, or with an error instead of one.
    pub(super) fn ended(mut self, status: Option<StatusCode>) {
        self.end = Some(match status {
            Some(status) => End::answered(self.method, status),
            None => End::unanswered(Outcome::Failed),
        });
    }

    /// Runs code of the client, so that a panic is told from a cancellation.
    pub(super) fn run<T>(&mut self, code: impl FnOnce() -> T) -> T {
        self.running = true;
        let value = code();
        self.running = false;
        value
    }
}

/// The one place that records, so that each call is recorded once.
impl Drop for Call {
    fn drop(&mut self) {
        let panicked = self.running || std::thread::panicking();
        let dropped = if panicked { Outcome::Panicked } else { Outcome::Cancelled };
        let end = self.end.unwrap_or(End::unanswered(dropped));
        let took = self.account.end(self.method, end, self.began);
        if let (Some(spans), Some(span)) = (self.account.spans(), &self.span) {
            spans.ended(&MeasuredSpan {
                context: &span.context,
                span_id: span.span_id,
                parent: Some(span.parent),
                took,
                method: self.method.as_str(),
                target: Target::Peer(self.account.peer()),
                status: end.status(),
                failure: end.failure(),
            });
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (peer, method) = (self.account.peer(), self.method.as_str());
        f.debug_struct("Call").field("peer", &peer).field("method", &method).finish_non_exhaustive()
    }
}
