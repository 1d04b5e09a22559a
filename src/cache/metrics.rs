//! What is counted of one cache.

use std::sync::Arc;

use super::instruments::Instruments;
use super::labels::{CacheResult, Removal};
use super::size::{CacheSize, Sampled};
use crate::metrics::{Counter, LabelValue};
use crate::work::{PerValue, Timed, timed};

/// The metrics of one cache. Cloning shares it; recording is an atomic add and allocates nothing.
///
/// For a cache of any make. Of moka's, [`moka_0_12`](super::moka_0_12) wraps all of this up.
///
/// ```
/// # use aistm7_monitoring::{cache::Caches, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let caches = Caches::new(&Meter::new(&registry), Clock::system())?;
/// # use std::collections::HashMap;
/// let prices = caches.named("prices");
/// let mut cache: HashMap<&str, f64> = HashMap::new();
///
/// let found = cache.get("SOL").copied();
/// let price = prices.read_through(found, || "142.5".parse())?; // a miss, and a load that is timed
/// cache.insert("SOL", price);
/// prices.inserted();
/// let found = cache.get("SOL").copied();
/// assert_eq!(prices.read_through(found, || "no number".parse()), Ok(price)); // a hit: nothing is loaded
///
/// let page = registry.render();
/// assert!(page.contains("cache_requests_total{cache=\"prices\",result=\"hit\"} 1\n"));
/// assert!(page.contains("cache_load_duration_seconds_count{cache=\"prices\",outcome=\"ok\"} 1\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a handle counts nothing by itself"]
pub struct CacheMetrics(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    results: PerValue<CacheResult, Counter>,
    inserts: Counter,
    removals: PerValue<Removal, Counter>,
    loads: Timed,
    sampled: Sampled,
}

impl CacheMetrics {
    pub(super) fn new(instruments: &Instruments, cache: &LabelValue) -> Self {
        let removal = |removal: Removal| {
            let family = if removal.is_eviction() { &instruments.evictions } else { &instruments.removals };
            family.series([cache.clone(), removal.into()])
        };
        Self(Arc::new(Handles {
            results: PerValue::resolve(|result: CacheResult| {
                instruments.requests.series([cache.clone(), result.into()])
            }),
            inserts: instruments.inserts.series([cache.clone()]),
            removals: PerValue::resolve(removal),
            loads: timed(&instruments.base, &instruments.load_duration, |outcome| [cache.clone(), outcome]),
            sampled: Sampled::new(instruments, cache),
        }))
    }

    /// Counts a look-up that found its value.
    #[inline]
    pub fn hit(&self) {
        self.record(CacheResult::Hit);
    }

    /// Counts a look-up that found nothing.
    #[inline]
    pub fn miss(&self) {
        self.record(CacheResult::Miss);
    }

    /// Counts a look-up that got no answer, as from a cache in another process.
    #[inline]
    pub fn failed(&self) {
        self.record(CacheResult::Failed);
    }

    /// Counts a look-up by what the cache said.
    #[inline]
    pub fn record(&self, result: CacheResult) {
        self.0.results.of(result).increment();
    }

    /// Counts a value that was put in.
    #[inline]
    pub fn inserted(&self) {
        self.0.inserts.increment();
    }

    /// Counts an entry that left.
    #[inline]
    pub fn removed(&self, removal: Removal) {
        self.0.removals.of(removal).increment();
    }

    /// The loads of values that the cache did not have, timed by outcome.
    pub fn loads(&self) -> &Timed {
        &self.0.loads
    }

    /// Gives what was found, which is a hit; else counts a miss and loads the value, timed, and counted once however it
    /// ends: a panic goes on, counted as `panicked`. To keep the value is part of `load`, or comes after it.
    ///
    /// # Errors
    /// Those of `load`.
    pub fn read_through<T, E>(&self, found: Option<T>, load: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        match found {
            Some(value) => {
                self.hit();
                Ok(value)
            }
            None => {
                self.miss();
                self.loads().execute(load)
            }
        }
    }

    /// As [`read_through`](Self::read_through), for a load that is a future. The look-up counts when the future that this
    /// gives is first polled; after a hit `load` never is.
    ///
    /// # Errors
    /// Those of `load`.
    ///
    /// # Cancellation
    /// Dropping the future drops `load`; once started that counts as `cancelled`.
    pub fn read_through_async<T, E, F>(
        &self,
        found: Option<T>,
        load: F,
    ) -> impl Future<Output = Result<T, E>> + use<T, E, F>
    where
        F: Future<Output = Result<T, E>>,
    {
        let metrics = self.clone();
        async move {
            match found {
                Some(value) => {
                    metrics.hit();
                    Ok(value)
                }
                None => {
                    metrics.miss();
                    metrics.loads().execute_async(load).await
                }
            }
        }
    }

    /// Shows how large a cache is, asked whenever somebody reads the metrics, until `read` gives `None`: the cache is no
    /// more. Several caches of one name are added up. `read` must neither wait nor keep the cache, so it holds a
    /// [`Weak`](std::sync::Weak) of it.
    ///
    /// A recorder of the host's never reads: sizes are missing there, which is counted as `observation_unread`.
    ///
    /// ```
    /// # use aistm7_monitoring::{cache::Caches, clock::Clock, metrics::{Meter, Registry}};
    /// # let registry = Registry::new();
    /// # let caches = Caches::new(&Meter::new(&registry), Clock::system())?;
    /// use std::collections::HashMap;
    /// use std::sync::{Arc, Mutex, PoisonError};
    /// use aistm7_monitoring::cache::CacheSize;
    ///
    /// let cache = Arc::new(Mutex::new(HashMap::from([("SOL", 142.5)])));
    /// let weak = Arc::downgrade(&cache);
    /// caches.named("prices").sample(move || {
    ///     let cache = weak.upgrade()?;
    ///     let entries = cache.lock().unwrap_or_else(PoisonError::into_inner).len();
    ///     Some(CacheSize::of_entries(entries as u64).capacity(1_000))
    /// });
    /// assert!(registry.render().contains("cache_entries{cache=\"prices\"} 1\n"));
    /// drop(cache);
    /// assert!(!registry.render().contains("cache_entries{cache=\"prices\"}"));
    /// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
    /// ```
    pub fn sample(&self, read: impl Fn() -> Option<CacheSize> + Send + Sync + 'static) {
        self.0.sampled.add(read);
    }
}
