use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::HostRecorder;
use crate::diagnostics::{Diagnostics, Problem};
use crate::metrics::{
    Collection, CollectorError, Counter, Definition, DefinitionError, Family, Histogram, LabelValue, Limits, Meter,
    Registry, RegistryOptions, Unit,
};

static ORDERS: Definition = Definition::counter("orders_total", "Orders.").labels(&["side"]);
static CPU: Definition = Definition::counter("cpu_seconds_total", "Processor time.").unit(Unit::Seconds);
static DEPTH: Definition = Definition::gauge("depth", "Depth.").labels(&["queue"]);
static SUCCESS: Definition =
    Definition::gauge_absent_until_set("success_timestamp_seconds", "When.").unit(Unit::Seconds);
static WAIT: Definition = Definition::histogram("wait_seconds", "Waits.").unit(Unit::Seconds).edges(&[0.1, 1.1]);
static SIZE: Definition = Definition::histogram("size_bytes", "Sizes.").unit(Unit::Bytes).edges(&[10.0]);

/// An exporter, and a meter that reports to it.
struct Bench {
    meter: Meter,
    registry: Registry,
    diagnostics: Diagnostics,
    handle: PrometheusHandle,
}

impl Bench {
    fn new() -> Self {
        Self::with(RegistryOptions::new())
    }

    fn with(options: RegistryOptions) -> Self {
        let buckets = |name: &str| metrics_exporter_prometheus::Matcher::Full(name.to_owned());
        let exporter = PrometheusBuilder::new()
            .set_buckets_for_metric(buckets(WAIT.name()), WAIT.edges)
            .and_then(|builder| builder.set_buckets_for_metric(buckets(SIZE.name()), SIZE.edges))
            .expect("there are edges");
        let recorder = exporter.build_recorder();
        let (handle, diagnostics) = (recorder.handle(), Diagnostics::new());
        let options = options.report_to(HostRecorder::new(recorder)).diagnostics(diagnostics.clone());
        let registry = Registry::with(options);
        Self { meter: Meter::new(&registry), registry, diagnostics, handle }
    }

    #[track_caller]
    fn assert_shows(&self, lines: &[&str]) {
        let page = self.handle.render();
        for line in lines {
            assert!(page.lines().any(|shown| shown == *line), "{line} in {page}");
        }
    }
}

#[test]
fn every_kind_reaches_the_recorder_with_its_help_and_nothing_stays_here() {
    let bench = Bench::new();
    let orders = bench.meter.counter(&ORDERS).unwrap().series(["a \"b\"\n".into()]);
    orders.add(2);
    orders.increment();
    let depth = bench.meter.gauge(&DEPTH).unwrap().series(["".into()]);
    depth.set(3.0);
    depth.add(-0.5);
    bench.meter.histogram(&SIZE).unwrap().series([]).record(10.0);
    bench.assert_shows(&[
        "# HELP orders_total Orders.",
        "# TYPE orders_total counter",
        r#"orders_total{side="a \"b\"\n"} 3"#,
        "depth 2.5",
        r#"size_bytes_bucket{le="10"} 1"#,
        "size_bytes_sum 10",
    ]);
    assert_eq!((orders.get(), depth.get()), (3, Some(2.5)));
    let own = bench.registry.render();
    assert!(!own.contains("\norders_total") && !own.contains("# TYPE depth"), "{own}");
}

#[test]
fn series_exist_at_zero_and_gauges_absent_until_set_do_not() {
    let bench = Bench::new();
    let _orders: Counter = bench.meter.counter(&ORDERS).unwrap().series(["buy".into()]);
    let _depth = bench.meter.gauge(&DEPTH).unwrap().series(["a".into()]);
    let _wait: Histogram = bench.meter.histogram(&WAIT).unwrap().series([]);
    let success = bench.meter.gauge(&SUCCESS).unwrap().series([]);
    bench.assert_shows(&["orders_total{side=\"buy\"} 0", "depth{queue=\"a\"} 0", "wait_seconds_count 0"]);
    assert!(!bench.handle.render().contains("success"), "{}", bench.handle.render());
    success.set(17.5);
    bench.assert_shows(&["success_timestamp_seconds 17.5"]);
}

