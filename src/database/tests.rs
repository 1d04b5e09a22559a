//! Queries and pools on a held clock.

use std::future::{pending, ready};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{Stream, stream};
use tracing::field::{Field, Visit};
use tracing::span;

use super::*;
use crate::clock::ManualClock;
use crate::diagnostics::Problem;
use crate::metrics::{Meter, Registry};
use crate::trace::{self, TraceContext};

const QUERIES: &str = "db_query_duration_seconds";
const ACQUIRE: &str = "db_pool_acquire_seconds";

#[derive(Debug, PartialEq)]
struct Refused(ErrorClass);

impl QueryError for Refused {
    fn class(&self) -> ErrorClass {
        self.0
    }
}

struct Bench {
    registry: Registry,
    held: ManualClock,
    database: Database,
}

fn bench() -> Bench {
    let (registry, held) = (Registry::new(), ManualClock::new());
    let options = DatabaseOptions::new();
    let database = Database::register(&Meter::new(&registry), held.clock(), options).unwrap();
    Bench { registry, held, database }
}

impl Bench {
    /// One query of the operation is recorded in all, with this outcome, and it took as many seconds.
    #[track_caller]
    fn recorded(&self, operation: &str, outcome: &str, seconds: f64) {
        let snapshot = self.registry.snapshot();
        let labels = [("pool", "default"), ("operation", operation), ("outcome", outcome)];
        snapshot.assert_samples(QUERIES, &[("operation", operation)], 1);
        snapshot.assert_samples(QUERIES, &labels, 1);
        assert_eq!(snapshot.histogram(QUERIES, &labels).unwrap().sum, seconds);
    }

    fn pool_value(&self, metric: &str) -> Option<f64> {
        self.registry.snapshot().value(metric, &[("pool", "trading")])
    }
}

