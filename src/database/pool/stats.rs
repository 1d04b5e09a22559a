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
/// database, for those of deadpool-postgres (feature `deadpool-postgres-0_14`), and for closures, which fit any other:
///
/// ```
/// # mod bb8 {
/// #     pub struct State { pub connections: u32, pub idle_connections: u32, pub statistics: Statistics }
/// #     #[derive(Default)]
/// #     pub struct Statistics { pub connections_created: u64, pub connections_closed_broken: u64 }
/// #     #[derive(Clone)] pub struct Pool;
/// #     impl Pool { pub fn state(&self) -> State {
/// #         State { connections: 3, idle_connections: 1, statistics: Statistics { connections_created: 5, ..Default::default() } }
/// #     } }
/// # }
/// use aistm7_monitoring::database::PoolCounts;
/// # use aistm7_monitoring::{clock::Clock, database::*, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let database = Database::register(&Meter::new(&registry), Clock::system(), DatabaseOptions::new())?;
/// # let pool = bb8::Pool;
///
/// const MAX: u32 = 8; // as it is built with, which bb8 itself does not tell
/// let asked = pool.clone(); // a pool of bb8
/// database.pool("trading").observe(move || {
///     let state = asked.state();
///     PoolCounts::of_size(state.connections, state.idle_connections, MAX).opened(state.statistics.connections_created)
/// });
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
