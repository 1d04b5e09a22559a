//! One operation on a pool, and the queries that it is made of.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::Stream;

use super::class::{ErrorClass, QueryError};
use super::instruments::Shared;
use super::outcome::{Outcome, QueryResult};
use super::slow::tell_slow;
use super::timed::{Record, Timed};
use crate::clock::Clock;
use crate::metrics::{Histogram, LabelValue};
use crate::trace::TraceContext;

/// An operation on a database, such as `load_portfolio`, whose queries are timed by outcome. Cloning shares it.
///
/// Resolve once, keep. A query costs two readings of the clock, a look at the thread's present trace and two atomic adds;
/// it allocates nothing. One that takes longer than the limit for slow queries is written to the log as one line, with the
/// trace that it began in, the operation and the outcome; bound values and SQL are never known here.
///
/// ```
/// # use aistm7_monitoring::{clock::Clock, database::{Database, DatabaseOptions}, metrics::{Meter, Registry}};
/// # use std::convert::Infallible;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), aistm7_monitoring::metrics::DefinitionError> {
/// # let registry = Registry::new();
/// # let database = Database::register(&Meter::new(&registry), Clock::system(), DatabaseOptions::new())?;
/// # async fn fetch_one() -> Result<u32, Infallible> { Ok(7) } // stands for a driver
/// let load = database.query("load_portfolio"); // once
///
/// let Ok(portfolio) = load.run(fetch_one()).await; // was `fetch_one().await`
/// assert_eq!(portfolio, 7);
/// let series = [("pool", "default"), ("operation", "load_portfolio"), ("outcome", "ok")];
/// registry.snapshot().assert_samples("db_query_duration_seconds", &series, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "it measures what it is given to run"]
pub struct Query(Arc<Operation>);

/// What the queries of one operation are recorded in.
pub(super) struct Operation {
    shared: Arc<Shared>,
    pool: LabelValue,
    name: LabelValue,
    /// Of many outcomes few are ever met.
    durations: [OnceLock<Histogram>; Outcome::COUNT],
}

impl Query {
    pub(super) fn new(operation: Arc<Operation>) -> Self {
        Self(operation)
    }

    /// Times a query from its first poll to its result, which is given unchanged.
    ///
    /// # Cancellation
    /// Dropping the future drops the query; once polled it counts as `cancelled`. `load.run(timeout(limit, query))` counts
    /// as `timeout` instead.
    pub fn run<F>(&self, query: F) -> impl Future<Output = F::Output> + use<F>
    where
        F: Future,
        F::Output: QueryResult,
    {
        Timed::new(query, Arc::clone(&self.0), F::Output::outcome)
    }

    /// As [`run`](Self::run), for errors that are no [`QueryError`]: `class` says what kind they are.
    ///
    /// ```
    /// # use aistm7_monitoring::{clock::Clock, database::*, metrics::{Meter, Registry}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::metrics::DefinitionError> {
    /// # let database = Database::register(&Meter::new(&Registry::new()), Clock::system(), DatabaseOptions::new())?;
    /// use std::io;
    ///
    /// let load = database.query("load_portfolio");
    /// let query = async { Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe)) };
    /// load.run_with(query, |_: &io::Error| ErrorClass::Connection).await.unwrap_err();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancellation
    /// As [`run`](Self::run).
    pub fn run_with<F, T, E, C>(&self, query: F, class: C) -> impl Future<Output = F::Output> + use<F, T, E, C>
    where
        F: Future<Output = Result<T, E>>,
        C: Fn(&E) -> ErrorClass,
    {
        Timed::new(query, Arc::clone(&self.0), outcome_by(class))
    }

    /// Times a query that gives its rows one by one, from the first poll to the end of the rows or the first error. What
    /// the caller does between rows is part of that: the query holds its connection meanwhile.
    ///
    /// # Cancellation
    /// Dropped before its end, also because the caller wants no more rows, it counts as `cancelled`.
    pub fn stream<S, T, E>(&self, rows: S) -> impl Stream<Item = S::Item> + use<S, T, E>
    where
        S: Stream<Item = Result<T, E>>,
        E: QueryError,
    {
        Timed::new(rows, Arc::clone(&self.0), Result::<T, E>::outcome)
    }

    /// As [`stream`](Self::stream), for errors that are no [`QueryError`]: `class` says what kind they are.
    ///
    /// # Cancellation
    /// As [`stream`](Self::stream).
    pub fn stream_with<S, T, E, C>(&self, rows: S, class: C) -> impl Stream<Item = S::Item> + use<S, T, E, C>
    where
        S: Stream<Item = Result<T, E>>,
        C: Fn(&E) -> ErrorClass,
    {
        Timed::new(rows, Arc::clone(&self.0), outcome_by(class))
    }

    /// Records a query that was measured elsewhere, in the thread's present trace.
    pub fn record(&self, took: Duration, outcome: Outcome) {
        self.0.ended(took, outcome, crate::trace::current().as_ref());
    }
}

pub(super) fn outcome_by<T, E>(class: impl Fn(&E) -> ErrorClass) -> impl Fn(&Result<T, E>) -> Outcome {
    move |result| match result {
        Ok(_) => Outcome::Ok,
        Err(error) => Outcome::Failed(class(error)),
    }
}

impl Operation {
    /// What ratios of success and error are made of exists at 0 from here on.
    pub(super) fn open(shared: &Arc<Shared>, pool: LabelValue, name: LabelValue) -> Arc<Self> {
        let operation = Self { shared: Arc::clone(shared), pool, name, durations: Default::default() };
        for outcome in [Outcome::Ok, Outcome::Failed(ErrorClass::Timeout), Outcome::Failed(ErrorClass::Other)] {
            let _created = operation.duration(outcome);
        }
        Arc::new(operation)
    }

    fn duration(&self, outcome: Outcome) -> &Histogram {
        self.durations[outcome.index()].get_or_init(|| {
            let labels = [self.pool.clone(), self.name.clone(), outcome.as_str().into()];
            self.shared.families.query_duration.series(labels)
        })
    }
}

impl Record for Operation {
    fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    #[inline]
    fn ended(&self, took: Duration, outcome: Outcome, context: Option<&TraceContext>) {
        self.duration(outcome).record_duration_in(took, context);
        if took >= self.shared.options.slow_after {
            let told = tell_slow(self.pool.as_str(), self.name.as_str(), took, outcome, context);
            self.shared.note(told);
        }
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operation { pool, name, .. } = &*self.0;
        f.debug_struct("Query").field("pool", &pool.as_str()).field("operation", &name.as_str()).finish_non_exhaustive()
    }
}
