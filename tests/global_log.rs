//! The process-wide parts of the log, in a process of their own: subscriber, `log` bridge, panic hook.
#![cfg(feature = "log")]

#[path = "support/child.rs"]
mod child;
#[path = "support/memory.rs"]
mod memory;

use std::cell::RefCell;
use std::fmt;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aistm7_monitoring::global::Installed;
use aistm7_monitoring::log::{
    Directives, Format, Log, LogOptions, Sink, install_log_bridge, install_panic_hook, install_subscriber,
};
use aistm7_monitoring::metrics::{Meter, Registry};
use aistm7_monitoring::trace::TraceContext;
use memory::Memory;
use serde_json::Value;
use tracing::Instrument;
use tracing::level_filters::LevelFilter;

const PATIENCE: Duration = Duration::from_secs(20);

fn start(memory: &Memory, directives: &str) -> Log {
    let options = LogOptions::new("global")
        .sink(Sink::Writer(Box::new(memory.clone())))
        .directives(Directives::parse(directives).expect("valid directives"));
    Log::start(options, &Meter::new(&Registry::new())).expect("a valid log")
}

fn lines_of(log: &Log, memory: &Memory, work: impl FnOnce()) -> Vec<Value> {
    work();
    assert_eq!(log.flush(PATIENCE).lost, 0);
    memory.take()
}

#[test]
fn one_log_takes_the_process_and_others_are_told() {
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&heard);
    std::panic::set_hook(Box::new(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    let (memory, other_memory) = (Memory::default(), Memory::default());
    let (log, other) = (start(&memory, "info,quiet=error"), start(&other_memory, "info"));

    for install in [install_subscriber, install_log_bridge, install_panic_hook] {
        assert_eq!(install(&log), Installed::Installed);
        assert_eq!(install(&log), Installed::AlreadyOurs);
        assert_eq!(install(&other), Installed::Taken);
    }

    events_of_both_facades_pass_the_filter(&log, &memory);
    summary_is_that_of_the_process(&log);
    levels_change_for_both_facades_and_every_thread(&log, &memory);
    record_in_the_formatting_of_another_has_its_own_pairs(&log, &memory);
    display_that_logs_gives_two_whole_lines(&log, &memory);
    event_from_a_thread_local_destructor_is_a_line(&log, &memory);
    panic_is_one_line_and_the_hosts_hook_hears_of_it(&log, &memory);
    panic_of_a_spawned_task_has_the_trace_of_its_span(&log, &memory);
    assert_eq!(heard.load(Ordering::Relaxed), 3);

    drop(log);
    assert_eq!(install_panic_hook(&other), Installed::Installed);
    let _ = std::thread::spawn(|| panic!("for the other")).join();
    // The hook has waited for the line.
    let lines = other_memory.take();
    assert_eq!((lines.len(), &lines[0]["details"]["panic"]), (1, &"for the other".into()));
    assert_eq!(heard.load(Ordering::Relaxed), 4);
    // Events have nowhere to go now, and harm nobody.
    tracing::error!("after the end");
    assert!(memory.take().is_empty());
}

fn events_of_both_facades_pass_the_filter(log: &Log, memory: &Memory) {
    let lines = lines_of(log, memory, || {
        tracing::info!(a = 1, "of tracing");
        tracing::debug!("too fine");
        tracing::warn!(target: "quiet", "too loud");
        log::info!("of log");
        log::debug!("too fine");
        log::warn!(target: "quiet::part", "too loud");
        log::error!(target: "quiet::part", attempt = 3, token = "hunter2"; "bad enough");
    });
    let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().expect("a string")).collect();
    assert_eq!(messages, ["of tracing", "of log", "bad enough"]);
    assert_eq!(lines[2]["level"], "ERROR");
    assert_eq!(lines[2]["details"].to_string(), r#"{"attempt":3,"token":"[redacted]"}"#);
}

fn summary_is_that_of_the_process(log: &Log) {
    let found = std::thread::spawn(aistm7_monitoring::log::summary).join().expect("no panic").expect("a log");
    let summary = log.summary();
    assert!(!summary.sites.is_empty());
    assert_eq!(
        (found.lines(tracing::Level::ERROR), found.sites),
        (summary.lines(tracing::Level::ERROR), summary.sites)
    );
}

/// Only under the process's subscriber: a thread's own is not asked while it works.
fn record_in_the_formatting_of_another_has_its_own_pairs(log: &Log, memory: &Memory) {
    struct Talkative;
    impl fmt::Display for Talkative {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            log::info!("bare");
            log::info!(inner = 1; "paired");
            f.write_str("said")
        }
    }
    let lines = lines_of(log, memory, || log::info!(outer = 2; "{Talkative}"));
    let mut found: Vec<_> =
        lines.iter().map(|line| (line["message"].to_string(), line["details"].to_string())).collect();
    found.sort();
    // However often a subscriber formats the message.
    found.dedup();
    let expected = [(r#""bare""#, "{}"), (r#""paired""#, r#"{"inner":1}"#), (r#""said""#, r#"{"outer":2}"#)];
    assert_eq!(found, expected.map(|(message, details)| (message.to_owned(), details.to_owned())));
}

fn levels_change_for_both_facades_and_every_thread(log: &Log, memory: &Memory) {
    let work = || {
        tracing::trace!(target: "fine", "of tracing");
        log::trace!(target: "fine::part", "of log");
        tracing::debug!(target: "other", "too fine");
        log::debug!(target: "other", "too fine");
    };
    // What neither facade gets past is refused by one comparison.
    let most = || (LevelFilter::current(), log::max_level());
    let before = log.levels().current().directives;
    let lines = lines_of(log, memory, || {
        assert_eq!(most(), (LevelFilter::INFO, log::LevelFilter::Info));
        work();
        let more = before.with("fine=trace").expect("valid directives");
        log.levels().set_for(more, PATIENCE).expect("a thread");
        assert_eq!(most(), (LevelFilter::TRACE, log::LevelFilter::Trace));
        work();
        std::thread::spawn(work).join().expect("no panic");
        std::thread::scope(|scope| scope.spawn(|| log.levels().revert()).join().expect("no panic"));
        assert_eq!(most(), (LevelFilter::INFO, log::LevelFilter::Info));
        work();
    });
    let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().expect("a string")).collect();
    let told = "log levels changed";
    assert_eq!(messages, [told, "of tracing", "of log", "of tracing", "of log", told]);
    assert_eq!(log.levels().current().directives, before);
}

fn display_that_logs_gives_two_whole_lines(log: &Log, memory: &Memory) {
    struct Talkative;

    impl fmt::Display for Talkative {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            tracing::warn!(inner = true, "from inside");
            f.write_str("done")
        }
    }

    let lines = lines_of(log, memory, || {
        let _span = tracing::info_span!("span", also = %Talkative).entered();
        tracing::info!(first = 1, value = %Talkative, "outer");
    });
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2]["details"].to_string(), r#"{"also":"done","first":1,"value":"done"}"#);
}

