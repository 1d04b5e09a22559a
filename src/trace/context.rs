//! The trace context of one request, and the thread's present one.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use super::id::{SampledSpan, SpanId, TraceFlags, TraceId};
use super::request_id::RequestId;
use super::traced::InTrace;
use super::traceparent::Traceparent;
use super::tracestate::TraceState;

/// Which trace, which span and which request work belongs to. Cloning costs one atomic add.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceContext(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    trace_id: TraceId,
    span_id: SpanId,
    /// The caller's span; `None` in a trace that began here.
    parent_id: Option<SpanId>,
    flags: TraceFlags,
    state: TraceState,
    request_id: RequestId,
}

/// Where a trace comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) trace_id: TraceId,
    /// `None` if no span of the trace is known.
    pub(super) parent_id: Option<SpanId>,
    pub(super) flags: TraceFlags,
}

impl From<Traceparent> for Origin {
    fn from(parent: Traceparent) -> Self {
        let Traceparent { trace_id, parent_id, flags } = parent;
        Self { trace_id, parent_id: Some(parent_id), flags }
    }
}

impl TraceContext {
    /// A context of its own: new trace, new request id, sampled.
    pub fn new_root() -> Self {
        let flags = TraceFlags { sampled: true, random: true };
        let origin = Origin { trace_id: TraceId::random(), parent_id: None, flags };
        Self::of(origin, TraceState::default(), RequestId::generate())
    }

    /// A new span of a trace.
    pub(super) fn of(origin: Origin, state: TraceState, request_id: RequestId) -> Self {
        let Origin { trace_id, parent_id, flags } = origin;
        Self(Arc::new(Inner { trace_id, span_id: SpanId::random(), parent_id, flags, state, request_id }))
    }

    /// The same with another `tracestate`, for the calls that are made with it.
    ///
    /// ```
    /// use aistm7_monitoring::trace::{TRACESTATE, TraceContext};
    ///
    /// let context = TraceContext::new_root();
    /// let changed = context.with_state(context.state().with("aistm7", "desk:7")?);
    /// let mut call = http::HeaderMap::new();
    /// changed.add_to_call(&mut call);
    /// assert_eq!(call[TRACESTATE], "aistm7=desk:7");
    /// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
    /// ```
    #[must_use]
    pub fn with_state(&self, state: TraceState) -> Self {
        let Inner { trace_id, span_id, parent_id, flags, .. } = *self.0;
        let request_id = self.0.request_id.clone();
        Self(Arc::new(Inner { trace_id, span_id, parent_id, flags, state, request_id }))
    }

    /// The trace: what `traceId` in the log says.
    pub fn trace_id(&self) -> TraceId {
        self.0.trace_id
    }

    /// This process's own span in the trace.
    pub fn span_id(&self) -> SpanId {
        self.0.span_id
    }

    /// The caller's span, of which [`Self::span_id`] is a child; `None` if the trace began here or the caller did not say.
    pub fn parent_span_id(&self) -> Option<SpanId> {
        self.0.parent_id
    }

    /// Sampling and randomness, as the caller or this process decided.
    pub fn flags(&self) -> TraceFlags {
        self.0.flags
    }

    /// This process's own span, if the trace is sampled.
    pub(crate) fn sampled_span(&self) -> Option<SampledSpan> {
        let Inner { trace_id, span_id, flags, .. } = *self.0;
        flags.sampled.then_some(SampledSpan { trace_id, span_id })
    }

    /// What tracing systems say to each other along the trace.
    pub fn state(&self) -> &TraceState {
        &self.0.state
    }

    /// The request's id.
    pub fn request_id(&self) -> &RequestId {
        &self.0.request_id
    }

    /// Makes this the thread's present context until the guard is dropped.
    ///
    /// For synchronous work; a guard must not be held across an `.await` (the compiler refuses it in spawned tasks).
    pub fn enter(&self) -> Entered {
        Entered { previous: swap(Some(self.clone())), not_send: std::marker::PhantomData }
    }

