//! How collectors run: in time, late, in vain, not at all.

use std::error::Error;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use super::{Bench, DEPTH, LIMIT, OTHER, Run, depths, eventually, often};
use crate::diagnostics::Problem;
use crate::metrics::collect::options::{DEFAULT_FRESH_FOR, DEFAULT_INTERVAL};
use crate::metrics::{Collected, Collection, CollectorError, CollectorOptions};

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
    let text = bench.collect_past_the_limit(&begun, || bench.await_runs("works", 2.0));
    assert!(text.contains("depth{queue=\"a\"} 7\n") && text.contains("\nother 2\n"), "{text}");
    assert_eq!(bench.runs("hangs", "late"), 1.0);
    // From now on nobody waits for it: the clock stands still.
    for at in 3..10 {
        assert!(bench.collect().contains(&format!("\nother {at}\n")));
    }
    assert!(begun.try_recv().is_err(), "no other run begins");
    assert_eq!(bench.runs("hangs", "late"), 1.0, "told once");
    assert_eq!(bench.diagnostics.total(Problem::CollectorFailed), 1);

    bench.clock.advance(DEFAULT_FRESH_FOR);
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
    let text = bench.collect_past_the_limit(&begun, || ());
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
    bench.clock.advance(DEFAULT_INTERVAL - Duration::from_nanos(1));
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
