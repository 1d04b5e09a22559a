//! Who of the replicas does a shared job, and what came of it.
//!
//! ```text
//! every replica -- Bid: "mine, if it is free" --> LeaseStore, by its own clock -- Standing: whose it is, what was published
//!     holder:    does the job, publishes the result with its next bid
//!     followers: show that result
//! ```
//!
//! One atomic exchange does it all, so a store is a type with one method, or a closure. Those of the drivers are there
//! by feature: PostgreSQL keeps one row a lease (`sqlx-0_8`, `sqlx-0_9`, `deadpool-postgres-0_14`, see
//! `POSTGRES_LEASE_TABLE`), Redis three keys (`redis-1`). Nobody compares clocks: leases expire by the store's, ages are
//! measured by it, and a holder counts on its lease for less time than the store grants it.
//!
//! A holder that was paused cannot do harm when it wakes: what it publishes names the epoch in which it was worked out,
//! and the store takes it only from the holder of that epoch.

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "for tests")]
pub(crate) mod board;
mod collectors;
mod instruments;
mod options;
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "sqlx-0_8", feature = "sqlx-0_9"))]
pub(in crate::store) mod postgres;
#[cfg(feature = "redis-1")]
pub(in crate::store) mod redis;

use std::time::Duration;

pub(crate) use self::collectors::LeasedCollectors;
pub(crate) use self::instruments::{LeaseFamilies, LeaseInstruments};
pub use self::options::{DEFAULT_TTL, Lease};
#[cfg(any(feature = "deadpool-postgres-0_14", feature = "sqlx-0_8", feature = "sqlx-0_9"))]
pub use self::postgres::POSTGRES_LEASE_TABLE;
use super::DriverError;

/// Where replicas leave their leases. Implemented for the pools of PostgreSQL and Redis' connections by the features of the
/// drivers, and for closures.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
/// use aistm7_monitoring::store::lease::{Bid, Lease, LeaseError, Standing};
///
/// // Asks an elector that the service has already; what it elects, it also passes on.
/// let lease = Lease::new(|bid: Bid| async move {
///     let elected: Option<u64> = ask_the_elector(&bid.lease, &bid.holder).await.map_err(LeaseError::store)?;
///     Ok(Standing { epoch: elected, published: None })
/// });
/// # let _ = lease;
/// # async fn ask_the_elector(_: &str, _: &str) -> Result<Option<u64>, std::io::Error> { Ok(Some(1)) }
/// ```
pub trait LeaseStore: Send + Sync + 'static {
    /// Does, at once for all others:
    ///
    /// 1. If the lease is held by `bid.holder` and has not expired: stores `bid.publication` if it is of the present
    ///    epoch. [`Wish::Hold`] makes the lease expire `bid.ttl` from now, [`Wish::Yield`] now.
    /// 2. Else, if nobody holds it or it has expired, and the wish is to hold: gives it to `bid.holder` for `bid.ttl`, in
    ///    an epoch of a higher number than any before.
    ///
    /// Time is the store's own.
    ///
    /// # Errors
    /// When the store cannot be asked or does not do it.
    ///
    /// # Cancellation
    /// Dropped when it takes longer than a third of `bid.ttl`; it may have been done by then.
    fn bid(&self, bid: Bid) -> impl Future<Output = Result<Standing, LeaseError>> + Send;
}

impl<F, Fut> LeaseStore for F
where
    F: Fn(Bid) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Standing, LeaseError>> + Send,
{
    fn bid(&self, bid: Bid) -> impl Future<Output = Result<Standing, LeaseError>> + Send {
        self(bid)
    }
}

/// What a replica asks of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bid {
    /// The lease's name: characters that need no quoting in a path.
    pub lease: String,
    /// Who asks: another name for each process, also after a restart.
    pub holder: String,
    /// For how long the lease is asked for.
    pub ttl: Duration,
    /// What is asked for.
    pub wish: Wish,
    /// What the job came to, if the replica believes that it holds the lease.
    pub publication: Option<Publication>,
}

impl Bid {
    /// Asks for a lease, with nothing to publish.
    pub fn new(lease: impl Into<String>, holder: impl Into<String>, ttl: Duration) -> Self {
        Self { lease: lease.into(), holder: holder.into(), ttl, wish: Wish::Hold, publication: None }
    }
}

/// Whether a replica wants the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To have it, or to keep it.
    Hold,
    /// To give it up, or not to get it: the process drains, or cannot do the job.
    Yield,
}

/// A result that a holder wants others to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The epoch in which it was worked out.
    pub epoch: u64,
    /// Text, at most [`LONGEST_RESULT`] bytes. Nothing in it is secret.
    pub result: String,
}

/// How things are after a bid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The epoch of the lease if the bidder holds it: a number that grows with each new holder.
    pub epoch: Option<u64>,
    /// What was published last, by whomever.
    pub published: Option<Published>,
}

/// A result to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The text, as it was published.
    pub result: String,
    /// How long ago that was, by the store's clock.
    pub age: Duration,
}

/// The longest result that is published. Chosen: far more than a check says of itself, and little for a row.
pub const LONGEST_RESULT: usize = 64 * 1024;

/// Why a bid came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// The store cannot be asked, or refuses.
    #[error("the lease's store failed")]
    Store(#[source] DriverError),
    /// The table of leases is not in the database.
    #[error("the table of leases is missing: run POSTGRES_LEASE_TABLE in a migration")]
    MissingTable,
    /// The store answers something else than a standing.
    #[error("the lease's store answers {answer:?}, which is no standing")]
    Unreadable {
        /// What it answered.
        answer: String,
    },
}

impl LeaseError {
    /// A failure of the store, with its cause.
    pub fn store(error: impl Into<DriverError>) -> Self {
        Self::Store(error.into())
    }
}
