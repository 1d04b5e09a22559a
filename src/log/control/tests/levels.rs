//! Levels while the log runs: what they enable, for whom, and how they come back.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, debug, debug_span, error, info, trace};
use tracing_subscriber::layer::{Filter, SubscriberExt as _};
use tracing_subscriber::{Layer, Registry};

use super::{lines_of, meet_bystanders, messages, until};
use crate::clock::ManualClock;
use crate::log::tests::{Counting, Fixture};
use crate::log::{Directives, Levels, LevelsError};

const MINUTE: Duration = Duration::from_secs(60);

/// What a change says of itself.
const CHANGED: &str = "log levels changed";

fn directives(text: &str) -> Directives {
    Directives::parse(text).expect(text)
}

/// A log whose time is held, and its levels.
fn held(levels: &str) -> (Fixture, Levels, ManualClock) {
    meet_bystanders();
    let clock = ManualClock::new();
    let fixture = Fixture::with(|options| options.clock(clock.clock()).directives(directives(levels)));
    let levels = fixture.log.levels().clone();
    (fixture, levels, clock)
}

#[test]
fn change_holds_at_once_for_each_module_and_is_told() {
    let (fixture, levels, _clock) = held("info");
    let work = || {
        debug!(target: "sqlx::query", "of sqlx");
        debug!(target: "other", "of another");
        info!(target: "other", "ordinary");
    };
    fixture.run(|| {
        work();
        levels.set(levels.current().directives.with("sqlx=debug,other=warn").expect("valid"));
        work();
        levels.set(directives("off"));
        work();
    });
    let lines = fixture.lines();
    assert_eq!(messages(&lines), ["ordinary", "log levels changed", "of sqlx", "log levels changed"]);
    assert_eq!(lines[1]["level"], "INFO");
    assert_eq!(lines[1]["details"]["directives"], "other=warn,sqlx=debug,info");
}

#[test]
fn change_silences_no_other_layer_and_no_other_log() {
    let (first, levels, _clock) = held("trace");
    let (second, _, _clock) = held("debug");
    let everything = Counting::default();
    let subscriber = tracing_subscriber::registry()
        .with(first.log.layer().with_filter(first.log.levels().clone()))
        .with(second.log.layer().with_filter(second.log.levels().clone()))
        .with(everything.clone());
    tracing::subscriber::with_default(subscriber, || {
        let work = || {
            trace!("fine");
            debug!("less");
            error!("bad");
        };
        for changed in ["error", "off", "trace"] {
            levels.set(directives(changed));
            work();
        }
    });
    assert_eq!(everything.events(), 9);
    let told = "log levels changed";
    assert_eq!(messages(&first.lines()), [told, "bad", told, told, "fine", "less", "bad"]);
    assert_eq!(messages(&second.lines()), ["less", "bad"].repeat(3));
}

