//! What a pool says of itself.

/// How many connections a pool has, when it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolCounts {
    /// Connections that somebody uses, or that are being opened.
    pub in_use: u32,
    /// Connections that nobody uses.
    pub idle: u32,
    /// The most that the pool opens.
    pub max: u32,
    /// Requests that wait for a connection, if the pool knows.
    pub waiting: Option<u32>,
    /// Connections that were opened since the pool began, if the pool knows. Only grows.
    pub opened: Option<u64>,
    /// Connections that were closed since the pool began, if the pool knows. Only grows.
    pub closed: Option<u64>,
}

impl PoolCounts {
    /// Of counts that are not read at once: a connection cannot be idle without being there.
    pub fn of_size(size: u32, idle: u32, max: u32) -> Self {
        let idle = idle.min(size);
        Self { in_use: size - idle, idle, max, ..Self::default() }
    }

    /// With the requests that wait for a connection.
    #[must_use]
    pub fn waiting(self, requests: u32) -> Self {
        Self { waiting: Some(requests), ..self }
    }

    /// With the connections that were opened since the pool began.
    #[must_use]
    pub fn opened(self, connections: u64) -> Self {
        Self { opened: Some(connections), ..self }
    }

    /// With the connections that were closed since the pool began.
    #[must_use]
    pub fn closed(self, connections: u64) -> Self {
        Self { closed: Some(connections), ..self }
    }

    pub(super) fn size(&self) -> u64 {
        u64::from(self.in_use) + u64::from(self.idle)
    }

    /// `None` for a pool that opens none.
    pub(super) fn utilization(&self) -> Option<f64> {
        (self.max > 0).then(|| f64::from(self.in_use) / f64::from(self.max))
    }
}

/// A pool that says how full it is. Implemented for the pools of sqlx (features `sqlx-0_8`, `sqlx-0_9`) whatever their
/// database, for those of deadpool-postgres (feature `deadpool-postgres-0_14`) and bb8 (feature `bb8-0_9`), and for closures,
/// which fit any other:
///
/// ```
/// use aistm7_monitoring::database::PoolCounts;
/// # use aistm7_monitoring::{clock::Clock, database::*, metrics::{Meter, Registry}};
/// # #[derive(Clone)] struct OwnPool;
/// # impl OwnPool { fn open(&self) -> u32 { 3 } fn free(&self) -> u32 { 1 } }
/// # let registry = Registry::new();
/// # let database = Database::register(&Meter::new(&registry), Clock::system(), DatabaseOptions::new())?;
/// # let pool = OwnPool;
///
/// const MAX: u32 = 8; // as it is built with
/// let asked = pool.clone();
/// database.pool("trading").observe(move || PoolCounts::of_size(asked.open(), asked.free(), MAX));
/// let in_use = [("pool", "trading"), ("state", "in_use")];
/// assert_eq!(registry.snapshot().value("db_pool_connections", &in_use), Some(2.0));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
pub trait PoolStats: Send + Sync + 'static {
    /// How full it is now. Asked for at each scrape, a few times; it must not wait.
    fn counts(&self) -> PoolCounts;
}

impl<F: Fn() -> PoolCounts + Send + Sync + 'static> PoolStats for F {
    fn counts(&self) -> PoolCounts {
        self()
    }
}
