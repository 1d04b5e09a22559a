//! What the registry and what records into it allocate: nothing for a record or a scrape, and little for a series.

#[path = "support/counting.rs"]
mod counting;

use std::time::Duration;

use aistm7_monitoring::metrics::exposition::Format;
use aistm7_monitoring::metrics::{
    Collected, Collection, Definition, Family, Histogram, LabelValue, Limits, Meter, Registry, RegistryOptions, Unit,
};
use aistm7_monitoring::trace::TraceContext;
use counting::{ALLOCATIONS, LIVE_BYTES};
use metrics::{counter, gauge, histogram, with_local_recorder};

static JOBS: Definition = Definition::counter("jobs_total", "Jobs.");
static DEPTH: Definition = Definition::gauge("depth", "Depth.");
static COLLECTED: Definition = Definition::gauge("collected", "What a collector measured.");
static LATENCY: Definition = Definition::histogram("api_response_time_seconds", "Time to the response's head.")
    .unit(Unit::Seconds)
    .labels(&["method", "route", "status_class"]);

#[track_caller]
fn allocates_nothing(mut act: impl FnMut()) {
    act();
    let before = ALLOCATIONS.get();
    for _ in 0..100 {
        act();
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}

#[test]
fn recording_by_handle_allocates_nothing() {
    let meter = Meter::new(&Registry::new());
    let jobs = meter.counter(&JOBS).unwrap().series([]);
    let depth = meter.gauge(&DEPTH).unwrap().series([]);
    let latency = meter.histogram(&LATENCY).unwrap().series(["GET".into(), "/".into(), "2xx".into()]);
    allocates_nothing(|| jobs.increment());
    allocates_nothing(|| depth.add(1.0));
    allocates_nothing(|| latency.record(0.2));
    allocates_nothing(|| latency.record_duration(Duration::from_millis(3)));
}

#[cfg(feature = "database")]
#[test]
fn queries_that_are_measured_allocate_nothing_more_than_bare_ones() {
    use std::convert::Infallible;
    use std::future::ready;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use aistm7_monitoring::clock::Clock;
    use aistm7_monitoring::database::{Database, DatabaseOptions};
    use futures_util::{Stream, stream};

    let database = Database::register(&Meter::new(&Registry::new()), Clock::system(), DatabaseOptions::new()).unwrap();
    let load = database.query("load_portfolio");
    let trace = TraceContext::new_root();
    let _entered = trace.enter();
    let mut context = Context::from_waker(Waker::noop());
    allocates_nothing(|| {
        assert!(pin!(load.run(ready(Ok::<_, Infallible>(())))).poll(&mut context).is_ready());
    });
    allocates_nothing(|| {
        let mut rows = pin!(load.stream(stream::iter([Ok::<_, Infallible>(()), Ok(())])));
        while let std::task::Poll::Ready(Some(_)) = rows.as_mut().poll_next(&mut context) {}
    });
    let pool = database.pool("trading");
    allocates_nothing(|| {
        assert!(pin!(pool.acquire(ready(Ok::<_, Infallible>(())))).poll(&mut context).is_ready());
    });
}

#[test]
fn exemplars_allocate_nothing_when_recorded_or_shown() {
    let registry = Registry::with(RegistryOptions::new().exemplars());
    let latency = Meter::new(&registry).histogram(&LATENCY).unwrap().series(["GET".into(), "/".into(), "2xx".into()]);
    let (context, other) = (TraceContext::new_root(), TraceContext::new_root());
    let _entered = context.enter();
    allocates_nothing(|| latency.record_duration_in(Duration::from_secs(7), Some(&other)));
    allocates_nothing(|| latency.record(0.2));
    allocates_nothing(|| latency.record_duration(Duration::from_millis(3)));
    with_local_recorder(&registry, || allocates_nothing(|| histogram!("wait_seconds").record(0.2)));
    let mut out = Vec::new();
    allocates_nothing(|| {
        out.clear();
        registry.encode(Format::OpenMetrics, &mut out);
    });
    let exemplars = String::from_utf8(out).unwrap().matches(" # {trace_id=").count();
    assert_eq!(exemplars, 3, "the largest and the latest of one series, one of the other's only bucket");
}

#[test]
fn facade_macros_allocate_nothing_on_a_hit() {
    with_local_recorder(&Registry::new(), || {
        allocates_nothing(|| counter!("jobs_total").increment(1));
        allocates_nothing(|| counter!("jobs_total", "queue" => "orders", "kind" => "a\"b").increment(1));
        allocates_nothing(|| counter!("http.jobs", "http.method" => "GET", "le" => "x").increment(1));
        allocates_nothing(|| gauge!("depth").set(1.0));
        allocates_nothing(|| histogram!("wait_seconds").record(0.2));
    });
}

#[test]
fn encoding_allocates_nothing_once_its_buffer_is_large_enough() {
    let registry = latencies(1_000, RegistryOptions::new());
    with_local_recorder(&registry, || {
        gauge!("temperature").set(21.5);
        counter!("without_suffix", "a" => "\n").increment(1);
    });
    let meter = Meter::new(&registry);
    let collected: Collected<f64, 0> = meter.collected(&COLLECTED).unwrap();
    let collector = move |collection: &mut Collection| {
        collection.set(&collected, [], 1.0);
        Ok(())
    };
    meter.collector("any", collector).unwrap();
    registry.collect();
    let mut out = Vec::new();
    let formats = [
        Format::Text,
        Format::OpenMetrics,
        #[cfg(feature = "protobuf")]
        Format::Protobuf,
    ];
    for format in formats {
        allocates_nothing(|| {
            out.clear();
            registry.encode(format, &mut out);
        });
    }
}

#[cfg(feature = "protobuf")]
#[test]
fn native_buckets_allocate_once_for_each_doubling_and_nothing_for_a_scrape() {
    static WAIT: Definition = Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds).native();
    let registry = Registry::new();
    let wait = Meter::new(&registry).histogram(&WAIT).unwrap().series([]);
    let all = || (0..64).for_each(|bits| wait.record_duration(Duration::from_nanos(1 << bits)));
    allocates_nothing(all);
    let before = LIVE_BYTES.get();
    all();
    assert_eq!(LIVE_BYTES.get(), before);
    let mut out = Vec::new();
    allocates_nothing(|| {
        out.clear();
        registry.encode(Format::Protobuf, &mut out);
    });
}

