//! How the replicas of a service share a lease.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{Bid, LeaseError, LeaseStore, Standing};
use crate::error::{InvalidValue, check_name};

/// Lets the replicas of a service agree on who does what is shared. Each shared check and collector has a lease of its
/// own, so the load spreads over the replicas.
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::store::lease::{Bid, Lease, LeaseError, Standing};
///
/// let lease = Lease::new(|_: Bid| async { Ok::<_, LeaseError>(Standing::default()) }).ttl(Duration::from_secs(30));
/// assert_eq!(lease.taken_over_within(), Duration::from_secs(50));
/// ```
#[derive(Clone)]
#[must_use = "a lease does nothing until a builder is given it"]
pub struct Lease {
    store: Arc<dyn DynLeaseStore>,
    ttl: Duration,
    namespace: Option<String>,
}

/// For how long a lease is granted unless [`Lease::ttl`] says otherwise. Chosen: a holder that dies is replaced within
/// half a minute, and each replica asks the store twelve times a minute.
pub const DEFAULT_TTL: Duration = Duration::from_secs(15);

/// Chosen: a third of it is still a patient wait for a store.
const SHORTEST_TTL: Duration = Duration::from_millis(300);
/// Chosen: for longer, nobody would notice in time that the holder is gone.
const LONGEST_TTL: Duration = Duration::from_secs(3600);

impl Lease {
    /// Leases in this store: a pool of PostgreSQL, a connection to Redis, a closure.
    pub fn new(store: impl LeaseStore) -> Self {
        Self { store: Arc::new(store), ttl: DEFAULT_TTL, namespace: None }
    }

    /// For how long a lease is granted. It is renewed every third of that, and as often do followers look for a new
    /// result or a free lease. Default: [`DEFAULT_TTL`].
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Who shares: processes that name the same namespace and the same store. Jobs of one name must then be the same job.
    /// Default: the service's name and environment.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// How long it takes at most until another replica has the lease of a holder that died, while the store answers: until
    /// the lease expires, until a follower asks again, and until it is answered.
    pub fn taken_over_within(&self) -> Duration {
        self.ttl + self.followed_within()
    }

    /// How long it takes at most until a result of the holder is known to its followers, while the store answers.
    pub fn followed_within(&self) -> Duration {
        self.bid_interval() + self.bid_limit()
    }

    /// From one bid to the next.
    pub(crate) fn bid_interval(&self) -> Duration {
        self.ttl / 3
    }

    /// How long a bid may take.
    pub(crate) fn bid_limit(&self) -> Duration {
        self.ttl / 3
    }

    pub(crate) const fn granted_for(&self) -> Duration {
        self.ttl
    }

    /// The same lease for the jobs of `default`, if no namespace was named.
    ///
    /// # Errors
    /// When a setting breaks its rule.
    pub(crate) fn checked(mut self, default: &str) -> Result<Self, InvalidValue> {
        match &self.namespace {
            Some(namespace) => check_name("lease namespace", namespace)?,
            None => self.namespace = Some(default.to_owned()),
        }
        if !(SHORTEST_TTL..=LONGEST_TTL).contains(&self.ttl) {
            return Err(InvalidValue::new("lease ttl", format_args!("{:?}", self.ttl), "300 ms to an hour"));
        }
        Ok(self)
    }

    /// Whether it was named who shares it.
    #[cfg(feature = "notify")]
    pub(crate) const fn has_namespace(&self) -> bool {
        self.namespace.is_some()
    }

    /// The name of a job's lease in the store.
    pub(crate) fn name_of(&self, job: &str) -> String {
        format!("{}/{job}", self.namespace.as_deref().unwrap_or_default())
    }

    pub(crate) fn bid(&self, bid: Bid) -> Pin<Box<dyn Future<Output = Result<Standing, LeaseError>> + Send + '_>> {
        self.store.bid(bid)
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("ttl", &self.ttl).field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// [`LeaseStore`] without its type.
trait DynLeaseStore: Send + Sync {
    fn bid(&self, bid: Bid) -> Pin<Box<dyn Future<Output = Result<Standing, LeaseError>> + Send + '_>>;
}

impl<S: LeaseStore> DynLeaseStore for S {
    fn bid(&self, bid: Bid) -> Pin<Box<dyn Future<Output = Result<Standing, LeaseError>> + Send + '_>> {
        Box::pin(LeaseStore::bid(self, bid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease() -> Lease {
        Lease::new(|_: Bid| async { Ok::<_, LeaseError>(Standing::default()) })
    }

    #[test]
    fn leases_are_named_after_who_shares_and_what() {
        assert_eq!(lease().checked("orders/prod").unwrap().name_of("check/solana"), "orders/prod/check/solana");
        let shared = lease().namespace("trading").checked("orders/prod").unwrap();
        assert_eq!(shared.name_of("check/solana"), "trading/check/solana");
    }

    #[test]
    fn settings_that_cannot_be_are_refused_by_name() {
        for (lease, what) in [
            (lease().ttl(Duration::from_millis(299)), "lease ttl"),
            (lease().ttl(Duration::from_secs(3601)), "lease ttl"),
            (lease().namespace("a b"), "lease namespace"),
        ] {
            assert_eq!(lease.checked("x").unwrap_err().what(), what);
        }
    }
}
