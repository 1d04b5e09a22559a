//! The primitives of services.

use std::cell::Cell;

pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, fence};
pub(crate) use std::sync::{Mutex, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard};

use std::sync::atomic::Ordering;

/// Threads are dealt numbers in turn, when they first need one.
#[inline]
pub(crate) fn number_of_this_thread() -> usize {
    const NONE: usize = usize::MAX;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(NONE) };
    }
    // `Cell<usize>` has no destructor, so the thread has it to its very end.
    match NUMBER.get() {
        NONE => {
            // Ordering: a lone number.
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            NUMBER.set(number);
            number
        }
        number => number,
    }
}