#[test]
fn levels_as_a_layer_hold_for_all_of_their_subscriber() {
    let (fixture, levels, _clock) = held("warn");
    let (everything, layer) = (Counting::default(), fixture.log.layer());
    let subscriber = tracing_subscriber::registry().with(everything.clone()).with(layer.and_then(levels.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let work = || {
            let _span = debug_span!(target: "a", "hidden or shown", shown = 1).entered();
            debug!(target: "a", "debug of a");
            error!("bad");
        };
        work();
        levels.set(directives("error,a=debug"));
        work();
        levels.revert();
        levels.set(directives("off"));
        work();
    });
    assert_eq!(everything.events(), 3);
    let lines = fixture.lines();
    assert_eq!(messages(&lines), ["bad", CHANGED, "debug of a", "bad", CHANGED]);
    assert_eq!(lines[0]["details"].to_string(), "{}");
    assert_eq!(lines[3]["details"].to_string(), r#"{"shown":1}"#);
}

#[test]
fn callsites_and_maximum_level_are_told_what_holds_so_that_nothing_is_asked_at_an_event() {
    let (fixture, levels, _clock) = held("trace");
    let span = fixture.run(|| debug_span!(target: "a", "any"));
    let metadata = span.metadata().expect("an enabled span");
    let asked = || {
        let interest = <Levels as Filter<Registry>>::callsite_enabled(&levels, metadata);
        (interest.is_never(), interest.is_always(), <Levels as Filter<Registry>>::max_level_hint(&levels))
    };
    for (text, never, most) in [
        ("warn", true, LevelFilter::WARN),
        // The spans of requests stay, see `Directives`.
        ("off", true, LevelFilter::ERROR),
        ("error,a=debug", false, LevelFilter::DEBUG),
        ("trace,a=info", true, LevelFilter::TRACE),
    ] {
        levels.set(directives(text));
        assert_eq!(asked(), (never, !never, Some(most)), "{text}");
    }
}

#[test]
fn callsite_that_was_met_before_a_change_knows_of_it() {
    let (fixture, levels, _clock) = held("warn");
    fixture.run(|| {
        for text in ["warn", "warn,a=debug", "info", "trace", "error"] {
            levels.set(directives(text));
            debug!(target: "a", "debug of a");
            info!(target: "b", "info of b");
        }
    });
    let lines = fixture.lines();
    let between: Vec<_> = messages(&lines).split(|message| *message == CHANGED).map(<[_]>::to_vec).collect();
    let expected: [&[&str]; 6] = [&[], &[], &["debug of a"], &["info of b"], &["debug of a", "info of b"], &[]];
    assert_eq!(between, expected);
}

#[test]
fn change_for_a_time_is_taken_back_without_a_runtime_when_the_time_is_over() {
    let (fixture, levels, clock) = held("info");
    levels.set_for(directives("debug"), 10 * MINUTE).expect("a thread");
    clock.advance(4 * MINUTE);
    let current = levels.current();
    assert_eq!((current.directives, current.permanent), (directives("debug"), directives("info")));
    assert_eq!(current.reverts_in, Some(6 * MINUTE));
    // A later one takes the place of the first, and its time counts from now on.
    levels.set_for(directives("trace"), 7 * MINUTE).expect("a thread");
    clock.advance(6 * MINUTE);
    assert_eq!(levels.current().reverts_in, Some(MINUTE));
    clock.advance(MINUTE);
    until("waited for the old levels", || levels.current().directives == directives("info"));
    assert_eq!(levels.current().reverts_in, None);
    let lines = lines_of(&fixture);
    let told: Vec<_> = lines.iter().map(|line| (&line["details"]["change"], &line["details"]["directives"])).collect();
    assert_eq!(told.len(), 3, "{lines:?}");
    assert_eq!(told[2], (&"time is over".into(), &"info".into()));
    assert_eq!(lines[0]["details"]["reverts_in_seconds"], "600");
}

#[test]
fn later_change_and_revert_stand_over_the_time() {
    let (fixture, levels, clock) = held("info");
    levels.set_for(directives("debug"), MINUTE).expect("a thread");
    levels.set(directives("warn"));
    clock.advance(2 * MINUTE);
    assert_eq!(levels.current().directives, directives("warn"));
    levels.set_for(directives("trace"), MINUTE).expect("a thread");
    levels.revert();
    levels.revert();
    assert_eq!(levels.current().directives, directives("warn"));
    clock.advance(2 * MINUTE);
    // Of the two reverts one had something to take back, and no time was left to be over.
    assert_eq!(lines_of(&fixture).len(), 4);
}

#[test]
fn time_is_taken_back_while_the_sink_stands_still_and_keeps_nothing_alive() {
    let (fixture, levels, clock) = held("info");
    let frozen = fixture.memory.freeze();
    levels.set_for(directives("debug"), MINUTE).expect("a thread");
    clock.advance(MINUTE);
    until("waited for the old levels", || levels.current().reverts_in.is_none());
    drop(frozen);
    levels.set_for(directives("debug"), MINUTE).expect("a thread");
    let shared = Arc::downgrade(&levels.0);
    let Fixture { log, memory, .. } = fixture;
    drop((log, levels));
    until("waited for the last user to be gone", || shared.strong_count() == 0);
    assert!(memory.text().contains("time is over"));
}

#[test]
fn times_that_are_none_are_refused_and_change_nothing() {
    let (_fixture, levels, _clock) = held("info");
    for time in [Duration::ZERO, Levels::LONGEST + Duration::from_nanos(1), Duration::MAX] {
        let refused = levels.set_for(directives("trace"), time).expect_err("no such time");
        assert!(matches!(refused, LevelsError::Invalid(_)), "{refused}");
        assert_eq!(levels.current().directives, directives("info"));
    }
    levels.set_for(directives("trace"), Levels::LONGEST).expect("a day is fine");
}

#[test]
fn changes_at_once_leave_callsites_and_levels_in_agreement() {
    let (fixture, levels, _clock) = held("info");
    let start = Barrier::new(3);
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(fixture.log.layer().with_filter(levels.clone())));
    std::thread::scope(|scope| {
        for text in ["error", "debug", "trace"] {
            let (levels, start) = (&levels, &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..50 {
                    levels.set(directives(text));
                }
            });
        }
    });
    let last = levels.current().directives.to_string();
    tracing::dispatcher::with_default(&dispatch, || {
        info!("of info");
        debug!("of debug");
        trace!("of trace");
    });
    let lines = fixture.lines();
    let of_events: Vec<_> = messages(&lines).into_iter().filter(|message| *message != CHANGED).collect();
    let expected: &[&str] = match &*last {
        "error" => &[],
        "debug" => &["of info", "of debug"],
        _ => &["of info", "of debug", "of trace"],
    };
    assert_eq!(of_events, expected, "{last}");
}
