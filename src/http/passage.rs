//! Tells a request that passes the same layer a second time from a request of its own.

use std::cell::Cell;
use std::sync::Arc;

use super::shared::Common;
use crate::trace::TraceContext;

/// A request on its way through a layer, while the layer's service works for it on this thread.
///
/// A mark in the request's extensions would say the same and cost an allocation, often two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    /// Addresses, which are only compared; what lives there outlives the passage.
    layer: usize,
    context: Option<usize>,
}

thread_local! {
    static PRESENT: Cell<Option<Passage>> = const { Cell::new(None) };
}

impl Passage {
    #[inline]
    pub(super) fn of(layer: &Arc<Common>, context: Option<&TraceContext>) -> Self {
        Self { layer: Arc::as_ptr(layer).addr(), context: context.map(TraceContext::address) }
    }

    /// Whether the request is counted already, by the layer further out.
    ///
    /// A service may ask itself, in memory, for something else while it works for a request. If that request has a
    /// trace context, the other one has another, and is counted; if not, the two cannot be told apart.
    #[inline]
    pub(super) fn is_second(self) -> bool {
        let is_same = |outer: Passage| {
            outer.layer == self.layer && outer.context.is_none_or(|context| self.context == Some(context))
        };
        PRESENT.get().is_some_and(is_same)
    }

    /// Makes it the thread's present one until the guard is dropped.
    #[inline]
    pub(super) fn enter(self) -> Passing {
        Passing { previous: PRESENT.replace(Some(self)) }
    }
}

#[must_use = "the passage ends when this guard is dropped"]
pub(super) struct Passing {
    previous: Option<Passage>,
}

impl Drop for Passing {
    fn drop(&mut self) {
        PRESENT.set(self.previous);
    }
}
