//! The handle of a pool.

use std::fmt;
use std::sync::Arc;

use super::acquire::Acquisitions;
use super::live::Openings;
use super::measured::MeasuredPool;
use super::stats::PoolStats;
use crate::database::class::ErrorClass;
use crate::database::instruments::Shared;
use crate::database::outcome::QueryResult;
use crate::database::query::{Operation, Query, outcome_by};
use crate::database::timed::Timed;
use crate::error::check_name;
use crate::metrics::LabelValue;
use crate::work::PerName;

/// What is measured of one pool, by its declared name. Cloning shares it.
///
/// ```
/// # #[cfg(feature = "sqlx-0_9")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use aistm7_monitoring::Monitoring;
/// # let monitoring = Monitoring::builder("orders").build()?;
/// use sqlx_0_9::postgres::PgPoolOptions;
///
/// let trading = monitoring.database().pool("trading");
/// let openings = trading.openings();
/// let options = PgPoolOptions::new().after_connect(move |_, _| {
///     openings.increment(); // sqlx itself does not tell how often it connects
///     Box::pin(async { Ok(()) })
/// });
/// let pool = trading.measure(options.connect_lazy("postgres://app@db/trading")?);
/// let load = pool.query("load_portfolio");
/// # let _ = load;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlx-0_9"))] fn main() {}
/// ```
#[derive(Clone)]
#[must_use = "it measures what it is given"]
pub struct PoolMetrics(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    name: LabelValue,
    acquisitions: Arc<Acquisitions>,
    operations: PerName<Arc<Operation>>,
}

impl PoolMetrics {
    pub(in crate::database) fn open(shared: &Arc<Shared>, name: LabelValue) -> Self {
        let acquisitions = Arc::new(Acquisitions::new(shared, name.clone()));
        Self(Arc::new(Inner { shared: Arc::clone(shared), name, acquisitions, operations: PerName::new() }))
    }

    /// The name, as the `pool` label has it.
    pub fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// An operation on the pool, by a name that is written in code: 1 to 63 of `a-z`, `0-9`, `-`, `_` and `.`, starting
    /// with a letter or digit. Any other is `_other`, and counted as the problem `unknown_label_value`.
    ///
    /// Cost: a lock and a map look-up, so resolve once and keep it.
    pub fn query(&self, operation: &'static str) -> Query {
        let Inner { shared, name, operations, .. } = &*self.0;
        let label = LabelValue::checked(operation, check_name("operation", operation), &shared.diagnostics);
        Query::new(operations.of(label, |label| Operation::open(shared, name.clone(), label.clone())))
    }

    /// Shows how full a pool is from now on, in place of one that was shown before under this name. The pool is kept as
    /// long as the registry is.
    ///
    /// Read when somebody reads the registry, so a recorder of the host's shows none of it.
    pub fn observe(&self, pool: impl PoolStats) {
        let Inner { shared, name, acquisitions, .. } = &*self.0;
        acquisitions.live.observe(Arc::new(pool), &shared.families, name);
    }

    /// [Observes](Self::observe) a pool and gives it back with the metrics at hand.
    pub fn measure<P: PoolStats + Clone>(&self, pool: P) -> MeasuredPool<P> {
        self.observe(pool.clone());
        MeasuredPool { pool, metrics: self.clone() }
    }

    /// Times a request for a connection, from its first poll, whichever pool it is made to.
    ///
    /// # Cancellation
    /// Dropping the future drops the request; once polled it counts as `cancelled`.
    pub fn acquire<F>(&self, connection: F) -> impl Future<Output = F::Output> + use<F>
    where
        F: Future,
        F::Output: QueryResult,
    {
        Timed::new(connection, Arc::clone(&self.0.acquisitions), F::Output::outcome)
    }

    /// As [`acquire`](Self::acquire), for errors that are no [`QueryError`](crate::database::QueryError), such as those of
    /// a pool that this crate does not know: `class` says what kind they are.
    ///
    /// # Cancellation
    /// As [`acquire`](Self::acquire).
    pub fn acquire_with<F, T, E, C>(&self, connection: F, class: C) -> impl Future<Output = F::Output> + use<F, T, E, C>
    where
        F: Future<Output = Result<T, E>>,
        C: Fn(&E) -> ErrorClass,
    {
        Timed::new(connection, Arc::clone(&self.0.acquisitions), outcome_by(class))
    }

    /// For the hooks of pools that do not count the connections that they open (sqlx's `after_connect`, deadpool's
    /// `post_create`). From here on they are shown; how many were closed follows from how many there are.
    pub fn openings(&self) -> Openings {
        let Inner { shared, name, acquisitions, .. } = &*self.0;
        acquisitions.live.openings(&shared.families, name)
    }
}

impl fmt::Debug for PoolMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolMetrics").field("name", &self.name()).finish_non_exhaustive()
    }
}
