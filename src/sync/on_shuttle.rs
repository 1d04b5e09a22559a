//! The primitives of shuttle, which tries many orders of their steps; every step sees what was stored last.

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, fence};
pub(crate) use shuttle::sync::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use super::once_lock::OnceLock;

/// Threads are numbered as they are started, from 0 in every execution.
pub(crate) fn number_of_this_thread() -> usize {
    shuttle::thread::current().id().into()
}