#[test]
fn fractions_that_threads_add_complete_units_and_none_is_lost() {
    const THREADS: u64 = 8;
    const ADDITIONS: u64 = 20_000;
    const NANOS: u64 = 123_457;
    let bench = Bench::new();
    let family: Family<Counter, 0> = bench.meter.counter(&CPU).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            // A handle each, as different parts of a program have.
            let cpu = family.series([]);
            scope.spawn(move || (0..ADDITIONS).for_each(|_| cpu.add_duration(Duration::from_nanos(NANOS))));
        }
    });
    let nanos = THREADS * ADDITIONS * NANOS;
    assert_eq!(family.series([]).get(), nanos);
    bench.assert_shows(&[&format!("cpu_seconds_total {}", nanos / 1_000_000_000)]);
    let missing = 1_000_000_000 - nanos % 1_000_000_000;
    family.series([]).add(missing - 1);
    bench.assert_shows(&[&format!("cpu_seconds_total {}", nanos / 1_000_000_000)]);
    family.series([]).add(1);
    bench.assert_shows(&[&format!("cpu_seconds_total {}", nanos / 1_000_000_000 + 1)]);
}

#[test]
fn samples_are_those_that_our_registry_would_record() {
    let bench = Bench::new();
    let wait = bench.meter.histogram(&WAIT).unwrap().series([]);
    let size = bench.meter.histogram(&SIZE).unwrap().series([]);
    let depth = bench.meter.gauge(&DEPTH).unwrap().series(["a".into()]);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        wait.record(bad);
        size.record(bad);
        depth.add(bad);
    }
    wait.record(-1.0);
    wait.record(1e300);
    wait.record_duration(Duration::MAX);
    depth.set(f64::NAN);
    assert_eq!(bench.diagnostics.total(Problem::SampleRejected), 13);
    wait.record(0.1 + 1e-11);
    wait.record_duration(Duration::from_millis(1_100));
    size.record(-5.0);
    bench.assert_shows(&[
        "wait_seconds_bucket{le=\"0.1\"} 1",
        "wait_seconds_bucket{le=\"1.1\"} 2",
        "wait_seconds_count 2",
        "size_bytes_sum -5",
        "depth{queue=\"a\"} 0",
    ]);
}

#[test]
fn caps_hold_for_what_is_reported() {
    let bench = Bench::with(RegistryOptions::new().limits(Limits { per_family: 2, in_all: 100 }));
    let orders: Family<Counter, 1> = bench.meter.counter(&ORDERS).unwrap();
    for side in 0..10 {
        orders.series([LabelValue::capped(side.to_string())]).increment();
    }
    bench.assert_shows(&["orders_total{side=\"1\"} 1", "orders_total{otel_metric_overflow=\"true\"} 8"]);
    assert_eq!(bench.diagnostics.total(Problem::SeriesOverflow), 8);
}

#[test]
fn tally_goes_up_and_down() {
    let bench = Bench::new();
    let depth = bench.meter.gauge(&DEPTH).unwrap();
    let tally = depth.tally(["a".into()]);
    bench.assert_shows(&["depth{queue=\"a\"} 0"]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| (tally.open(), tally.open(), tally.close()).0));
        }
    });
    assert_eq!(tally.active(), 4_000);
    bench.assert_shows(&["depth{queue=\"a\"} 4000"]);
}

#[test]
fn what_a_recorder_cannot_do_is_told() {
    let bench = Bench::new();
    bench.meter.gauge(&DEPTH).unwrap().observe(["a".into()], || Some(1.0));
    bench.meter.counter(&CPU).unwrap().observe([], || 1);
    assert_eq!(bench.diagnostics.total(Problem::ObservationUnread), 2);
    let refused = bench.meter.histogram_with::<0>(&WAIT, &[5.0]).unwrap_err();
    assert!(matches!(&refused, DefinitionError::HostBuckets { metric } if metric == "wait_seconds"), "{refused}");
    let refused = bench.meter.collector("spool", |_: &mut Collection| Ok(())).unwrap_err();
    assert_eq!(refused, CollectorError::NeverRuns { name: "spool".to_owned() });
    let clash = Definition::counter("orders_total", "Others.").labels(&["side"]);
    let _orders: Family<Counter, 1> = bench.meter.counter(&ORDERS).unwrap();
    assert!(matches!(bench.meter.counter::<1>(&clash), Err(DefinitionError::Clash { .. })));
}
