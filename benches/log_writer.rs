//! A burst of log lines, from one producer and from two, through this crate's log and through `tracing-appender`.
//!
//! Lines go to the null device by a `write` call each time the contender writes, and the calls are counted. A producer of
//! this log makes each line of an event and hands it over. One of `tracing-appender` alone hands over a line that was made
//! before, which is the harder test of its buffer and the easier one of its time; behind `tracing-subscriber`'s JSON it makes
//! each line of the same event. The figures are medians over rounds, each of all contenders in turn: what a line costs its
//! producers, how many lines were dropped, and how often `write` was called.
//!
//! `--test` runs a short burst once, to prove that the bench works. `--assert` fails when a figure misses its bound.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

#[path = "../tests/support/memory.rs"]
mod memory;

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::log::{Log, LogOptions, Sink};
use aistm7_monitoring::metrics::{Meter, Registry};
use memory::Memory;
use tracing::{Dispatch, dispatcher};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt as _;

const BURST: u64 = 600_000;
const ROUNDS: usize = 9;

/// Longer than any sink here needs.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Contender {
    ThisLog,
    AppenderLossy,
    AppenderBlocking,
    SubscriberAndAppender,
}

const CONTENDERS: [(Contender, &str); 4] = [
    (Contender::ThisLog, "this log, from events"),
    (Contender::AppenderLossy, "tracing-appender, lossy, line given"),
    (Contender::AppenderBlocking, "tracing-appender, blocking, line given"),
    (Contender::SubscriberAndAppender, "tracing-subscriber's JSON and that"),
];

/// The null device, and how often it was written to.
struct Counting {
    device: File,
    calls: Arc<AtomicU64>,
}

impl Counting {
    fn new() -> (Self, Arc<AtomicU64>) {
        let calls = Arc::<AtomicU64>::default();
        let device = File::options().write(true).open("/dev/null").expect("there is a null device");
        (Self { device, calls: Arc::clone(&calls) }, calls)
    }
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Ordering: read once the writer has ended.
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.device.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a burst came to.
#[derive(Clone, Copy)]
struct Outcome {
    nanos_a_line: f64,
    dropped: f64,
    calls: f64,
}

fn run(contender: Contender, producers: u64, lines: u64) -> Outcome {
    let (sink, calls) = Counting::new();
    let each = lines / producers;
    let (nanos, dropped) = match contender {
        Contender::ThisLog => through_this_log(sink, producers, each),
        Contender::AppenderLossy => {
            through_appender(NonBlockingBuilder::default().lossy(true).finish(sink), producers, each)
        }
        Contender::AppenderBlocking => through_appender(blocking(sink), producers, each),
        Contender::SubscriberAndAppender => through_both(blocking(sink), producers, each),
    };
    // The casts are exact for any count here.
    Outcome {
        nanos_a_line: nanos as f64 / (each * producers) as f64,
        dropped: dropped as f64,
        calls: calls.load(Ordering::Relaxed) as f64,
    }
}

/// The time that the producers took, in nanoseconds.
fn produce(producers: u64, lines: impl Fn() + Send + Sync) -> u128 {
    let clock = Clock::system();
    let begun = clock.now();
    thread::scope(|scope| {
        for _ in 0..producers {
            scope.spawn(&lines);
        }
    });
    (clock.now() - begun).as_nanos()
}

fn through_this_log(sink: Counting, producers: u64, each: u64) -> (u128, u64) {
    let log = start(sink);
    let nanos = produce_events(&Dispatch::new(tracing_subscriber::registry().with(log.layer())), producers, each);
    let lost = log.flush(PATIENCE).lost;
    (nanos, lost)
}

fn produce_events(dispatch: &Dispatch, producers: u64, each: u64) -> u128 {
    produce(producers, || dispatcher::with_default(dispatch, || (0..each).for_each(|_| event())))
}

fn start(sink: impl Write + Send + 'static) -> Log {
    let options = LogOptions::new("risk-analysis").sink(Sink::Writer(Box::new(sink)));
    Log::start(options, &Meter::new(&Registry::new())).expect("valid settings")
}

fn event() {
    tracing::error!(
        error = "InsufficientHistoricalData",
        portfolio = "user123",
        method = "historical simulation over 250 trading days",
        symbol = "AAPL",
        venue = "a venue with a name that is not short",
        latency_ms = 12.75,
        "Failed to calculate VaR"
    );
}

fn through_appender(appender: (NonBlocking, WorkerGuard), producers: u64, each: u64) -> (u128, u64) {
    let (writer, guard) = appender;
    let dropped = writer.error_counter();
    let line = line();
    let nanos = produce(producers, || {
        let mut writer = writer.clone();
        // A lossy one says that it took what it dropped, and counts that.
        (0..each).for_each(|_| drop(writer.write_all(&line)));
    });
    drop(guard);
    // The cast widens.
    (nanos, dropped.dropped_lines() as u64)
}

fn blocking(sink: Counting) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default().lossy(false).finish(sink)
}

