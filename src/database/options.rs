//! What a service sets of its database metrics.

use std::time::Duration;

/// Settings of the database metrics.
#[derive(Clone, Copy, Debug)]
#[must_use = "options do nothing until a builder is given them"]
pub struct DatabaseOptions {
    pub(super) slow_after: Duration,
}

/// Chosen: the guide's limit for the 95th percentile of whole requests, so a query that takes it is never a usual one.
pub const DEFAULT_SLOW_AFTER: Duration = Duration::from_millis(500);

impl DatabaseOptions {
    /// The target of what is logged, for directives such as `aistm7_monitoring::database=off`.
    pub const TARGET: &str = "aistm7_monitoring::database";

    /// Slow queries are those that take [`DEFAULT_SLOW_AFTER`].
    pub fn new() -> Self {
        Self { slow_after: DEFAULT_SLOW_AFTER }
    }

    /// From which duration on a query is written to the log, as one line at level WARN.
    pub fn slow_after(self, slow_after: Duration) -> Self {
        Self { slow_after }
    }
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self::new()
    }
}
