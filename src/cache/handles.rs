//! The entrance to cache metrics.

use std::sync::Arc;

use super::instruments::Instruments;
use super::labels::CacheName;
use super::metrics::CacheMetrics;
use crate::clock::Clock;
use crate::metrics::{DefinitionError, Meter};
use crate::work::PerName;

/// Gives the handles of caches. Cloning shares it.
///
/// Resolving a handle takes locks, look-ups and allocations: do it once and keep the handle.
///
/// ```
/// use aistm7_monitoring::cache::Caches;
/// use aistm7_monitoring::clock::Clock;
/// use aistm7_monitoring::metrics::{Meter, Registry};
///
/// let registry = Registry::new();
/// let caches = Caches::new(&Meter::new(&registry), Clock::system())?;
/// let portfolios = caches.named("portfolios");
/// portfolios.hit();
/// assert!(registry.render().contains("cache_requests_total{cache=\"portfolios\",result=\"hit\"} 1\n"));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Caches(pub(super) Arc<Known>);

#[derive(Debug)]
pub(super) struct Known {
    pub(super) instruments: Instruments,
    handles: PerName<CacheMetrics>,
    #[cfg(feature = "redis")]
    pub(super) meter: Meter,
}

impl Caches {
    /// Registers the cache metrics.
    ///
    /// # Errors
    /// When the registry holds another metric of one of their names.
    pub fn new(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        let instruments = Instruments::register(meter, clock)?;
        Ok(Self(Arc::new(Known {
            instruments,
            handles: PerName::new(),
            #[cfg(feature = "redis")]
            meter: meter.clone(),
        })))
    }

    /// The handle of the cache, or of all caches, of this name: what they are is added up.
    pub fn named(&self, name: impl Into<CacheName>) -> CacheMetrics {
        let Known { instruments, handles, .. } = &*self.0;
        let name = name.into().resolve(&instruments.base.diagnostics);
        handles.of(name, |name| CacheMetrics::new(instruments, name))
    }
}