fn event_from_a_thread_local_destructor_is_a_line(log: &Log, memory: &Memory) {
    struct Last(tracing::Span);

    impl Drop for Last {
        fn drop(&mut self) {
            tracing::error!(value = %"v", "last words");
            self.0.record("late", "l");
            tracing::error!(parent: &self.0, "last words in a span");
        }
    }

    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }

    let lines = lines_of(log, memory, || {
        let thread = std::thread::spawn(|| {
            // Thread-locals are destroyed last come, first gone, so the log's own are gone before this one.
            LAST.set(Some(Last(tracing::info_span!("kept", early = 1, late = tracing::field::Empty))));
            let _span = tracing::info_span!("span", in_span = 1).entered();
            tracing::info!("first words");
        });
        thread.join().expect("no panic");
    });
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[1]["message"], &lines[1]["details"]["value"]), (&"last words".into(), &"v".into()));
    assert_eq!(lines[2]["details"].to_string(), r#"{"early":1,"late":"l"}"#);
}

fn panic_is_one_line_and_the_hosts_hook_hears_of_it(log: &Log, memory: &Memory) {
    let context = TraceContext::new_root();
    let entered = context.clone();
    let lines = lines_of(log, memory, || {
        let thread = std::thread::Builder::new().name("worker".to_owned()).spawn(move || {
            let _entered = entered.enter();
            panic!("no price for \"{}\"", "AAPL");
        });
        assert!(thread.expect("a thread").join().is_err());
    });
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!((&line["level"], &line["message"]), (&"ERROR".into(), &"panicked".into()));
    assert_eq!(line["traceId"], context.trace_id().to_string());
    assert_eq!(line["details"]["panic"], "no price for \"AAPL\"");
    assert_eq!(line["details"]["thread"], "worker");
    assert!(line["details"]["location"].as_str().is_some_and(|at| at.starts_with("tests/global_log.rs:")));
}

fn json_lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn panic_of_a_spawned_task_has_the_trace_of_its_span(log: &Log, memory: &Memory) {
    let context = TraceContext::new_root();
    let lines = lines_of(log, memory, || {
        let span = {
            let _entered = context.clone().enter();
            tracing::info_span!("request")
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
        let task = async {
            let _inner = tracing::info_span!("inner").entered();
            panic!("in a task");
        };
        assert!(runtime.block_on(runtime.spawn(task.instrument(span))).is_err());
        assert!(runtime.block_on(runtime.spawn(async { panic!("outside of any span") })).is_err());
    });
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["details"]["panic"], &lines[0]["traceId"]),
        (&"in a task".into(), &context.trace_id().to_string().into())
    );
    assert_eq!((&lines[1]["details"]["panic"], lines[1].get("traceId")), (&"outside of any span".into(), None));
}

#[test]
fn child_panics_under_the_hook() {
    if !child::is_child() {
        return;
    }
    let options = LogOptions::new("child").format(Format::Json).sink(Sink::Stdout);
    let log = Log::start(options, &Meter::new(&Registry::new())).expect("a valid log");
    assert_eq!(install_panic_hook(&log), Installed::Installed);
    println!();
    assert!(std::thread::spawn(|| panic!("under the hook")).join().is_err());
    log.emit(tracing::Level::INFO, "last line", &[]);
    drop(log);
    println!();
    assert!(std::thread::spawn(|| panic!("without a log")).join().is_err());
}

#[test]
fn panics_are_one_line_on_standard_output_and_none_on_standard_error_while_the_log_lives() {
    for (backtrace, present) in [("0", false), ("1", true)] {
        let mut child = child::command("child_panics_under_the_hook");
        let output = child.env("RUST_BACKTRACE", backtrace).output().expect("the test binary runs");
        let lines = json_lines(&output);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(lines.len(), 2, "{output:?}");
        assert_eq!(lines[0]["details"]["panic"], "under the hook");
        assert_eq!(lines[0]["details"].get("backtrace").is_some(), present);
        assert_eq!(lines[0].get("traceId"), None);
        assert_eq!(lines[1]["message"], "last line");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!error.contains("under the hook"), "{error}");
        assert!(error.contains("without a log"), "{error}");
    }
}
