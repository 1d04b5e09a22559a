use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ::metrics::{counter, with_local_recorder};

use super::*;
use crate::clock::ManualClock;
use crate::diagnostics::{Diagnostics, Problem};
use crate::metrics::exposition::Format;
use crate::metrics::{
    Counter, Definition, DefinitionError, Family, Gauge, LabelValue, Limits, Meter, Registry, RegistryOptions, Unit,
};

static DEPTH: Definition = Definition::gauge("depth", "Depth.").labels(&["queue"]);
static READ: Definition = Definition::counter("read_bytes_total", "Read.").unit(Unit::Bytes).labels(&["disk"]);
static CPU: Definition = Definition::counter("cpu_seconds_total", "CPU.").unit(Unit::Seconds);
static OTHER: Definition = Definition::gauge("other", "Another collector's.");

const LIMIT: Duration = Duration::from_secs(1);

struct Bench {
    registry: Registry,
    clock: ManualClock,
    diagnostics: Diagnostics,
}

impl Bench {
    fn new() -> Self {
        Self::with(RegistryOptions::new())
    }

    fn with(options: RegistryOptions) -> Self {
        let (clock, diagnostics) = (ManualClock::new(), Diagnostics::new());
        let options = options.clock(clock.clock()).diagnostics(diagnostics.clone()).collect_within(LIMIT);
        Self { registry: Registry::with(options), clock, diagnostics }
    }

    fn meter(&self) -> Meter {
        Meter::new(&self.registry)
    }

    /// Registers a collector whose queues each run takes from a channel, where an empty channel blocks it; what the
    /// second channel says when a run begins.
    fn depths_on_demand(&self, name: &str, options: CollectorOptions) -> (Sender<Run>, Receiver<()>) {
        let depth: Collected<f64, 1> = self.meter().collected(&DEPTH).unwrap();
        let (orders, ordered) = mpsc::channel::<Run>();
        let (began, begun) = mpsc::channel();
        let collector = move |collection: &mut Collection| {
            began.send(()).unwrap();
            ordered.recv().unwrap()(&depth, collection)
        };
        self.meter().collector_with(name, collector, options).unwrap();
        (orders, begun)
    }

    /// Collects when every run that is due has been told what to do.
    fn collect(&self) -> String {
        // Past the interval of all collectors here.
        self.clock.advance(options::DEFAULT_INTERVAL);
        self.registry.collect();
        self.registry.render()
    }

    /// Collects while somebody blocks a run, until the limit is over.
    fn collect_past_the_limit(&self, begun: &Receiver<()>) -> String {
        self.clock.advance(options::DEFAULT_INTERVAL);
        thread::scope(|scope| {
            let gather = scope.spawn(|| self.registry.collect());
            begun.recv().unwrap();
            self.clock.advance(LIMIT);
            gather.join().unwrap();
        });
        self.registry.render()
    }

    fn runs(&self, name: &str, outcome: &str) -> f64 {
        let labels = [("collector", name), ("outcome", outcome)];
        self.registry.snapshot().value("monitoring_collector_runs_total", &labels).unwrap()
    }

    /// Waits for the end of a run that nobody waits for.
    fn await_runs(&self, name: &str, count: f64) {
        let ended = || self.registry.snapshot().sum("monitoring_collector_duration_seconds", &[("collector", name)]);
        eventually(|| ended() == Some(count));
    }
}

/// Waits for a thread, which is not driven by the clock that a test holds.
#[track_caller]
fn eventually(is_so: impl Fn() -> bool) {
    const PAUSE: Duration = Duration::from_millis(1);
    for _ in 0..20_000 {
        if is_so() {
            return;
        }
        thread::park_timeout(PAUSE);
    }
    panic!("not within 20,000 pauses of {PAUSE:?}");
}

/// What a run does.
type Run = Box<dyn FnOnce(&Collected<f64, 1>, &mut Collection) -> Result<(), CollectFailure> + Send>;

fn depths(given: &'static [(&'static str, f64)]) -> Run {
    Box::new(move |depth, collection| {
        for (queue, value) in given {
            collection.set(depth, [(*queue).into()], *value);
        }
        Ok(())
    })
}

