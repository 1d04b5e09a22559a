//! Sinks that are slow, frozen, failing, partial, panicking or talkative, and the accounts that stay right.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use tracing::Level;

use super::{DropReason, Flushed, Sink};
use crate::clock::ManualClock;
use crate::log::core::Core;
use crate::log::tests::{Memory, PATIENCE};
use crate::log::{Log, LogOptions};
use crate::metrics::{Meter, Registry};

/// Too short for a sink that stands still, long enough for a test's taste.
const IMPATIENCE: Duration = Duration::from_millis(30);

fn start(sink: impl Write + Send + 'static, budget_bytes: usize) -> (Log, Registry) {
    let registry = Registry::new();
    let options = LogOptions::new("orders")
        .clock(ManualClock::new().clock())
        .sink(Sink::Writer(Box::new(sink)))
        .budget_bytes(budget_bytes);
    let log = Log::start(options, &Meter::new(&registry)).expect("a valid log");
    (log, registry)
}

fn dropped(registry: &Registry, reason: DropReason) -> f64 {
    let labels = [("reason", reason.as_str()), ("sink", "writer")];
    registry.snapshot().value("log_lines_dropped_total", &labels).expect("it exists at 0")
}

fn total(registry: &Registry, name: &str) -> f64 {
    registry.snapshot().sum(name, &[]).expect("it exists at 0")
}

/// The account that must always be square once nothing is under way.
fn assert_square(log: &Log, registry: &Registry) -> Flushed {
    let flushed = log.flush(PATIENCE);
    assert_eq!((flushed.written + flushed.lost) as f64, total(registry, "log_lines_total"));
    assert_eq!(flushed.lost as f64, total(registry, "log_lines_dropped_total"));
    flushed
}

/// A sink behind a gate: closed, every write waits.
#[derive(Clone, Default)]
struct Gated {
    memory: Memory,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

#[derive(Default)]
struct Gate {
    open: bool,
    waiting: bool,
}

impl Gated {
    fn open(&self) {
        self.gate.0.lock().unwrap().open = true;
        self.gate.1.notify_all();
    }

