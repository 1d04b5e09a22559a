//! How a run of a batch ended.

use crate::business::Outcome;
use crate::work::closed_label;

closed_label! {
    /// How a run of a batch ended: the `outcome` label of its durations.
    pub enum BatchOutcome {
        /// It succeeded.
        Ok = "ok",
        /// It said that it succeeded, and no item is done: most often a query that found nothing. It is no success.
        Empty = "empty",
        /// It returned `Err`.
        Failed = "failed",
        /// Its future was dropped before it was done.
        Cancelled = "cancelled",
        /// Its timer was dropped without a verdict, as an early return does.
        Abandoned = "abandoned",
        /// It panicked.
        Panicked = "panicked",
    }
}

impl From<Outcome> for BatchOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Ok,
            Outcome::Failed => Self::Failed,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Abandoned => Self::Abandoned,
            Outcome::Panicked => Self::Panicked,
        }
    }
}