fn often() -> CollectorOptions {
    CollectorOptions::new().interval(Duration::ZERO)
}

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
fn collector_that_hangs_costs_one_gather_one_thread_and_in_the_end_its_own_series() {
    let bench = Bench::new();
    let (orders, begun) = bench.depths_on_demand("hangs", often());
    let other: Collected<f64, 0> = bench.meter().collected(&OTHER).unwrap();
    let mut measured = 0.0;
    let collector = move |collection: &mut Collection| {
        measured += 1.0;
        collection.set(&other, [], measured);
        Ok(())
    };
    bench.meter().collector_with("works", collector, often()).unwrap();
    orders.send(depths(&[("a", 7.0)])).unwrap();
    bench.collect();
    begun.recv().unwrap();

    // Its second run finds nothing to do.
    let text = bench.collect_past_the_limit(&begun);
    assert!(text.contains("depth{queue=\"a\"} 7\n") && text.contains("\nother 2\n"), "{text}");
    assert_eq!(bench.runs("hangs", "late"), 1.0);
    // From now on nobody waits for it: the clock stands still.
    for at in 3..10 {
        assert!(bench.collect().contains(&format!("\nother {at}\n")));
    }
    assert!(begun.try_recv().is_err(), "no other run begins");
    assert_eq!(bench.runs("hangs", "late"), 1.0, "told once");
    assert_eq!(bench.diagnostics.total(Problem::CollectorFailed), 1);

    bench.clock.advance(options::DEFAULT_FRESH_FOR);
    let text = bench.collect();
    assert!(!text.contains("depth") || !text.contains("depth{"), "{text}");
    assert!(text.contains("\nother 10\n"), "{text}");

    // What it measured began too long ago to be shown; its next run is new.
    orders.send(depths(&[("a", 8.0)])).unwrap();
    bench.await_runs("hangs", 2.0);
    orders.send(depths(&[("a", 9.0)])).unwrap();
    bench.collect();
    bench.await_runs("hangs", 3.0);
    orders.send(depths(&[("a", 10.0)])).unwrap();
    assert!(bench.collect().contains("depth{queue=\"a\"} 10\n"), "in time again, and waited for");
    assert_eq!(bench.runs("hangs", "ok"), 3.0);
}

#[test]
fn late_result_is_shown_by_the_next_gather() {
    let bench = Bench::new();
    let (orders, begun) = bench.depths_on_demand("slow", CollectorOptions::new().interval(LIMIT * 10));
    let text = bench.collect_past_the_limit(&begun);
    assert!(!text.contains("depth{"), "{text}");
    orders.send(depths(&[("a", 1.0)])).unwrap();
    bench.await_runs("slow", 1.0);
    assert!(!bench.registry.render().contains("depth{"), "only a gather changes what is shown");
    assert!(bench.collect().contains("depth{queue=\"a\"} 1\n"));
    assert_eq!((bench.runs("slow", "late"), bench.runs("slow", "ok")), (1.0, 0.0), "one outcome a run");
}

#[test]
fn failures_and_panics_change_nothing_until_the_values_are_stale() {
    let bench = Bench::new();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&heard);
    bench.diagnostics.set_hook(move |problem, cause| hook.lock().unwrap().push((problem, cause.to_owned())));
    let (orders, _begun) = bench.depths_on_demand("queues", often().fresh_for(LIMIT));
    orders.send(depths(&[("a", 1.0)])).unwrap();
    bench.collect();

    let fails: Run = Box::new(|depth, collection| {
        collection.set(depth, ["a".into()], 2.0);
        Err("cannot ask redis://user:word@cache:6379/0".into())
    });
    orders.send(fails).unwrap();
    orders.send(Box::new(|_, _| panic!("a collector that panics"))).unwrap();
    bench.registry.collect();
    bench.registry.collect();
    assert!(bench.registry.render().contains("depth{queue=\"a\"} 1\n"));
    assert_eq!((bench.runs("queues", "failed"), bench.runs("queues", "panicked")), (1.0, 1.0));
    let told = "queues: cannot ask redis://cache:6379".to_owned();
    assert_eq!(*heard.lock().unwrap(), [(Problem::CollectorFailed, told)], "the first of a row, without secrets");
    assert_eq!(bench.diagnostics.total(Problem::CollectorFailed), 2);

    bench.clock.advance(LIMIT - Duration::from_nanos(1));
    assert!(bench.registry.render().contains("depth{queue=\"a\"} 1\n"), "still fresh");
    bench.clock.advance(Duration::from_nanos(1));
    assert_eq!(bench.registry.snapshot().sum("depth", &[]), None, "for every reader");
    assert!(!bench.registry.render().contains("depth{"));

    orders.send(depths(&[("a", 3.0)])).unwrap();
    assert!(bench.collect().contains("depth{queue=\"a\"} 3\n"), "it runs after a panic");
}

