//! Lines that repeat themselves: which are held back, and what is told of them.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tracing::{debug, error, info, warn};

use super::{lines_of, meet_bystanders, messages, until};
use crate::clock::ManualClock;
use crate::log::tests::{Fixture, Memory};
use crate::log::{Log, Repeats};

const SECOND: Duration = Duration::from_secs(1);

fn limited(repeats: Repeats) -> (Fixture, ManualClock) {
    meet_bystanders();
    let clock = ManualClock::new();
    let fixture = Fixture::with(|options| options.clock(clock.clock()).repeats(repeats));
    (fixture, clock)
}

fn suppressed(fixture: &Fixture, level: &str) -> Option<f64> {
    fixture.value("log_lines_suppressed_total", &[("level", level)])
}

#[test]
fn each_callsite_has_its_burst_and_the_rest_is_one_line() {
    let (fixture, clock) = limited(Repeats::per_callsite(3, SECOND));
    let repeated = || warn!(target: "orders", attempt = 1, "repeated");
    fixture.run(|| {
        (0..10).for_each(|_| repeated());
        (0..3).for_each(|_| info!(target: "orders", "another"));
        clock.advance(2 * SECOND);
        // Two seconds are two lines more.
        (0..5).for_each(|_| repeated());
        std::thread::scope(|scope| {
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            scope.spawn(move || tracing::dispatcher::with_default(&dispatch, repeated));
        });
    });
    let lines = lines_of(&fixture);
    let mut expected = ["repeated"; 3].to_vec();
    expected.extend(["another"; 3]);
    expected.extend(["repeated"; 2]);
    expected.push("suppressed 11 repeated lines");
    assert_eq!(messages(&lines), expected);
    let told = &lines[8];
    assert_eq!(told["level"], "WARN");
    let details = &told["details"];
    assert_eq!((&details["suppressed"], &details["target"]), (&11.into(), &"orders".into()));
    assert!(details["callsite"].as_str().is_some_and(|at| at.contains("control/tests/repeats.rs:")), "{details}");
    assert_eq!(details["seconds"], 2);
    assert_eq!((suppressed(&fixture, "warn"), suppressed(&fixture, "info")), (Some(11.0), Some(0.0)));
    // What was told is told once.
    assert_eq!(lines_of(&fixture).len(), 9);
}

#[test]
fn what_was_held_back_is_told_though_nobody_logs_any_more() {
    let (fixture, clock) = limited(Repeats::per_callsite(1, SECOND));
    fixture.run(|| (0..5).for_each(|_| info!(target: "orders", "repeated")));
    let told = |memory: &Memory| memory.text().contains("suppressed 4 repeated lines");
    clock.advance(9 * SECOND);
    assert!(!told(&fixture.memory));
    clock.advance(SECOND);
    until("waited to be told", || told(&fixture.memory));
    // So it is again, and at the end.
    fixture.run(|| (0..3).for_each(|_| info!(target: "orders", "again")));
    let Fixture { log, memory, .. } = fixture;
    drop(log);
    assert!(memory.text().contains("suppressed 2 repeated lines"), "{}", memory.text());
}

#[test]
fn errors_and_exempt_targets_are_never_held_back_unless_asked() {
    let strict = Repeats::per_callsite(1, SECOND);
    let work = || {
        for _ in 0..4 {
            error!(target: "orders", "failed");
            info!(target: "orders::audit::trail", "ordered");
            info!(target: "aistm7_monitoring::access", "request");
        }
    };
    let held_back = |repeats: Repeats| {
        let (fixture, _clock) = limited(repeats);
        fixture.run(work);
        [suppressed(&fixture, "error"), suppressed(&fixture, "info")].map(Option::unwrap)
    };
    assert_eq!(held_back(strict.clone()), [0.0, 3.0]);
    assert_eq!(held_back(strict.clone().except_target("orders::audit")), [0.0, 0.0]);
    assert_eq!(held_back(strict.errors_too()), [3.0, 3.0]);
}

#[test]
fn nothing_is_formatted_of_what_is_held_back() {
    struct Counted<'a>(&'a AtomicUsize);

    impl fmt::Display for Counted<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fetch_add(1, Ordering::Relaxed);
            f.write_str("formatted")
        }
    }

    let (fixture, _clock) = limited(Repeats::per_callsite(2, SECOND));
    let formatted = AtomicUsize::new(0);
    fixture.run(|| (0..50).for_each(|_| debug!(target: "orders", value = %Counted(&formatted), "repeated")));
    assert_eq!(formatted.load(Ordering::Relaxed), 2);
}

#[test]
fn records_of_the_log_crate_are_told_apart_by_where_they_are_from() {
    let (fixture, _clock) = limited(Repeats::per_callsite(1, SECOND));
    fixture.run(|| {
        for _ in 0..3 {
            for line in [7, 8] {
                let mut record = log::Record::builder();
                record.level(log::Level::Warn).target("driver").file(Some("pool.rs")).line(Some(line));
                tracing_log::format_trace(&record.args(format_args!("slow")).build()).expect("it never fails");
            }
        }
    });
    let lines = lines_of(&fixture);
    assert_eq!(messages(&lines)[..2], ["slow", "slow"]);
    let told: Vec<&Value> = lines[2..].iter().map(|line| &line["details"]["callsite"]).collect();
    assert_eq!(told, ["pool.rs:7", "pool.rs:8"]);
}

#[test]
fn thread_that_tells_ends_with_the_log() {
    let (fixture, _clock) = limited(Repeats::per_callsite(1, SECOND));
    let layer = fixture.log.layer();
    let core = std::sync::Arc::downgrade(&fixture.log.0.core);
    drop::<Log>(fixture.log);
    // The layer does not keep it: beside the layer's, nobody has a hold on the core.
    until("waited for the threads to end", || core.strong_count() == 1);
    drop(layer);
}