    /// Until the writer stands at the closed gate.
    fn until_waiting(&self) {
        let gate = self.gate.0.lock().unwrap();
        drop(self.gate.1.wait_timeout_while(gate, PATIENCE, |gate| !gate.waiting).unwrap());
    }
}

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut gate = self.gate.0.lock().unwrap();
        gate.waiting = true;
        self.gate.1.notify_all();
        drop(self.gate.1.wait_while(gate, |gate| !gate.open).unwrap());
        self.memory.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn frozen_sink_costs_lines_by_level_and_never_time() {
    let sink = Gated::default();
    let (log, registry) = start(sink.clone(), LogOptions::MIN_BUDGET_BYTES);
    let padding = "x".repeat(900);
    let fill = |level| {
        let before = dropped(&registry, DropReason::BufferFull);
        let mut taken = 0;
        while dropped(&registry, DropReason::BufferFull) == before {
            log.emit(level, "line", &[("padding", padding.as_str())]);
            taken += 1;
        }
        taken - 1
    };
    log.emit(Level::INFO, "the one that the sink stands still with", &[]);
    sink.until_waiting();
    let shares = [Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR, Level::ERROR].map(fill);
    // About a thousand bytes a line: half of 64 KiB, then a quarter each.
    assert_eq!(shares, [32, 0, 16, 16, 0]);
    assert_eq!(log.flush(IMPATIENCE), Flushed { written: 0, lost: 1 + 64 + 5 });

    sink.open();
    let flushed = assert_square(&log, &registry);
    let text = sink.memory.text();
    let told = text.lines().last().expect("lines");
    assert!(told.contains("\"level\":\"WARN\"") && told.contains("\"message\":\"log lines were dropped\""), "{told}");
    assert!(told.ends_with("\"details\":{\"buffer_full\":5}}"), "{told}");
    assert_eq!(flushed, Flushed { written: text.lines().count() as u64, lost: 5 });
    log.emit(Level::INFO, "and it is told once", &[]);
    let _ = log.flush(PATIENCE);
    assert_eq!(sink.memory.text().matches("log lines were dropped").count(), 1);
}

#[test]
fn frozen_sink_costs_the_other_sinks_nothing() {
    let (frozen, memory, registry) = (Gated::default(), Memory::default(), Registry::new());
    let options = LogOptions::new("orders")
        .clock(ManualClock::new().clock())
        .sink(Sink::Writer(Box::new(frozen.clone())))
        .also(Sink::Writer(Box::new(memory.clone())))
        .budget_bytes(LogOptions::MIN_BUDGET_BYTES);
    let log = Log::start(options, &Meter::new(&registry)).expect("a valid log");
    log.emit(Level::INFO, "the one that a sink stands still with", &[]);
    frozen.until_waiting();
    for _ in 0..1_000 {
        log.emit(Level::INFO, "line", &[]);
        let _ = log.0.core.outputs[1].queue.flush(PATIENCE);
    }
    assert_eq!(memory.text().lines().count(), 1_001, "each is written while the other sink stands still");
    let dropped = |sink| registry.snapshot().sum("log_lines_dropped_total", &[("sink", sink)]).expect("it exists at 0");
    assert_eq!(dropped("writer_2"), 0.0);
    let lost = dropped("writer");
    assert!(lost > 0.0);
    assert_eq!(total(&registry, "log_lines_total"), 1_001.0, "a line is one line, however many sinks it has");

    frozen.open();
    let flushed = log.flush(PATIENCE);
    // One line more tells the readers of the sink that stood still, and only them.
    assert_eq!((flushed.written + flushed.lost, flushed.lost as f64), (2 * 1_001 + 1, lost));
    assert!(frozen.memory.text().contains("log lines were dropped"));
    assert!(!memory.text().contains("log lines were dropped"));
}

#[test]
fn stopping_gives_up_on_a_frozen_sink_and_says_how_much() {
    let sink = Gated::default();
    let (log, registry) = start(sink.clone(), LogOptions::MIN_BUDGET_BYTES);
    for _ in 0..10 {
        log.emit(Level::INFO, "line", &[]);
    }
    sink.until_waiting();
    let core = Arc::clone(&log.0.core);
    assert_eq!(core.outputs[0].queue.stop(IMPATIENCE), 10);
    log.emit(Level::ERROR, "too late", &[]);
    assert_eq!(log.flush(IMPATIENCE), Flushed { written: 0, lost: 11 });
    assert_eq!(dropped(&registry, DropReason::Stopped), 1.0);
    // What the sink takes after all is not counted twice.
    sink.open();
    drop(log);
    assert_eq!(core.flush(PATIENCE), Flushed { written: 0, lost: 11 });
}

/// A sink that answers each write from a script, then takes everything.
struct Scripted<F> {
    memory: Memory,
    script: F,
    call: usize,
}

impl<F: FnMut(usize, &[u8]) -> Option<io::Result<usize>>> Write for Scripted<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call += 1;
        match (self.script)(self.call, bytes) {
            Some(Ok(taken)) => self.memory.write(&bytes[..taken]),
            Some(Err(error)) => Err(error),
            None => self.memory.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn scripted<F>(script: F) -> (Log, Registry, Memory)
where
    F: FnMut(usize, &[u8]) -> Option<io::Result<usize>> + Send + 'static,
{
    let memory = Memory::default();
    let (log, registry) = start(Scripted { memory: memory.clone(), script, call: 0 }, LogOptions::DEFAULT_BUDGET_BYTES);
    (log, registry, memory)
}

#[test]
fn sink_that_may_recover_loses_nothing() {
    for kind in [ErrorKind::StorageFull, ErrorKind::WouldBlock, ErrorKind::TimedOut, ErrorKind::Interrupted] {
        let (log, registry, memory) = scripted(move |call, _| (call <= 3).then(|| Err(kind.into())));
        log.emit(Level::INFO, "kept", &[]);
        assert_eq!(assert_square(&log, &registry), Flushed { written: 1, lost: 0 });
        assert_eq!(memory.text().lines().count(), 1);
        let counted = if kind == ErrorKind::Interrupted { 0.0 } else { 3.0 };
        assert_eq!(total(&registry, "log_write_errors_total"), counted);
    }
}

#[test]
fn sink_that_will_not_recover_costs_its_lines_and_the_next_lines_tell() {
    for refuse in [|| Err(ErrorKind::BrokenPipe.into()), || Ok(0), || panic!("in the sink")] {
        let (log, registry, memory) = scripted(move |call, _| (call == 1).then(refuse));
        log.emit(Level::INFO, "lost", &[]);
        assert_eq!(assert_square(&log, &registry), Flushed { written: 0, lost: 1 });
        assert_eq!(dropped(&registry, DropReason::IoError), 1.0);
        assert_eq!(total(&registry, "log_write_errors_total"), 1.0);
        log.emit(Level::INFO, "written", &[]);
        assert_eq!(assert_square(&log, &registry), Flushed { written: 2, lost: 1 });
        let text = memory.text();
        assert!(text.ends_with("\"details\":{\"io_error\":1}}\n"), "{text}");
    }
}

#[test]
fn sink_that_fails_again_and_again_is_told_of_in_one_sum() {
    let (log, registry, memory) = scripted(|call, _| (call <= 3).then(|| Err(ErrorKind::BrokenPipe.into())));
    for _ in 0..4 {
        log.emit(Level::INFO, "line", &[]);
        let _ = assert_square(&log, &registry);
    }
    // Three lines, and the lines that would have told of the first and of the first two.
    assert_eq!(dropped(&registry, DropReason::IoError), 5.0);
    assert!(memory.text().ends_with("\"details\":{\"io_error\":3}}\n"), "{}", memory.text());
}

#[test]
fn line_that_breaks_off_is_not_glued_to_the_next() {
    let (log, registry, memory) = scripted(|call, _| match call {
        1 => Some(Ok(10)),
        2 => Some(Err(ErrorKind::BrokenPipe.into())),
        _ => None,
    });
    log.emit(Level::INFO, "broken off", &[]);
    assert_eq!(assert_square(&log, &registry).lost, 1);
    log.emit(Level::INFO, "whole", &[]);
    let _ = assert_square(&log, &registry);
    let text = memory.text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0].len(), 10);
    assert!(lines[1].starts_with("{\"timestamp\"") && lines[1].contains("whole"), "{text}");
}

