//! The line of a slow query.

use std::time::Duration;

use super::DatabaseOptions;
use super::outcome::Outcome;
use crate::fence::fenced;
use crate::trace::{self, TraceContext};

/// Tells whoever subscribes, in the query's own trace; `None` if a subscriber panicked.
///
/// A query may be dropped while a panic unwinds, so nothing that a subscriber of the host's does comes out of this.
/// Out of line, so that it costs the other queries little.
#[inline(never)]
#[must_use]
pub(super) fn tell_slow(
    pool: &str,
    operation: &str,
    took: Duration,
    outcome: Outcome,
    context: Option<&TraceContext>,
) -> Option<()> {
    fenced(|| {
        let _entered = trace::enter_only(context);
        // A root: a query ends where another request's span may be entered, or none.
        tracing::warn!(
            target: DatabaseOptions::TARGET,
            parent: None,
            pool,
            operation,
            outcome = outcome.as_str(),
            duration_seconds = took.as_secs_f64(),
            "Slow query"
        );
    })
}
