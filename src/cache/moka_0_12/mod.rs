//! The caches of moka 0.12, measured.
//!
//! What they do is what moka's do; the methods here are those that have something to count, and
//! [`SyncCache::inner`] and [`FutureCache::inner`] lead to all others. Entries that leave are counted by a listener,
//! which [`SyncCache::build`] and [`FutureCache::build`] set. A service with a listener of its own keeps it:
//!
//! ```
//! # use aistm7_monitoring::{cache::Caches, clock::Clock, metrics::{Meter, Registry}};
//! # let registry = Registry::new();
//! # let caches = Caches::new(&Meter::new(&registry), Clock::system())?;
//! use aistm7_monitoring::cache::moka_0_12::SyncCache;
//! # use moka_0_12 as moka;
//!
//! let prices = caches.named("prices");
//! let counted = prices.clone();
//! let cache = moka::sync::Cache::builder()
//!     .max_capacity(10_000)
//!     .eviction_listener(move |_symbol, _price, cause| counted.removed(cause.into()))
//!     .build();
//! let cache: SyncCache<&str, f64> = SyncCache::new(cache, &prices);
//! # cache.insert("SOL", 142.5);
//! # cache.inner().invalidate("SOL");
//! # cache.inner().run_pending_tasks();
//! # let removed = "cache_removals_total{cache=\"prices\",reason=\"invalidated\"} 1\n";
//! # assert!(registry.render().contains(removed));
//! # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
//! ```
//!
//! # What is counted
//! - A look-up is a miss if its own load begins, or if it ends without a value; else a hit, also if the value came from a
//!   load that another caller had begun. One that is dropped while it waits for another's load is not counted.
//! - A load counts when it begins and ends once, by outcome: `ok` also if it finds that there is no value
//!   (`optionally_get_with`), `cancelled` if its future is dropped.
//! - After `run_pending_tasks`, `inserts = evictions + removals + entries`. moka tells of what has left when it gets
//!   round to it, so in between the sum lags behind.

mod future;
mod lookup;
mod sync;
#[cfg(test)]
mod tests;

use moka_0_12::notification::RemovalCause;

use super::Removal;
pub use future::FutureCache;
pub use sync::SyncCache;

impl From<RemovalCause> for Removal {
    fn from(cause: RemovalCause) -> Self {
        match cause {
            RemovalCause::Size => Self::Size,
            RemovalCause::Expired => Self::Expired,
            RemovalCause::Explicit => Self::Invalidated,
            RemovalCause::Replaced => Self::Replaced,
        }
    }
}