fn through_both((writer, guard): (NonBlocking, WorkerGuard), producers: u64, each: u64) -> (u128, u64) {
    let dropped = writer.error_counter();
    let layer = tracing_subscriber::fmt::layer().json().with_writer(writer);
    let nanos = produce_events(&Dispatch::new(tracing_subscriber::registry().with(layer)), producers, each);
    drop(guard);
    // The cast widens.
    (nanos, dropped.dropped_lines() as u64)
}

/// The line of [`event`].
fn line() -> Vec<u8> {
    let memory = Memory::default();
    let log = start(memory.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(log.layer()), event);
    drop(log);
    let line = memory.bytes();
    assert!(line.ends_with(b"\n"), "dropping the log wrote it out");
    line
}

fn median(outcomes: &[Outcome], figure: impl Fn(&Outcome) -> f64) -> f64 {
    let mut figures: Vec<_> = outcomes.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// What the issue that asked for this writer set as bounds, beside `tracing-appender`.
const MOST_OF_ITS_CALLS: f64 = 0.1;
const MOST_OF_ITS_TIME: f64 = 1.0;

/// How much of a burst its lossy mode drops at least, where this log drops none: else the burst proves nothing.
const LEAST_OF_ITS_DROPS: f64 = 0.25;

/// The medians of a contender's bursts.
struct Medians {
    nanos_a_line: f64,
    dropped: f64,
    calls: f64,
    /// The most lines that any burst had dropped.
    most_dropped: f64,
}

impl Medians {
    fn of(outcomes: &[Outcome]) -> Self {
        Self {
            nanos_a_line: median(outcomes, |outcome| outcome.nanos_a_line),
            dropped: median(outcomes, |outcome| outcome.dropped),
            calls: median(outcomes, |outcome| outcome.calls),
            most_dropped: outcomes.iter().map(|outcome| outcome.dropped).fold(0.0, f64::max),
        }
    }
}

fn main() {
    let has = |name: &str| std::env::args().any(|argument| argument == name);
    let (lines, rounds) = if has("--test") { (2_000, 1) } else { (BURST, ROUNDS) };
    let missed: Vec<_> = [1, 2].into_iter().flat_map(|producers| bursts(producers, lines, rounds)).collect();
    if has("--assert") {
        assert!(missed.is_empty(), "{missed:?}");
    }
}

/// Prints a table, and says which bounds were missed.
fn bursts(producers: u64, lines: u64, rounds: usize) -> Vec<String> {
    let mut outcomes = CONTENDERS.map(|_| Vec::new());
    for _ in 0..rounds {
        for ((contender, _), outcomes) in CONTENDERS.iter().zip(&mut outcomes) {
            outcomes.push(run(*contender, producers, lines));
        }
    }
    println!("{lines} lines of {} bytes, {producers} producer(s), medians of {rounds}", line().len());
    println!("{:<40} {:>9} {:>14} {:>12}", "", "ns a line", "lines dropped", "write calls");
    let medians = outcomes.map(|outcomes| Medians::of(&outcomes));
    for ((_, name), medians) in CONTENDERS.iter().zip(&medians) {
        println!("{name:<40} {:>9.0} {:>14.0} {:>12.0}", medians.nanos_a_line, medians.dropped, medians.calls);
    }
    let [ours, lossy, blocking, from_events] = medians;
    let calls = ours.calls / lossy.calls;
    let time = ours.nanos_a_line / blocking.nanos_a_line;
    println!(
        "ours to theirs: {calls:.4} of the write calls of the lossy one; {time:.2} of the time of the blocking one whose lines \
         are given, {:.2} of that from events; most lines dropped by ours in any round: {:.0}\n",
        ours.nanos_a_line / from_events.nanos_a_line,
        ours.most_dropped,
    );
    let bounds = [
        ("write calls", calls < MOST_OF_ITS_CALLS),
        // Two producers make twice the lines for one writer.
        ("lines dropped", producers > 1 || ours.dropped == 0.0),
        ("lines that the lossy one drops", lossy.dropped >= LEAST_OF_ITS_DROPS * lines as f64),
        ("time", time <= MOST_OF_ITS_TIME),
    ];
    let missed = bounds.into_iter().filter(|(_, is_met)| !is_met);
    missed.map(|(name, _)| format!("{name}, {producers} producer(s)")).collect()
}
