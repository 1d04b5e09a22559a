//! What collectors give: identity, replacement, caps.

use std::time::Duration;

use ::metrics::{counter, with_local_recorder};

use super::{Bench, DEPTH, OTHER, Run, depths, often};
use crate::diagnostics::Problem;
use crate::metrics::exposition::Format;
use crate::metrics::{
    Collected, Collection, Counter, Definition, DefinitionError, Family, Gauge, LabelValue, Limits, Meter, Registry,
    RegistryOptions, Unit,
};

static READ: Definition = Definition::counter("read_bytes_total", "Read.").unit(Unit::Bytes).labels(&["disk"]);
static CPU: Definition = Definition::counter("cpu_seconds_total", "CPU.").unit(Unit::Seconds);

#[test]
fn every_run_replaces_what_the_one_before_gave() {
    let bench = Bench::new();
    let (orders, _begun) = bench.depths_on_demand("queues", often());
    for (given, shown) in [
        (&[("a", 1.0), ("b", 2.0)][..], &["depth{queue=\"a\"} 1", "depth{queue=\"b\"} 2"][..]),
        (&[("c", 4.0), ("b", 3.0)], &["depth{queue=\"b\"} 3", "depth{queue=\"c\"} 4"]),
        (&[], &[]),
    ] {
        orders.send(depths(given)).unwrap();
        let text = bench.collect();
        let series: Vec<_> = text.lines().filter(|line| line.starts_with("depth{")).collect();
        assert_eq!(series, shown);
        assert_eq!(text.contains("# TYPE depth gauge"), !shown.is_empty(), "{text}");
    }
    let snapshot = bench.registry.snapshot();
    assert_eq!(snapshot.value("monitoring_series", &[("family", "depth")]), Some(0.0));
    assert_eq!(bench.runs("queues", "ok"), 3.0);
    let at = snapshot.value("monitoring_collector_last_success_timestamp_seconds", &[("collector", "queues")]);
    assert_eq!(at, Some(bench.clock.clock().unix_seconds()));
}

#[test]
fn collected_series_are_the_same_in_every_format() {
    let bench = Bench::new();
    let read: Collected<u64, 1> = bench.meter().collected(&READ).unwrap();
    let cpu: Collected<Duration, 0> = bench.meter().collected(&CPU).unwrap();
    let depth: Collected<f64, 1> = bench.meter().collected(&DEPTH).unwrap();
    let collector = move |collection: &mut Collection| {
        collection.set(&read, [LabelValue::capped("sd\"a\n")], 1 << 60);
        collection.set(&cpu, [], Duration::from_millis(1_250));
        collection.set(&depth, ["a".into()], f64::INFINITY);
        collection.set(&depth, ["b".into()], -0.5);
        Ok(())
    };
    bench.meter().collector("machine", collector).unwrap();
    bench.registry.collect();

    let of_collector = |line: &&str| ["read_", "cpu_", "depth"].iter().any(|start| line.starts_with(start));
    let text = bench.registry.render();
    let mut open = Vec::new();
    bench.registry.encode(Format::OpenMetrics, &mut open);
    let open = String::from_utf8(open).unwrap();
    let series: Vec<_> = text.lines().filter(of_collector).collect();
    assert_eq!(
        series,
        [
            "cpu_seconds_total 1.25",
            "depth{queue=\"a\"} +Inf",
            "depth{queue=\"b\"} -0.5",
            "read_bytes_total{disk=\"sd\\\"a\\n\"} 1152921504606846976",
        ]
    );
    assert_eq!(open.lines().filter(of_collector).collect::<Vec<_>>(), series);
    assert!(open.contains("# TYPE cpu_seconds counter\n# UNIT cpu_seconds seconds\n"), "{open}");
    let snapshot = bench.registry.snapshot();
    assert_eq!(snapshot.value("cpu_seconds_total", &[]), Some(1.25));
    assert_eq!(snapshot.value("read_bytes_total", &[("disk", "sd\"a\n")]), Some((1u64 << 60) as f64));
    assert_eq!(snapshot.value("depth", &[("queue", "b")]), Some(-0.5));
}