#[cfg(feature = "protobuf")]
#[test]
fn native_buckets_of_seconds_take_at_most_six_kibibytes() {
    static WAIT: Definition = Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds).native();
    let wait = Meter::new(&Registry::new()).histogram(&WAIT).unwrap().series([]);
    let before = LIVE_BYTES.get();
    (0..64).for_each(|bits| wait.record_duration(Duration::from_nanos((1 << bits) + 1)));
    let bytes = LIVE_BYTES.get() - before;
    assert!(bytes <= 6 * 1024, "{bytes}");
}

#[test]
fn histogram_series_is_at_most_400_bytes() {
    let bytes = bytes_a_series(RegistryOptions::new());
    assert!(bytes <= 400, "{bytes} bytes a series");
}

#[test]
fn exemplars_of_a_series_are_at_most_120_bytes() {
    let bytes = bytes_a_series(RegistryOptions::new().exemplars()) - bytes_a_series(RegistryOptions::new());
    assert!(bytes <= 120, "{bytes} bytes a series");
}

fn bytes_a_series(options: RegistryOptions) -> i64 {
    const SERIES: i64 = 20_000;
    let before = LIVE_BYTES.get();
    let registry = latencies(SERIES as usize, options);
    // The list that scrapes share is part of it, and the output is not.
    drop(registry.render());
    (LIVE_BYTES.get() - before) / SERIES
}