    /// Tells this context and its clones from every other one that exists.
    #[cfg(feature = "http")]
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Runs a future with this as its present context, on whatever thread polls or drops it.
    pub fn scope<F>(self, future: F) -> InTrace<F> {
        InTrace::of(self, future)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceContext")
            .field("trace_id", &self.0.trace_id)
            .field("span_id", &self.0.span_id)
            .field("request_id", &self.0.request_id)
            .finish_non_exhaustive()
    }
}

thread_local! {
    static PRESENT: RefCell<Option<TraceContext>> = const { RefCell::new(None) };
}

/// The present context of this thread, if it works for a request. Cost: a thread-local read and an atomic add.
pub fn current() -> Option<TraceContext> {
    // A thread that is being torn down works for nobody.
    PRESENT.try_with(|present| present.borrow().clone()).ok().flatten()
}

/// The trace of the present context. Cost: a thread-local read; the context is looked at, not cloned.
#[cfg(feature = "log")]
pub(crate) fn current_trace_id() -> Option<TraceId> {
    PRESENT.try_with(|present| Some(present.borrow().as_ref()?.trace_id())).ok().flatten()
}

/// The span of the present context, if its trace is sampled. Cost: a thread-local read; the context is looked at, not cloned.
pub(crate) fn current_sampled_span() -> Option<SampledSpan> {
    PRESENT.try_with(|present| present.borrow().as_ref()?.sampled_span()).ok().flatten()
}

/// Whether this is the thread's present context. Cheaper than asking [`current`].
#[cfg(any(feature = "database", feature = "http"))]
pub(crate) fn is_current(context: &TraceContext) -> bool {
    let is_same = |present: &TraceContext| Arc::ptr_eq(&present.0, &context.0);
    PRESENT.try_with(|present| present.borrow().as_ref().is_some_and(is_same)).unwrap_or_default()
}

/// Makes a context, or none, the thread's present one until the guard is dropped. Nothing is done if it already is.
#[cfg(any(feature = "database", feature = "http"))]
pub(crate) fn enter_only(context: Option<&TraceContext>) -> Option<Entered> {
    let is_there = match context {
        Some(context) => is_current(context),
        None => PRESENT.try_with(|present| present.borrow().is_none()).unwrap_or(true),
    };
    (!is_there).then(|| Entered { previous: swap(context.cloned()), not_send: std::marker::PhantomData })
}

fn swap(next: Option<TraceContext>) -> Option<TraceContext> {
    PRESENT.try_with(|present| present.replace(next)).ok().flatten()
}

/// Restores the context that was present before, when dropped.
#[must_use = "the context is left again when this guard is dropped"]
#[derive(Debug)]
pub struct Entered {
    previous: Option<TraceContext>,
    /// The guard restores a thread's state, so it must stay on its thread.
    not_send: std::marker::PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        swap(self.previous.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_restore_what_was_present_before() {
        let (outer, inner) = (TraceContext::new_root(), TraceContext::new_root());
        assert_eq!(current(), None);
        {
            let _outer = outer.enter();
            {
                let _inner = inner.enter();
                assert_eq!(current().as_ref(), Some(&inner));
            }
            assert_eq!(current().as_ref(), Some(&outer));
        }
        assert_eq!(current(), None);
    }

    #[test]
    fn present_span_is_known_if_its_trace_is_sampled() {
        let sampled = TraceContext::new_root();
        let flags = TraceFlags { sampled: false, random: true };
        let origin = Origin { trace_id: TraceId::random(), parent_id: None, flags };
        let unsampled = TraceContext::of(origin, TraceState::default(), RequestId::generate());
        assert_eq!(current_sampled_span(), None);
        let _sampled = sampled.enter();
        let (trace_id, span_id) = (sampled.trace_id(), sampled.span_id());
        assert_eq!(current_sampled_span(), Some(SampledSpan { trace_id, span_id }));
        let _unsampled = unsampled.enter();
        assert_eq!(current_sampled_span(), None);
    }
}
