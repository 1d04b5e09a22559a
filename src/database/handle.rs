//! The entrance to the metrics of databases.

use std::fmt;
use std::sync::Arc;

use super::DatabaseOptions;
use super::instruments::Shared;
use super::pool::PoolMetrics;
#[cfg(feature = "postgres")]
use super::postgres::PostgresFacts;
use super::query::Query;
use crate::clock::Clock;
use crate::error::check_name;
#[cfg(feature = "postgres")]
use crate::metrics::CollectorError;
use crate::metrics::{DefinitionError, LabelValue, Meter};
#[cfg(feature = "postgres")]
use crate::store::postgres::PostgresSession;
use crate::work::PerName;

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
    #[cfg(feature = "postgres")]
    meter: Meter,
    shared: Arc<Shared>,
    pools: PerName<PoolMetrics>,
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
        Ok(Self(Arc::new(Inner {
            #[cfg(feature = "postgres")]
            meter: meter.clone(),
            shared,
            pools: PerName::new(),
        })))
    }

    /// An operation on the pool `default`; see [`PoolMetrics::query`].
    pub fn query(&self, operation: &'static str) -> Query {
        self.pool(DEFAULT_POOL).query(operation)
    }

    /// The pool of this name, which is written in code and keeps the rule of [`PoolMetrics::query`].
    ///
    /// Cost: a lock and a map look-up, so keep it.
    pub fn pool(&self, name: &'static str) -> PoolMetrics {
        let Inner { shared, pools, .. } = &*self.0;
        let label = LabelValue::checked(name, check_name("pool", name), &shared.diagnostics);
        pools.of(label, |label| PoolMetrics::open(shared, label.clone()))
    }

    /// Collects what a PostgreSQL server tells of itself, from now on and whenever somebody scrapes, under the name of a
    /// database that is written in code; see [`PostgresFacts`].
    ///
    /// ```
    /// # #[cfg(feature = "sqlx-0_9")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use aistm7_monitoring::Monitoring;
    /// use aistm7_monitoring::database::postgres::PostgresFacts;
    /// use sqlx_0_9::PgConnection;
    ///
    /// # let monitoring = Monitoring::builder("orders").build()?;
    /// let facts = PostgresFacts::<PgConnection>::from_url("postgres://monitoring@db/trading")?;
    /// monitoring.database().collect("trading", facts)?; // with `MonitoringBuilder::lease`, by one replica for all
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlx-0_9"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// When the name breaks a rule or is taken, a metric clashes with another, the numbers go to a recorder of the host's,
    /// or there is no Tokio runtime to connect in.
    #[cfg(feature = "postgres")]
    pub fn collect<S: PostgresSession>(
        &self,
        database: &'static str,
        facts: PostgresFacts<S>,
    ) -> Result<(), CollectorError> {
        facts.collect(database, &self.0.meter, &self.0.shared.clock)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}
