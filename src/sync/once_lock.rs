//! The standard library's `OnceLock` on the primitives of a checker, which have none.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::primitives::{AtomicBool, Mutex};

/// A place that is filled once.
///
/// The value is in the real thing; who sees it when is up to the flag, with the orderings that the real one documents:
/// what was written before it was filled is seen by whoever finds it filled.
pub(crate) struct OnceLock<T> {
    value: std::sync::OnceLock<T>,
    is_filled: AtomicBool,
    /// Whoever fills it, or waits for that.
    filling: Mutex<()>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self { value: std::sync::OnceLock::new(), is_filled: AtomicBool::new(false), filling: Mutex::new(()) }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.is_filled.load(Ordering::Acquire).then(|| self.value.get().expect("OK because it was filled before"))
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let _filling = self.filling.lock().unwrap_or_else(PoisonError::into_inner);
        self.value.set(value)?;
        self.is_filled.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn get_or_init(&self, value: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let _filling = self.filling.lock().unwrap_or_else(PoisonError::into_inner);
        let value = self.value.get_or_init(value);
        self.is_filled.store(true, Ordering::Release);
        value
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        Self { value: value.into(), is_filled: AtomicBool::new(true), filling: Mutex::new(()) }
    }
}
