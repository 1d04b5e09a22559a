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
    /// Addresses, which are only compared; what lives there outlives the passage. [`NOTHING`] where there is none.
    layer: usize,
    context: usize,
}

/// No value lives at this address.
const NOTHING: usize = 0;

thread_local! {
    static PRESENT: Cell<Passage> = const { Cell::new(Passage { layer: NOTHING, context: NOTHING }) };
}

impl Passage {
    #[inline]
    pub(super) fn of(layer: &Arc<Common>, context: Option<&TraceContext>) -> Self {
        Self { layer: Arc::as_ptr(layer).addr(), context: context.map_or(NOTHING, TraceContext::address) }
    }

    /// Whether the request is counted already, by the layer further out.
    ///
    /// A service may ask itself, in memory, for something else while it works for a request. If that request has a
    /// trace context, the other one has another, and is counted; if not, the two cannot be told apart.
    #[inline]
    pub(super) fn is_second(self) -> bool {
        let outer = PRESENT.get();
        outer.layer == self.layer && (outer.context == NOTHING || outer.context == self.context)
    }

    /// Makes it the thread's present one until the guard is dropped.
    #[inline]
    pub(super) fn enter(self) -> Passing {
        Passing { previous: PRESENT.replace(self) }
    }
}

#[must_use = "the passage ends when this guard is dropped"]
pub(super) struct Passing {
    previous: Passage,
}

impl Drop for Passing {
    #[inline]
    fn drop(&mut self) {
        PRESENT.set(self.previous);
    }
}