#[test]
fn ten_million_records_without_a_scrape_grow_nothing() {
    let registry = Registry::new();
    let latency = Meter::new(&registry).histogram(&LATENCY).unwrap().series(["GET".into(), "/".into(), "2xx".into()]);
    let before = LIVE_BYTES.get();
    for at in 0..10_000_000u32 {
        latency.record(f64::from(at % 1_000) / 100.0);
    }
    assert_eq!(LIVE_BYTES.get() - before, 0);
}

fn latencies(series: usize, options: RegistryOptions) -> Registry {
    let registry = Registry::with(options.limits(Limits { per_family: series, in_all: 2 * series }));
    let family: Family<Histogram, 3> = Meter::new(&registry).histogram(&LATENCY).expect("a valid definition");
    for at in 0..series {
        let method = ["GET", "POST", "PUT", "PATCH", "DELETE"][at % 5];
        let status = ["1xx", "2xx", "3xx", "4xx", "5xx"][at / 5 % 5];
        let route = LabelValue::capped(format!("/api/v1/portfolios/{{id}}/positions/{:04}", at / 25));
        family.series([method.into(), route, status.into()]).record(0.02);
    }
    registry
}

/// The worst case: every sample of every series differs from the one before.
#[cfg(feature = "alert")]
#[test]
fn samples_of_rules_take_no_more_memory_than_they_may_and_cost_no_allocations() {
    const LIMIT: usize = 2 << 20;
    let (live, _) = evaluated(1_000, LIMIT);
    assert!((LIMIT as i64 / 2..=LIMIT as i64).contains(&live), "{live} of {LIMIT} bytes");
    // When columns are as long as they get, what is left are some for each rule and what it makes of its groups.
    let (_, allocations) = evaluated(100, LIMIT);
    assert!(allocations.iter().all(|count| *count == allocations[0] && *count < 100), "{allocations:?}");
}

/// What the samples of so many series take in the end, and what each of the last evaluations allocates.
#[cfg(feature = "alert")]
fn evaluated(series: usize, memory: usize) -> (i64, Vec<u64>) {
    use aistm7_monitoring::alert::evaluate::{Evaluation, Evaluator};
    use aistm7_monitoring::alert::{Alerts, Pack, Quantity, Rule, Value, metric};
    use aistm7_monitoring::catalog::Catalog;
    use aistm7_monitoring::clock::ManualClock;
    use aistm7_monitoring::metrics::Counter;

    static SENT: Definition = Definition::counter("sent_total", "Sent.").labels(&["to"]);

    let registry = Registry::new();
    let sent: Family<Counter, 1> = Meter::new(&registry).counter(&SENT).expect("a valid definition");
    let series: Vec<_> = (0..series).map(|to| sent.series([LabelValue::capped(format!("t{to}"))])).collect();
    let many = Value::increase(metric("sent_total"), Duration::from_secs(3_600)).above(Quantity::count(1e9));
    let rule = Rule::new("SentMany", Pack::Service, many)
        .summary("Much was sent.")
        .description("{value} were sent.")
        .runbook_url("https://runbooks.example.com/sent");
    let rules = Alerts::new().rule(rule).bind(&Catalog::of(&registry)).expect("a rule that makes sense");
    let held = ManualClock::new();
    let options = Evaluation::new().grace(Duration::ZERO).memory(memory);
    let mut evaluator = Evaluator::new(&rules, options, held.clock());
    let mut step = || {
        series.iter().for_each(Counter::increment);
        held.advance(Duration::from_secs(15));
        let snapshot = registry.snapshot();
        let before = ALLOCATIONS.get();
        evaluator.step(&snapshot);
        ALLOCATIONS.get() - before
    };
    let before = LIVE_BYTES.get();
    // Twice as long as the window.
    let allocations: Vec<_> = (0..480).map(|_| step()).collect();
    (LIVE_BYTES.get() - before, allocations[300..].to_vec())
}
