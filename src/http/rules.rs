//! Rules that the service gave run for its requests, and must not break them.

use crate::diagnostics::{Diagnostics, Problem};
use crate::fence::fenced;

/// What a rule says; `None` if it panicked, which is counted.
pub(super) fn run<T>(diagnostics: &Diagnostics, rule: impl FnOnce() -> T) -> Option<T> {
    let said = fenced(rule);
    if said.is_none() {
        diagnostics.count(Problem::RulePanicked);
    }
    said
}
