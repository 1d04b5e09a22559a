//! The entrance to the metrics of databases.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::DatabaseOptions;
use super::instruments::Shared;
use super::pool::PoolMetrics;
use super::query::Query;
use crate::clock::Clock;
use crate::error::check_name;
use crate::metrics::{DefinitionError, LabelValue, Meter};

/// Gives the handles of database metrics. Cloning shares it.
///
/// ```
/// use aistm7_monitoring::clock::Clock;
/// use aistm7_monitoring::database::{Database, DatabaseOptions};
/// use aistm7_monitoring::metrics::{Meter, Registry};
///
/// let registry = Registry::new();
/// let database = Database::register(&Meter::new(&registry), Clock::system(), DatabaseOptions::new())?;
/// let load = database.query("load_portfolio"); // or `monitoring.database().query(…)`
/// # let _ = load;
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    pools: RwLock<HashMap<&'static str, PoolMetrics>>,
}

/// The pool of a service that has but one.
const DEFAULT_POOL: &str = "default";

impl Database {
    /// Registers the metrics of queries and pools.
    ///
    /// # Errors
    /// When the registry holds another metric under one of their names.
    pub fn register(meter: &Meter, clock: Clock, options: DatabaseOptions) -> Result<Self, DefinitionError> {
        let shared = Arc::new(Shared::register(meter, clock, options)?);
        Ok(Self(Arc::new(Inner { shared, pools: RwLock::default() })))
    }

    /// An operation on the pool `default`; see [`PoolMetrics::query`].
    pub fn query(&self, operation: &'static str) -> Query {
        self.pool(DEFAULT_POOL).query(operation)
    }

    /// The pool of this name, which is written in code and keeps the rule of [`PoolMetrics::query`].
    ///
    /// Cost: a lock and a map look-up, so keep it.
    pub fn pool(&self, name: &'static str) -> PoolMetrics {
        self.known(name).unwrap_or_else(|| self.admit(name))
    }

    fn known(&self, name: &str) -> Option<PoolMetrics> {
        self.0.pools.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn admit(&self, name: &'static str) -> PoolMetrics {
        let Inner { shared, pools } = &*self.0;
        // Outside the lock: the hook of the diagnostics is the user's code.
        let label = LabelValue::checked(name, check_name("pool", name), &shared.diagnostics);
        // Names that are refused share one.
        let key = if label.as_str() == name { name } else { LabelValue::OTHER };
        let mut pools = pools.write().unwrap_or_else(PoisonError::into_inner);
        pools.entry(key).or_insert_with(|| PoolMetrics::open(shared, label)).clone()
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}
