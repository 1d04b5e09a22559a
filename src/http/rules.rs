//! Rules that the service gave run for its requests, and must not break them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::diagnostics::{Diagnostics, Problem};

/// What a rule says; `None` if it panicked, which is counted.
pub(super) fn run<T>(diagnostics: &Diagnostics, rule: impl FnOnce() -> T) -> Option<T> {
    // A rule that leaves its own state broken breaks only itself.
    let said = catch_unwind(AssertUnwindSafe(rule));
    if said.is_err() {
        diagnostics.count(Problem::RulePanicked);
    }
    said.ok()
}
