//! The primitives of loom, which tries every order of their steps and every value that an ordering lets a load see.

use std::cell::Cell;
use std::sync::atomic::Ordering;

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, fence};
pub(crate) use loom::sync::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use super::once_lock::OnceLock;

loom::lazy_static! {
    /// Of the standard library: dealing numbers is not what is checked, and gives the checker no step to reorder.
    static ref NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
}

loom::thread_local! {
    static NUMBER: Cell<Option<usize>> = Cell::new(None);
}

/// Threads are dealt numbers in turn, from 0 in every execution, when they first need one.
pub(crate) fn number_of_this_thread() -> usize {
    NUMBER.with(|number| {
        let own = number.get().unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed));
        number.set(Some(own));
        own
    })
}
