//! Which spans each thread is in, by layer.
//!
//! The registry knows it too, but its answer takes two looks at a span's place in it, each with two atomic operations, and
//! is wanted for every span and every event.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::span::Id;

/// The spans of one layer that threads are in. A layer with a filter of its own is told only of those that it has.
#[derive(Debug)]
pub(super) struct Entered {
    /// A process never has so many layers that one number comes twice.
    layer: u64,
}

/// One time that a thread has entered a span and not left it.
#[derive(Debug)]
struct Entry {
    layer: u64,
    span: Id,
    /// The thread was in that span already, which keeps the place that it had, as in the registry.
    again: bool,
}

thread_local! {
    /// Of all layers, the innermost last.
    static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

impl Entered {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Ordering: only that no number comes twice.
        Self { layer: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    pub(super) fn enter(&self, span: &Id) {
        // A thread that is being torn down keeps nothing.
        let _ = ENTRIES.try_with(|entries| {
            let mut entries = entries.borrow_mut();
            let again = entries.iter().any(|entry| self.is_of(entry, span));
            entries.push(Entry { layer: self.layer, span: span.clone(), again });
        });
    }

    pub(super) fn exit(&self, span: &Id) {
        let _ = ENTRIES.try_with(|entries| {
            let mut entries = entries.borrow_mut();
            // Nearly always the last one.
            if let Some(last) = entries.iter().rposition(|entry| self.is_of(entry, span)) {
                entries.remove(last);
            }
        });
    }

    /// The innermost span that this thread is in. `None` also while the thread is being torn down.
    pub(super) fn innermost(&self) -> Option<Id> {
        let innermost = ENTRIES.try_with(|entries| {
            let entries = entries.borrow();
            let innermost = entries.iter().rfind(|entry| entry.layer == self.layer && !entry.again);
            innermost.map(|entry| entry.span.clone())
        });
        innermost.ok().flatten()
    }

    fn is_of(&self, entry: &Entry, span: &Id) -> bool {
        entry.layer == self.layer && entry.span == *span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn innermost_span_is_that_of_the_layer_that_was_entered_last_and_not_left() {
        let [first, second] = [Entered::new(), Entered::new()];
        let [a, b] = [1, 2].map(Id::from_u64);
        first.enter(&a);
        second.enter(&b);
        assert_eq!((first.innermost(), second.innermost()), (Some(a.clone()), Some(b.clone())));
        first.enter(&b);
        // Entered again, it stays where it was; left once, the thread is still in it.
        first.enter(&a);
        assert_eq!(first.innermost(), Some(b.clone()));
        first.exit(&a);
        first.exit(&b);
        assert_eq!(first.innermost(), Some(a.clone()));
        // Left out of order, and one that was never entered.
        second.enter(&a);
        second.exit(&b);
        second.exit(&b);
        assert_eq!(second.innermost(), Some(a.clone()));
        first.exit(&a);
        assert_eq!(first.innermost(), None);
        assert_eq!(std::thread::spawn(move || second.innermost()).join().expect("no panic"), None);
    }
}
