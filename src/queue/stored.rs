//! A queue that is kept in a store: a table, a list, a stream.

use std::sync::Arc;
use std::time::Duration;

use super::instruments::Instruments;
use super::labels::Rejection;
use super::ledger::Flow;
use crate::metrics::{AskOptions, CollectFailure, Collection, CollectorError, LabelValue, Meter, ask_regularly};
use crate::work::{Record, Timed};

/// The metrics of one queue that is kept in a store, such as a table of PostgreSQL's or a list or stream of Redis'.
/// Cloning shares it.
///
/// What waits there is asked for, see [`sample`](Self::sample); what this process puts in and works on is counted here.
///
/// ```no_run
/// # #[cfg(feature = "sqlx-0_9")]
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::time::Duration;
/// # use sqlx_0_9 as sqlx;
/// # let monitoring = aistm7_monitoring::Monitoring::builder("orders").build()?;
/// # let pool = sqlx::PgPool::connect_lazy("postgres://localhost/orders")?;
/// # async fn settle() -> std::io::Result<()> { Ok(()) }
/// use aistm7_monitoring::metrics::AskOptions;
/// use aistm7_monitoring::queue::QueueSample;
///
/// const WAITING: &str = "SELECT count(*), extract(epoch FROM now() - min(created_at))::float8 FROM settlements WHERE done_at IS NULL";
///
/// let settlements = monitoring.queue().stored("settlements");
/// settlements.sample(AskOptions::new(), move || {
///     let pool = pool.clone();
///     async move {
///         let (depth, age): (i64, Option<f64>) = sqlx::query_as(WAITING).fetch_one(&pool).await?;
///         let age = age.and_then(|age| Duration::try_from_secs_f64(age).ok());
///         Ok::<_, sqlx::Error>(QueueSample { depth: depth.unsigned_abs(), oldest_age: age })
///     }
/// })?;
/// settlements.enqueued(1);
/// settlements.work().execute_async(settle()).await?; // whoever took it from the table
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlx-0_9"))] fn main() {}
/// ```
#[derive(Clone, Debug)]
#[must_use = "a handle counts nothing by itself"]
pub struct StoredQueue {
    flow: Arc<Flow>,
    work: Timed,
    sampled: Arc<Sampled>,
}

/// What gives the samples their place.
#[derive(Debug)]
struct Sampled {
    meter: Meter,
    instruments: Arc<Instruments>,
    queue: LabelValue,
}

/// What waits in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSample {
    /// How many items.
    pub depth: u64,
    /// How long the one that came first has waited; `None` if nothing waits, or that is not known.
    pub oldest_age: Option<Duration>,
}

impl StoredQueue {
    pub(super) fn new(meter: &Meter, instruments: &Arc<Instruments>, queue: &LabelValue, flow: Arc<Flow>) -> Self {
        let work = Timed::new(Arc::<Flow>::clone(&flow) as Arc<dyn Record>);
        let (meter, instruments) = (meter.clone(), Arc::clone(instruments));
        Self { flow, work, sampled: Arc::new(Sampled { meter, instruments, queue: queue.clone() }) }
    }

    /// Counts items that this process put in.
    pub fn enqueued(&self, items: u64) {
        self.flow.enqueued.add(items);
    }

    /// Counts an item that did not get in.
    pub fn rejected(&self, reason: Rejection) {
        self.flow.reject(reason);
    }

    /// Records how long an item had waited that this process took out, by what the store says of its age.
    pub fn waited(&self, time: Duration) {
        self.flow.wait.record_duration(time);
    }

    /// The work on items that this process took out, timed, and counted by outcome.
    pub fn work(&self) -> &Timed {
        &self.work
    }

    /// Asks regularly what waits, and shows it: `queue_stored_depth`, `queue_stored_oldest_age_seconds`. The question is
    /// asked when somebody scrapes, on the runtime that this is called in; nobody waits for the answer, which the next
    /// scrape shows. One that fails or does not come in time is counted in `monitoring_collector_runs_total`, of the
    /// collector `queue-` and the queue's name, and shows nothing, never 0, once what was known is too old.
    ///
    /// Every replica shows the same depth, so replicas are aggregated by `max`. `ask` must keep neither the
    /// monitoring nor this handle: it would keep itself.
    ///
    /// # Errors
    /// When there is no runtime, when the queue is asked for already, or when the numbers go to a recorder of the host's.
    pub fn sample<A, F, E>(&self, options: AskOptions, mut ask: A) -> Result<(), CollectorError>
    where
        A: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<QueueSample, E>>,
        E: Into<CollectFailure>,
    {
        let Sampled { meter, instruments, queue } = &*self.sampled;
        let ask = move || {
            let asked = ask();
            async move { asked.await.map_err(Into::into) }
        };
        let (depth, age) = (instruments.stored_depth.clone(), instruments.stored_oldest_age.clone());
        let label = queue.clone();
        let give = move |sample: QueueSample, collection: &mut Collection| {
            // The cast is exact up to 2^53.
            collection.set(&depth, [label.clone()], sample.depth as f64);
            // Nothing waits: that is known.
            let nothing = (sample.depth == 0).then_some(Duration::ZERO);
            if let Some(oldest_age) = sample.oldest_age.or(nothing) {
                collection.set(&age, [label.clone()], oldest_age.as_secs_f64());
            }
        };
        ask_regularly(meter, &instruments.base.clock, &format!("queue-{}", queue.as_str()), options, ask, give)
    }
}