#[test]
fn hundred_gathers_at_once_run_a_collector_once() {
    let bench = Bench::new();
    let runs = Arc::new(AtomicUsize::new(0));
    let (open, opened) = mpsc::channel::<()>();
    let counted = Arc::clone(&runs);
    let collector = move |_: &mut Collection| {
        counted.fetch_add(1, Ordering::Relaxed);
        let _ = opened.recv();
        Ok(())
    };
    bench.meter().collector("counts", collector).unwrap();
    thread::scope(|scope| {
        let gathers: Vec<_> = (0..100).map(|_| scope.spawn(|| bench.registry.collect())).collect();
        open.send(()).unwrap();
        gathers.into_iter().for_each(|gather| gather.join().unwrap());
    });
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    bench.clock.advance(options::DEFAULT_INTERVAL - Duration::from_nanos(1));
    bench.registry.collect();
    assert_eq!(runs.load(Ordering::Relaxed), 1, "not due");
    drop(open);
    bench.clock.advance(Duration::from_nanos(1));
    bench.registry.collect();
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[test]
fn nobody_waits_for_an_unawaited_collector() {
    let bench = Bench::new();
    let (orders, begun) = bench.depths_on_demand("remote", often().unawaited());
    assert!(!bench.collect().contains("depth{"), "the clock stands still, and it returns");
    begun.recv().unwrap();
    orders.send(depths(&[("a", 1.0)])).unwrap();
    bench.await_runs("remote", 1.0);
    assert!(bench.collect().contains("depth{queue=\"a\"} 1\n"));
    assert_eq!(bench.runs("remote", "ok"), 1.0);
    // The second run has begun, hangs, and is told as late by the gather that finds it so.
    bench.clock.advance(LIMIT);
    bench.collect();
    assert_eq!(bench.runs("remote", "late"), 1.0);
}

#[test]
fn unawaited_run_is_late_only_when_the_next_one_is_due() {
    let bench = Bench::new();
    let (orders, begun) = bench.depths_on_demand("remote", CollectorOptions::new().interval(LIMIT * 30).unawaited());
    bench.collect();
    begun.recv().unwrap();
    bench.clock.advance(LIMIT * 20);
    bench.collect();
    orders.send(depths(&[("a", 1.0)])).unwrap();
    bench.await_runs("remote", 1.0);
    assert!(bench.collect().contains("depth{queue=\"a\"} 1\n"));
    assert_eq!((bench.runs("remote", "late"), bench.runs("remote", "ok")), (0.0, 1.0));
}

#[test]
fn hook_and_error_that_panic_leave_the_collector_running() {
    #[derive(Debug)]
    struct Unspeakable;
    impl std::fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("an error that panics when it is shown")
        }
    }
    impl Error for Unspeakable {}

    let bench = Bench::new();
    bench.diagnostics.set_hook(|_, cause| panic!("a hook that panics: {cause}"));
    let (orders, _begun) = bench.depths_on_demand("queues", often());
    orders.send(Box::new(|_, _| Err(Unspeakable.into()))).unwrap();
    bench.collect();
    orders.send(Box::new(|_, _| Err("fails".into()))).unwrap();
    bench.collect();
    orders.send(depths(&[("a", 1.0)])).unwrap();
    assert!(bench.collect().contains("depth{queue=\"a\"} 1\n"));
    assert_eq!((bench.runs("queues", "panicked"), bench.runs("queues", "failed")), (1.0, 1.0));
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
fn collectors_that_break_a_rule_are_refused() {
    let meter = Bench::new().meter();
    let nothing = |_: &mut Collection| Ok(());
    meter.collector("machine", nothing).unwrap();
    let refused = meter.collector("machine", nothing).unwrap_err();
    assert_eq!(refused.to_string(), "collector \"machine\" is registered already: give one of them another name");
    assert!(matches!(meter.collector("a b", nothing).unwrap_err(), CollectorError::Name(_)));
    let hour = Duration::from_secs(3600);
    let stale = CollectorOptions::new().interval(hour).fresh_for(hour);
    let refused = meter.collector_with("tables", nothing, stale).unwrap_err();
    assert!(matches!(refused, CollectorError::StaleBetweenRuns { .. }), "{refused}");
    meter.collector_with("tables", nothing, CollectorOptions::new().interval(hour)).unwrap();
}

/// In a process of its own, whose every thread is to have a stack that no machine has: none can be started.
#[test]
fn run_without_a_thread_is_counted_and_tried_again() {
    const STACK: &str = "RUST_MIN_STACK";
    let of_no_machine = (1u64 << 46).to_string();
    if std::env::var(STACK).is_ok_and(|bytes| bytes == of_no_machine) {
        let bench = Bench::new();
        let (_orders, _begun) = bench.depths_on_demand("queues", often());
        bench.collect();
        bench.collect();
        assert_eq!(bench.runs("queues", "not_started"), 2.0);
        assert_eq!(bench.diagnostics.total(Problem::SpawnFailed), 2);
        return;
    }
    let (_crate, this) =
        concat!(module_path!(), "::run_without_a_thread_is_counted_and_tried_again").split_once("::").unwrap();
    let alone =
        Command::new(std::env::current_exe().unwrap()).args(["--exact", this]).env(STACK, of_no_machine).output();
    let alone = alone.unwrap();
    let said = String::from_utf8_lossy(&alone.stdout);
    assert!(alone.status.success() && said.contains("1 passed"), "{said}");
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
fn dropping_the_registry_drops_its_collectors() {
    let bench = Bench::new();
    let kept = Arc::new(());
    let (weak, depth) = (Arc::downgrade(&kept), bench.meter().collected::<f64, 1>(&DEPTH).unwrap());
    let collector = move |collection: &mut Collection| {
        let _used = &kept;
        collection.set(&depth, ["a".into()], 1.0);
        Ok(())
    };
    bench.meter().collector("keeps", collector).unwrap();
    bench.collect();
    drop(bench);
    // The thread of its run may still be about to end.
    eventually(|| weak.strong_count() == 0);
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