#[test]
fn series_past_a_cap_are_added_up_and_those_that_were_there_stay() {
    let bench = Bench::with(RegistryOptions::new().limits(Limits { per_family: 2, in_all: 100 }));
    let (orders, _begun) = bench.depths_on_demand("queues", often());
    let overflow = "depth{otel_metric_overflow=\"true\"}";
    for (given, shown) in [
        (&[("c", 1.0), ("d", 2.0), ("a", 4.0), ("b", 8.0)][..], &["{queue=\"c\"} 1", "{queue=\"d\"} 2"][..]),
        (&[("a", 4.0), ("b", 8.0), ("c", 1.0), ("d", 2.0)], &["{queue=\"c\"} 1", "{queue=\"d\"} 2"]),
    ] {
        orders.send(depths(given)).unwrap();
        let text = bench.collect();
        for series in shown {
            assert!(text.contains(&format!("depth{series}\n")), "{text}");
        }
        assert!(text.contains(&format!("{overflow} 12\n")), "{text}");
    }
    let snapshot = bench.registry.snapshot();
    assert_eq!(snapshot.sum("depth", &[]), Some(15.0), "nothing is lost");
    assert_eq!(snapshot.value("monitoring_series_overflow_total", &[("family", "depth")]), Some(4.0));
    // The place of one that is gone is there for the next.
    for _ in 0..2 {
        orders.send(depths(&[("a", 4.0), ("d", 2.0)])).unwrap();
        bench.collect();
    }
    let text = bench.registry.render();
    assert!(text.contains("depth{queue=\"a\"} 4\n") && !text.contains(overflow), "{text}");
}

#[test]
fn cap_in_all_holds_for_collectors_and_their_places_come_back() {
    // Seven tell of the collector: one of each outcome, and two more.
    let bench = Bench::with(RegistryOptions::new().limits(Limits { per_family: 100, in_all: 7 + 2 }));
    let (orders, _begun) = bench.depths_on_demand("queues", often());
    for _ in 0..3 {
        orders.send(depths(&[("a", 1.0), ("b", 2.0), ("c", 4.0), ("d", 8.0)])).unwrap();
        let text = bench.collect();
        assert!(text.contains("depth{otel_metric_overflow=\"true\"} 12\n"), "{text}");
        orders.send(depths(&[])).unwrap();
        assert!(!bench.collect().contains("depth{"));
    }
    with_local_recorder(&bench.registry, || counter!("jobs_total").increment(1));
    assert!(bench.registry.render().contains("jobs_total 1\n"), "a place is free");
}

#[test]
fn duplicates_and_what_is_no_number_are_left_out_and_counted() {
    let bench = Bench::new();
    let (orders, _begun) = bench.depths_on_demand("queues", often());
    orders.send(depths(&[("a", 1.0), ("a", 2.0), ("b", f64::NAN)])).unwrap();
    let text = bench.collect();
    assert!(text.contains("depth{queue=\"a\"} 1\n") && !text.contains("queue=\"b\""), "{text}");
    assert_eq!(bench.diagnostics.total(Problem::DuplicateSeries), 1);
    assert_eq!(bench.diagnostics.total(Problem::SampleRejected), 1);
}

#[test]
fn collectors_that_share_a_metric_replace_their_own_series() {
    let bench = Bench::new();
    let (first, _first_begun) = bench.depths_on_demand("first", often());
    let (second, _second_begun) = bench.depths_on_demand("second", often());
    for (of_first, of_second, shown) in [
        (
            &[("a", 1.0), ("b", 2.0)][..],
            &[("c", 4.0)][..],
            &["{queue=\"a\"} 1", "{queue=\"b\"} 2", "{queue=\"c\"} 4"][..],
        ),
        (&[("b", 3.0)], &[("c", 4.0), ("d", 5.0)], &["{queue=\"b\"} 3", "{queue=\"c\"} 4", "{queue=\"d\"} 5"]),
        (&[("a", 1.0)], &[("a", 6.0)], &["{queue=\"a\"} 1"]),
        (&[], &[("a", 6.0)], &["{queue=\"a\"} 6"]),
    ] {
        first.send(depths(of_first)).unwrap();
        second.send(depths(of_second)).unwrap();
        let text = bench.collect();
        let series: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("depth")).collect();
        assert_eq!(series, shown);
    }
    assert_eq!(bench.diagnostics.total(Problem::DuplicateSeries), 1, "of the series that both gave");
}