#[test]
fn sink_that_takes_a_few_bytes_at_a_time_gets_every_line() {
    let (log, registry, memory) = scripted(|_, bytes| Some(Ok(bytes.len().min(7))));
    for _ in 0..100 {
        log.emit(Level::INFO, "line", &[("a", "b")]);
    }
    assert_eq!(assert_square(&log, &registry), Flushed { written: 100, lost: 0 });
    assert_eq!(memory.text().lines().count(), 100);
    assert_eq!(total(&registry, "log_bytes_total"), memory.text().len() as f64);
}

#[test]
fn dropping_the_last_handle_waits_for_a_slow_sink() {
    let (log, registry, memory) = scripted(|_, bytes| {
        std::thread::sleep(Duration::from_millis(1));
        Some(Ok(bytes.len()))
    });
    let clone = log.clone();
    for _ in 0..5_000 {
        log.emit(Level::INFO, "line", &[]);
    }
    drop(log);
    drop(clone);
    assert_eq!(memory.text().lines().count(), 5_000);
    assert_eq!(total(&registry, "log_lines_dropped_total"), 0.0);
}

#[test]
fn burst_is_written_in_few_calls_without_a_drop() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let (log, registry, memory) = scripted(move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        None
    });
    for _ in 0..20_000 {
        log.emit(Level::INFO, "one of a burst", &[("padding", "0123456789")]);
    }
    assert_eq!(assert_square(&log, &registry), Flushed { written: 20_000, lost: 0 });
    assert_eq!(memory.text().lines().count(), 20_000);
    let calls = calls.load(Ordering::Relaxed);
    assert!(calls < 2_000, "{calls} calls");
}

#[test]
fn pipe_that_nobody_reads_any_more_is_an_error_and_no_more() {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    let (log, registry) = start(writer, LogOptions::MIN_BUDGET_BYTES);
    log.emit(Level::INFO, "line", &[]);
    assert_eq!(assert_square(&log, &registry), Flushed { written: 0, lost: 1 });
    assert_eq!(dropped(&registry, DropReason::IoError), 1.0);
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_tried_until_the_log_stops() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let (log, registry) = start(full, LogOptions::MIN_BUDGET_BYTES);
    log.emit(Level::INFO, "line", &[]);
    assert_eq!(log.flush(IMPATIENCE), Flushed { written: 0, lost: 1 });
    // It is tried again: this ends.
    while total(&registry, "log_write_errors_total") < 3.0 {
        std::thread::yield_now();
    }
    assert_eq!(dropped(&registry, DropReason::IoError), 0.0);
    assert_eq!(log.0.core.outputs[0].queue.stop(IMPATIENCE), 1);
}

struct Talkative {
    core: Arc<OnceLock<Arc<Core>>>,
    memory: Memory,
}

impl Write for Talkative {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let core = self.core.get().expect("set before the first line");
        core.emit(Level::ERROR, "the sink speaks", &[]);
        assert_eq!(
            core.outputs[0].queue.flush(PATIENCE).1,
            1,
            "a sink that flushes its own log does not wait for itself"
        );
        self.memory.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(ErrorKind::Other.into())
    }
}

#[test]
fn sink_that_logs_does_not_feed_itself() {
    let (core, memory) = (Arc::default(), Memory::default());
    let (log, registry) =
        start(Talkative { core: Arc::clone(&core), memory: memory.clone() }, LogOptions::MIN_BUDGET_BYTES);
    core.set(Arc::clone(&log.0.core)).expect("set once");
    log.emit(Level::INFO, "line", &[]);
    assert_eq!(assert_square(&log, &registry), Flushed { written: 1, lost: 1 });
    assert_eq!(dropped(&registry, DropReason::WriterThread), 1.0);
    assert_eq!(memory.text().lines().count(), 1);
    // Dropping the log waits for the writer, so the failure to flush has been counted.
    drop(log);
    assert_eq!(total(&registry, "log_write_errors_total"), 1.0);
}
