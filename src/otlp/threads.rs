//! Which threads export: what happens on them is not exported itself, or it would never end.

use std::cell::Cell;

thread_local! {
    static EXPORTS: Cell<bool> = const { Cell::new(false) };
}

/// Makes this thread one that exports, to its end.
pub(super) fn mark_this() {
    EXPORTS.set(true);
}

/// Whether this thread exports.
pub(super) fn this_exports() -> bool {
    EXPORTS.get()
}