#[test]
fn what_several_collectors_could_not_place_is_added_up() {
    // As many as tell of the runs of two collectors.
    let bench = Bench::with(RegistryOptions::new().limits(Limits { per_family: 10, in_all: 100 }));
    let (first, _first_begun) = bench.depths_on_demand("first", often());
    let (second, _second_begun) = bench.depths_on_demand("second", often());
    let six = |of: f64| -> Run {
        Box::new(move |depth, collection| {
            for at in 0..6 {
                collection.set(depth, [LabelValue::capped(format!("{of}-{at}"))], of);
            }
            Ok(())
        })
    };
    for _ in 0..3 {
        first.send(six(1.0)).unwrap();
        second.send(six(2.0)).unwrap();
        let text = bench.collect();
        assert!(text.contains("depth{otel_metric_overflow=\"true\"} 4\n"), "{text}");
    }
    // The first one's places are free for the second, once they are seen to be.
    for _ in 0..2 {
        first.send(depths(&[])).unwrap();
        second.send(six(2.0)).unwrap();
        bench.collect();
    }
    let snapshot = bench.registry.snapshot();
    assert_eq!(snapshot.sum("depth", &[]), Some(12.0));
    assert_eq!(snapshot.value("monitoring_series", &[("family", "depth")]), Some(6.0));
}

#[test]
fn metrics_of_collectors_and_of_handles_are_kept_apart() {
    let bench = Bench::new();
    let meter = bench.meter();
    let _depth: Collected<f64, 1> = meter.collected(&DEPTH).unwrap();
    assert!(meter.collected::<f64, 1>(&DEPTH).is_ok(), "once more, by another collector");
    assert!(matches!(meter.gauge::<1>(&DEPTH).unwrap_err(), DefinitionError::Clash { .. }));
    with_local_recorder(&bench.registry, || ::metrics::gauge!("depth").set(1.0));
    assert_eq!(bench.diagnostics.total(Problem::NameConflict), 1);

    let _read: Family<Counter, 1> = meter.counter(&READ).unwrap();
    assert!(matches!(meter.collected::<u64, 1>(&READ).unwrap_err(), DefinitionError::Clash { .. }));
    assert!(matches!(meter.collected::<u64, 0>(&DEPTH).unwrap_err(), DefinitionError::Invalid { .. }));
    assert!(matches!(meter.collected::<u64, 1>(&DEPTH).unwrap_err(), DefinitionError::WrongKind { .. }));
    assert!(matches!(meter.collected::<u64, 0>(&CPU).unwrap_err(), DefinitionError::Invalid { .. }));
    static SPREAD: Definition = Definition::histogram("spread", "x");
    assert!(matches!(meter.collected::<f64, 0>(&SPREAD).unwrap_err(), DefinitionError::WrongKind { .. }));
    let _other: Family<Gauge, 0> = meter.gauge(&OTHER).unwrap();
}

#[test]
fn metric_of_another_registry_fails_the_run() {
    let (bench, elsewhere) = (Bench::new(), Registry::new());
    let depth: Collected<f64, 1> = Meter::new(&elsewhere).collected(&DEPTH).unwrap();
    let collector = move |collection: &mut Collection| {
        collection.set(&depth, ["a".into()], 1.0);
        Ok(())
    };
    bench.meter().collector("astray", collector).unwrap();
    bench.registry.collect();
    assert_eq!(bench.runs("astray", "failed"), 1.0);
    assert!(!elsewhere.render().contains("depth{"));
}

#[test]
fn idle_expiry_leaves_collected_counters_alone() {
    const AFTER: Duration = Duration::from_secs(60);
    let bench = Bench::with(RegistryOptions::new().expire_idle_after(AFTER));
    let read: Collected<u64, 1> = bench.meter().collected(&READ).unwrap();
    let collector = move |collection: &mut Collection| {
        collection.set(&read, ["sda".into()], 5);
        Ok(())
    };
    bench.meter().collector_with("disks", collector, often().fresh_for(AFTER * 10)).unwrap();
    bench.collect();
    for _ in 0..4 {
        bench.clock.advance(AFTER);
        assert!(bench.registry.render().contains("read_bytes_total{disk=\"sda\"} 5\n"));
    }
}
