//! Waiting for a connection.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::live::Live;
use super::stats::PoolStats;
use crate::clock::Clock;
use crate::database::class::{ErrorClass, QueryError};
use crate::database::instruments::Shared;
use crate::database::outcome::Outcome;
use crate::database::timed::Record;
use crate::metrics::{Histogram, LabelValue};
use crate::trace::TraceContext;
use crate::work::{PerValue, closed_label};

/// A pool that gives connections. Implemented for those of sqlx, deadpool-postgres and bb8; see [`PoolStats`].
pub trait Acquire: PoolStats {
    /// A connection taken from the pool, given back when dropped.
    type Connection;
    /// Why there is none.
    type Error: QueryError;

    /// Takes a connection.
    ///
    /// # Errors
    /// When there is none.
    ///
    /// # Cancellation
    /// As the driver's own method.
    fn acquire_connection(&self) -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;
}

closed_label! {
    /// How a request for a connection ended: the `outcome` label of `db_pool_acquire_seconds`.
    pub enum AcquireOutcome {
        /// It got one.
        Ok = "ok",
        /// It got none in time. Pools of sqlx say so of a server that they cannot reach and of one that has no place left,
        /// too: they try again until the time is over. So do those of bb8 of every error, which they
        /// tell their `error_sink` only.
        Timeout = "timeout",
        /// The server cannot be reached, starts up or shuts down.
        Refused = "refused",
        /// User or password are refused.
        Auth = "auth",
        /// The server has no place left for another connection.
        TooManyConnections = "too_many_connections",
        /// No TLS connection as the settings ask for.
        Tls = "tls",
        /// The service has closed the pool.
        Closed = "closed",
        /// Any other error.
        Failed = "failed",
        /// Who waited let go.
        Cancelled = "cancelled",
        /// The driver panicked.
        Panicked = "panicked",
    }
}

impl From<Outcome> for AcquireOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Ok,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Panicked => Self::Panicked,
            Outcome::Failed(class) => match class {
                ErrorClass::PoolTimeout | ErrorClass::Timeout => Self::Timeout,
                ErrorClass::Connection | ErrorClass::Unavailable => Self::Refused,
                ErrorClass::Auth => Self::Auth,
                ErrorClass::TooManyConnections => Self::TooManyConnections,
                ErrorClass::Tls => Self::Tls,
                ErrorClass::PoolClosed => Self::Closed,
                _ => Self::Failed,
            },
        }
    }
}

/// The acquisitions of one pool.
pub(super) struct Acquisitions {
    pub(super) shared: Arc<Shared>,
    pub(super) pool: LabelValue,
    pub(super) live: Arc<Live>,
    durations: OnceLock<PerValue<AcquireOutcome, Histogram>>,
}

impl Acquisitions {
    pub(super) fn new(shared: &Arc<Shared>, pool: LabelValue) -> Self {
        Self { shared: Arc::clone(shared), pool, live: Arc::default(), durations: OnceLock::new() }
    }

    /// All at 0 when the first begins.
    fn durations(&self) -> &PerValue<AcquireOutcome, Histogram> {
        let family = &self.shared.families.acquire;
        let series = |outcome: AcquireOutcome| family.series([self.pool.clone(), outcome.into()]);
        self.durations.get_or_init(|| PerValue::resolve(series))
    }
}

impl Record for Acquisitions {
    fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    fn began(&self) {
        let _at_zero = self.durations();
        self.live.begin_waiting(&self.shared.families, &self.pool);
    }

    fn ended(&self, took: Duration, outcome: Outcome, context: Option<&TraceContext>) {
        self.live.end_waiting();
        self.durations().of(outcome.into()).record_duration_in(took, context);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_acquisitions_are_told_apart() {
        for (class, expected) in [
            (ErrorClass::PoolTimeout, "timeout"),
            (ErrorClass::Timeout, "timeout"),
            (ErrorClass::Connection, "refused"),
            (ErrorClass::Unavailable, "refused"),
            (ErrorClass::Auth, "auth"),
            (ErrorClass::TooManyConnections, "too_many_connections"),
            (ErrorClass::Tls, "tls"),
            (ErrorClass::PoolClosed, "closed"),
            (ErrorClass::Deadlock, "failed"),
        ] {
            assert_eq!(AcquireOutcome::from(Outcome::Failed(class)).as_str(), expected);
        }
    }
}