fn poll<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn next<S: Stream + Unpin>(rows: &mut S) -> Poll<Option<S::Item>> {
    pin!(rows).poll_next(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn every_end_of_a_query_has_its_outcome_and_its_time() {
    let bench = bench();
    let second = Duration::from_secs(1);
    let passes = || bench.held.advance(second);

    let ok = bench.database.query("ok").run(async {
        passes();
        Ok::<_, Refused>(7)
    });
    passes(); // not polled yet
    assert_eq!(poll(ok), Poll::Ready(Ok(7)));
    bench.recorded("ok", "ok", 1.0);

    let failed = bench.database.query("failed").run(ready(Err::<(), _>(Refused(ErrorClass::Deadlock))));
    assert_eq!(poll(failed), Poll::Ready(Err(Refused(ErrorClass::Deadlock))));
    bench.recorded("failed", "deadlock", 0.0);

    let classed = bench.database.query("classed").run_with(ready(Err::<(), _>("?")), |_| ErrorClass::Auth);
    assert!(poll(classed).is_ready());
    bench.recorded("classed", "auth", 0.0);

    {
        let mut left = pin!(bench.database.query("left").run(pending::<Result<(), Refused>>()));
        assert!(left.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        passes();
    }
    bench.recorded("left", "cancelled", 1.0);

    drop(bench.database.query("never").run(pending::<Result<(), Refused>>()));
    bench.registry.snapshot().assert_samples(QUERIES, &[("operation", "never")], 0);

    let panics = bench.database.query("panics");
    let work = || poll(panics.run(async { panic!("on purpose") as Result<(), Refused> })).is_ready();
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
    bench.recorded("panics", "panicked", 0.0);

    bench.database.query("elsewhere").record(second, Outcome::Failed(ErrorClass::Timeout));
    bench.recorded("elsewhere", "timeout", 1.0);
}

#[tokio::test(start_paused = true)]
async fn limit_around_a_query_is_its_timeout() {
    let bench = bench();
    let limited = tokio::time::timeout(Duration::from_secs(1), pending::<Result<(), Refused>>());
    bench.database.query("slow").run(limited).await.unwrap_err();
    bench.recorded("slow", "timeout", 0.0);
    let in_time = tokio::time::timeout(Duration::from_secs(1), ready(Err::<(), _>(Refused(ErrorClass::Data))));
    bench.database.query("fast").run(in_time).await.unwrap().unwrap_err();
    bench.recorded("fast", "data", 0.0);
}

#[test]
fn stream_is_timed_to_its_end_its_first_error_or_its_drop() {
    let bench = bench();
    let row = |class: Option<ErrorClass>| {
        bench.held.advance(Duration::from_secs(1));
        class.map_or(Ok(()), |class| Err(Refused(class)))
    };
    let all = stream::iter([None, None]).map_rows(row);
    let mut rows = bench.database.query("all").stream(all);
    while let Poll::Ready(Some(_)) = next(&mut rows) {}
    assert_eq!(next(&mut rows), Poll::Ready(None), "polled past its end, it is the driver's stream");
    drop(rows);
    bench.recorded("all", "ok", 2.0);

    let broken = stream::iter([None, Some(ErrorClass::Connection), None]).map_rows(row);
    let mut rows = bench.database.query("broken").stream(broken);
    assert_eq!(next(&mut rows), Poll::Ready(Some(Ok(()))));
    assert_eq!(next(&mut rows), Poll::Ready(Some(Err(Refused(ErrorClass::Connection)))));
    assert_eq!(next(&mut rows), Poll::Ready(Some(Ok(()))));
    assert_eq!(next(&mut rows), Poll::Ready(None));
    drop(rows);
    bench.recorded("broken", "connection", 2.0);

    let some = stream::iter([None, None]).map_rows(row);
    let mut rows = bench.database.query("some").stream(some);
    assert_eq!(next(&mut rows), Poll::Ready(Some(Ok(()))));
    drop(rows);
    bench.recorded("some", "cancelled", 1.0);
}

/// `map` without the extension trait's name in the tests above.
trait MapRows: Stream + Sized {
    fn map_rows<T>(self, row: impl FnMut(Self::Item) -> T) -> impl Stream<Item = T> + Unpin;
}

impl<I: Unpin, S: Stream<Item = I> + Unpin> MapRows for S {
    fn map_rows<T>(self, row: impl FnMut(I) -> T) -> impl Stream<Item = T> + Unpin {
        futures_util::StreamExt::map(self, row)
    }
}

#[test]
fn names_that_break_the_rule_are_one_operation_of_one_pool() {
    let bench = bench();
    bench.database.pool("Trading").query("SELECT 1").record(Duration::ZERO, Outcome::Ok);
    bench.database.pool("a b").query("x y").record(Duration::ZERO, Outcome::Ok);
    let other = [("pool", "_other"), ("operation", "_other"), ("outcome", "ok")];
    bench.registry.snapshot().assert_samples(QUERIES, &other, 2);
    let problems = Meter::new(&bench.registry).diagnostics().total(Problem::UnknownLabelValue);
    assert_eq!(problems, 4);
}

/// What a subscriber sees: each event's fields, and the trace that is present meanwhile.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Line>>>);

type Line = (String, Option<TraceContext>);

impl tracing::Subscriber for Heard {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == DatabaseOptions::TARGET
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                self.0 += &format!("{field}={value:?} ");
            }
        }
        let mut text = Text(format!("{} ", event.metadata().level()));
        event.record(&mut text);
        self.0.lock().unwrap().push((text.0, trace::current()));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn slow_query_is_one_line_of_its_own_trace() {
    let bench = bench();
    let (own, others) = (TraceContext::new_root(), TraceContext::new_root());
    let load = bench.database.query("load_portfolio");
    let heard = Heard::default();
    tracing::subscriber::with_default(heard.clone(), || {
        load.record(DEFAULT_SLOW_AFTER - Duration::from_nanos(1), Outcome::Ok);
        let mut query = Box::pin(load.run(pending::<Result<(), Refused>>()));
        {
            let _own = own.enter();
            assert!(query.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        bench.held.advance(DEFAULT_SLOW_AFTER);
        // It is dropped where another request's trace is present.
        let _others = others.enter();
        drop(query);
    });
    let heard = heard.0.lock().unwrap();
    let [(line, context)] = heard.as_slice() else { panic!("{heard:?}") };
    let expected = "WARN message=Slow query pool=\"default\" operation=\"load_portfolio\" outcome=\"cancelled\" \
                    duration_seconds=0.5 ";
    assert_eq!((line.as_str(), context.as_ref()), (expected, Some(&own)));
}

#[test]
fn pool_shows_how_full_it_is_and_is_absent_before() {
    let bench = bench();
    let trading = bench.database.pool("trading");
    assert_eq!(bench.pool_value("db_pool_max_connections"), None);
    let waits = Arc::new(AtomicU32::new(0));
    let told = Arc::clone(&waits);
    trading.observe(move || PoolCounts::of_size(6, 9, 8).waiting(told.load(Ordering::Relaxed)).opened(12));
    let state =
        |state| bench.registry.snapshot().value("db_pool_connections", &[("pool", "trading"), ("state", state)]);
    assert_eq!((state("in_use"), state("idle")), (Some(0.0), Some(6.0)), "no more are idle than there are");
    trading.observe(|| PoolCounts::of_size(6, 4, 8).opened(12));
    assert_eq!((state("in_use"), state("idle")), (Some(2.0), Some(4.0)), "the later one is shown");
    assert_eq!(bench.pool_value("db_pool_utilization_ratio"), Some(0.25));
    assert_eq!(bench.pool_value("db_pool_waiting_requests"), None, "this one does not know");
    assert_eq!(bench.pool_value("db_pool_connections_opened_total"), Some(12.0));
    assert_eq!(bench.pool_value("db_pool_connections_closed_total"), Some(6.0));
}

#[test]
fn connections_that_a_hook_tells_of_are_counted_and_none_is_closed_twice() {
    let bench = bench();
    let size = Arc::new(AtomicU32::new(0));
    let asked = Arc::clone(&size);
    let trading = bench.database.pool("trading");
    assert_eq!(bench.pool_value("db_pool_connections_opened_total"), None, "nobody tells");
    let openings = trading.openings();
    (0..5).for_each(|_| openings.increment());
    assert_eq!(bench.pool_value("db_pool_connections_closed_total"), Some(0.0), "nobody knows how many are left");
    trading.observe(move || PoolCounts::of_size(asked.load(Ordering::Relaxed), 0, 8));
    for (there, closed) in [(3, 2.0), (1, 4.0), (4, 4.0), (0, 5.0)] {
        size.store(there, Ordering::Relaxed);
        assert_eq!(bench.pool_value("db_pool_connections_closed_total"), Some(closed), "{there}");
    }
    assert_eq!(bench.pool_value("db_pool_connections_opened_total"), Some(5.0));
}

/// A pool whose connections come when told to.
#[derive(Clone)]
struct Slow;

impl PoolStats for Slow {
    fn counts(&self) -> PoolCounts {
        PoolCounts::of_size(1, 0, 1)
    }
}

impl Acquire for Slow {
    type Connection = ();
    type Error = Refused;

    async fn acquire_connection(&self) -> Result<(), Refused> {
        tokio::task::yield_now().await;
        Err(Refused(ErrorClass::PoolTimeout))
    }
}

#[tokio::test]
async fn acquisitions_are_timed_by_outcome_and_counted_while_they_wait() {
    let bench = bench();
    let pool = bench.database.pool("trading").measure(Slow);
    assert_eq!(bench.pool_value("db_pool_waiting_requests"), None, "nobody knows yet");
    let mut waits = Box::pin(pool.acquire());
    assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(bench.pool_value("db_pool_waiting_requests"), Some(1.0));
    bench.held.advance(Duration::from_secs(2));
    assert_eq!(waits.await, Err(Refused(ErrorClass::PoolTimeout)));
    assert_eq!(bench.pool_value("db_pool_waiting_requests"), Some(0.0));

    let metrics = pool.metrics().clone();
    drop(poll(metrics.acquire(ready(Ok::<_, Refused>(())))));
    {
        let mut left = pin!(metrics.acquire(pending::<Result<(), Refused>>()));
        assert!(left.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    // The error of a pool that we do not know.
    let foreign = ready(Err::<(), _>(io::Error::from(io::ErrorKind::PermissionDenied)));
    drop(poll(metrics.acquire_with(foreign, |_: &io::Error| ErrorClass::Auth)));
    let snapshot = bench.registry.snapshot();
    for (outcome, samples) in [("timeout", 1), ("ok", 1), ("cancelled", 1), ("auth", 1), ("refused", 0)] {
        snapshot.assert_samples(ACQUIRE, &[("pool", "trading"), ("outcome", outcome)], samples);
    }
    assert_eq!(snapshot.histogram(ACQUIRE, &[("pool", "trading"), ("outcome", "timeout")]).unwrap().sum, 2.0);
}

#[test]
fn registry_lets_go_of_a_pool_when_it_goes_also_if_that_counts_its_openings() {
    let bench = bench();
    let held = Arc::new(());
    let trading = bench.database.pool("trading");
    let kept = (Arc::clone(&held), trading.openings());
    trading.observe(move || {
        let (_held, openings) = &kept;
        openings.increment();
        PoolCounts::default()
    });
    drop(trading);
    drop(bench);
    assert_eq!(Arc::strong_count(&held), 1);
}
