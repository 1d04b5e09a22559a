//! moka's cache for threads.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use moka_0_12::sync::{Cache, CacheBuilder};

use super::lookup::{Loaded, Lookup};
use crate::cache::{CacheMetrics, CacheSize};

/// A [`moka::sync::Cache`](Cache) that is measured. Cloning shares it, as moka's does.
///
/// ```
/// # use aistm7_monitoring::{cache::Caches, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let caches = Caches::new(&Meter::new(&registry), Clock::system())?;
/// use aistm7_monitoring::cache::moka_0_12::SyncCache;
/// # use moka_0_12 as moka;
///
/// let prices = SyncCache::build(moka::sync::Cache::builder().max_capacity(10_000), &caches.named("prices"));
/// assert_eq!(prices.get_with("SOL", || 142.5), 142.5); // loads
/// assert_eq!(prices.get("SOL"), Some(142.5)); // is there
/// # let page = registry.render();
/// # assert!(page.contains("cache_requests_total{cache=\"prices\",result=\"hit\"} 1\n"));
/// # assert!(page.contains("cache_requests_total{cache=\"prices\",result=\"miss\"} 1\n"));
/// # assert!(page.contains("cache_capacity{cache=\"prices\"} 10000\n"));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
pub struct SyncCache<K, V, S = RandomState>(Arc<Measured<K, V, S>>);

/// The metrics hold it weakly, so that it goes with its last user.
struct Measured<K, V, S> {
    cache: Cache<K, V, S>,
    metrics: CacheMetrics,
}

impl<K, V> SyncCache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Builds a cache that tells of every entry that leaves. A listener that the builder has is replaced; the
    /// [module](super) says how to keep it.
    pub fn build(builder: CacheBuilder<K, V, Cache<K, V>>, metrics: &CacheMetrics) -> Self {
        let counted = metrics.clone();
        let builder = builder.eviction_listener(move |_, _, cause| counted.removed(cause.into()));
        Self::new(builder.build(), metrics)
    }
}

impl<K, V, S> SyncCache<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    /// Measures a cache that is built. What leaves it is counted only if its own listener does, see the [module](super).
    pub fn new(cache: Cache<K, V, S>, metrics: &CacheMetrics) -> Self {
        let measured = Arc::new(Measured { cache, metrics: metrics.clone() });
        let weak = Arc::downgrade(&measured);
        metrics.sample(move || {
            let cache = &weak.upgrade()?.cache;
            let size = CacheSize::of_entries(cache.entry_count()).weight(cache.weighted_size());
            Some(cache.policy().max_capacity().map_or(size, |capacity| size.capacity(capacity)))
        });
        Self(measured)
    }

    /// moka's cache, for what is not measured.
    pub fn inner(&self) -> &Cache<K, V, S> {
        &self.0.cache
    }

    /// A clone of the value, if it is there.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = self.0.cache.get(key);
        Lookup::new(&self.0.metrics).ended(Loaded::of_option(&found));
        found
    }

    /// Puts a value in, in the place of another if there is one.
    pub fn insert(&self, key: K, value: V) {
        self.0.cache.insert(key, value);
        self.0.metrics.inserted();
    }

    /// The value, loaded if it is not there; callers who come meanwhile wait for it.
    pub fn get_with(&self, key: K, load: impl FnOnce() -> V) -> V {
        let mut lookup = Lookup::new(&self.0.metrics);
        let value = self.0.cache.get_with(key, || lookup.load(load, Loaded::of_value));
        lookup.ended(Loaded::Value);
        value
    }

    /// As [`get_with`](Self::get_with), for a value that may not exist.
    pub fn optionally_get_with(&self, key: K, load: impl FnOnce() -> Option<V>) -> Option<V> {
        let mut lookup = Lookup::new(&self.0.metrics);
        let value = self.0.cache.optionally_get_with(key, || lookup.load(load, Loaded::of_option));
        lookup.ended(Loaded::of_option(&value));
        value
    }

    /// As [`get_with`](Self::get_with), for a load that may fail.
    ///
    /// # Errors
    /// That of the load which this caller, or the one it waited for, did.
    pub fn try_get_with<E>(&self, key: K, load: impl FnOnce() -> Result<V, E>) -> Result<V, Arc<E>>
    where
        E: Send + Sync + 'static,
    {
        let mut lookup = Lookup::new(&self.0.metrics);
        let value = self.0.cache.try_get_with(key, || lookup.load(load, Loaded::of_result));
        lookup.ended(Loaded::of_result(&value));
        value
    }
}

impl<K, V, S> Clone for SyncCache<K, V, S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Without keys and values, which may be anybody's.
impl<K, V, S> fmt::Debug for SyncCache<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncCache").field("entries", &self.0.cache.entry_count()).finish_non_exhaustive()
    }
}
