//! How large caches are, asked when somebody reads.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::instruments::Instruments;
use crate::metrics::{Family, Gauge, LabelValue};

/// How large a cache is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSize {
    entries: u64,
    weight: Option<u64>,
    capacity: Option<u64>,
}

impl CacheSize {
    /// So many entries; no weights, no limit.
    pub const fn of_entries(entries: u64) -> Self {
        Self { entries, weight: None, capacity: None }
    }

    /// The sum of the entries' weights, such as their bytes.
    #[must_use]
    pub const fn weight(self, weight: u64) -> Self {
        Self { weight: Some(weight), ..self }
    }

    /// The largest weight, or number of entries if they have no weights, that the cache may have.
    #[must_use]
    pub const fn capacity(self, capacity: u64) -> Self {
        Self { capacity: Some(capacity), ..self }
    }
}

/// The caches of one name that can be asked.
#[derive(Debug)]
pub(super) struct Sampled {
    samplers: Arc<Samplers>,
    /// Told to read once there is something to ask.
    gauges: [(Part, Family<Gauge, 1>); 3],
    cache: LabelValue,
    shown: OnceLock<()>,
}

/// What is shown of a size.
type Part = fn(&CacheSize) -> Option<u64>;

impl Sampled {
    pub(super) fn new(instruments: &Instruments, cache: &LabelValue) -> Self {
        let gauges: [(Part, _); 3] = [
            (|size| Some(size.entries), instruments.entries.clone()),
            (|size| size.weight, instruments.weighted_size.clone()),
            (|size| size.capacity, instruments.capacity.clone()),
        ];
        Self { samplers: Arc::default(), gauges, cache: cache.clone(), shown: OnceLock::new() }
    }

    pub(super) fn add(&self, read: impl Fn() -> Option<CacheSize> + Send + Sync + 'static) {
        self.samplers.list().push(Arc::new(read));
        self.shown.get_or_init(|| {
            for (part, family) in &self.gauges {
                let (part, samplers) = (*part, Arc::clone(&self.samplers));
                family.observe([self.cache.clone()], move || samplers.sum(part));
            }
        });
    }
}

type Sampler = Arc<dyn Fn() -> Option<CacheSize> + Send + Sync>;

#[derive(Default)]
struct Samplers(Mutex<Vec<Sampler>>);

impl Samplers {
    /// The sum over the caches that are still there and have such a part; `None` without one.
    fn sum(&self, part: Part) -> Option<f64> {
        // Foreign code runs without the lock.
        let samplers = self.list().clone();
        let mut sum: Option<u64> = None;
        for sampler in &samplers {
            match sampler().as_ref().map(part) {
                Some(Some(number)) => sum = Some(sum.unwrap_or_default().saturating_add(number)),
                Some(None) => {}
                None => self.list().retain(|present| !Arc::ptr_eq(present, sampler)),
            }
        }
        // The cast is exact up to 2^53.
        sum.map(|sum| sum as f64)
    }

    fn list(&self) -> MutexGuard<'_, Vec<Sampler>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Samplers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Samplers").field("caches", &self.list().len()).finish()
    }
}
