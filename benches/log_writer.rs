//! A burst of log lines, from one producer and from two, through this crate's log and through `tracing-appender`.
//!
//! Lines go to the null device by a `write` call each time the contender writes, and the calls are counted. A producer of
//! this log makes each line it hands over, with its time, its JSON and its counters; one of `tracing-appender` hands over
//! a line that was made before, as long as ours. The figures are medians over rounds, each of all contenders in turn: what
//! a line costs its producers, how many lines were dropped, and how often `write` was called. `--test` runs a short burst
//! once.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::log::{Log, LogOptions, Sink};
use aistm7_monitoring::metrics::{Meter, Registry};
use tracing::Level;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

const BURST: u64 = 600_000;
const ROUNDS: usize = 9;

/// Longer than any sink here needs.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Contender {
    ThisLog,
    AppenderLossy,
    AppenderBlocking,
}

const CONTENDERS: [(Contender, &str); 3] = [
    (Contender::ThisLog, "this log, line made"),
    (Contender::AppenderLossy, "tracing-appender, lossy"),
    (Contender::AppenderBlocking, "tracing-appender, blocking"),
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
        Contender::AppenderBlocking => {
            through_appender(NonBlockingBuilder::default().lossy(false).finish(sink), producers, each)
        }
    };
    // The casts are exact for any count here.
    Outcome {
        nanos_a_line: nanos as f64 / (each * producers) as f64,
        dropped: dropped as f64,
        calls: calls.load(Ordering::Relaxed) as f64,
    }
}

/// The time that the producers took, in nanoseconds.
fn produce(producers: u64, each: u64, line: impl Fn() + Send + Sync) -> u128 {
    let clock = Clock::system();
    let begun = clock.now();
    thread::scope(|scope| {
        for _ in 0..producers {
            scope.spawn(|| (0..each).for_each(|_| line()));
        }
    });
    (clock.now() - begun).as_nanos()
}

fn through_this_log(sink: Counting, producers: u64, each: u64) -> (u128, u64) {
    let options = LogOptions::new("risk-analysis").sink(Sink::Writer(Box::new(sink)));
    let log = Log::start(options, &Meter::new(&Registry::new())).expect("valid settings");
    let nanos = produce(producers, each, || emit(&log));
    let lost = log.flush(PATIENCE).lost;
    (nanos, lost)
}

fn emit(log: &Log) {
    log.emit(
        Level::ERROR,
        "Failed to calculate VaR",
        &[
            ("error", "InsufficientHistoricalData"),
            ("portfolio", "user123"),
            ("method", "historical simulation over 250 trading days"),
            ("symbol", "AAPL"),
            ("venue", "a venue with a name that is not short"),
            ("latency_ms", "12.75"),
        ],
    );
}

fn through_appender(appender: (NonBlocking, WorkerGuard), producers: u64, each: u64) -> (u128, u64) {
    let (writer, guard) = appender;
    let dropped = writer.error_counter();
    let line = line();
    let nanos = produce(producers, each, || {
        // A lossy one says that it took what it dropped, and counts that.
        let _ = writer.clone().write_all(&line);
    });
    drop(guard);
    // The cast widens.
    (nanos, dropped.dropped_lines() as u64)
}

/// A line as [`emit`] makes it.
fn line() -> Vec<u8> {
    #[derive(Clone, Default)]
    struct Memory(Arc<std::sync::Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic while locked").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let memory = Memory::default();
    let options = LogOptions::new("risk-analysis").sink(Sink::Writer(Box::new(memory.clone())));
    emit(&Log::start(options, &Meter::new(&Registry::new())).expect("valid settings"));
    let line = memory.0.lock().expect("no panic while locked").clone();
    assert!(line.ends_with(b"\n"), "dropping the log wrote it out");
    line
}

fn median(outcomes: &[Outcome], figure: impl Fn(&Outcome) -> f64) -> f64 {
    let mut figures: Vec<_> = outcomes.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let is_test = std::env::args().any(|arg| arg == "--test");
    let (lines, rounds) = if is_test { (2_000, 1) } else { (BURST, ROUNDS) };
    for producers in [1, 2] {
        let mut outcomes = CONTENDERS.map(|_| Vec::new());
        for _ in 0..rounds {
            for ((contender, _), outcomes) in CONTENDERS.iter().zip(&mut outcomes) {
                outcomes.push(run(*contender, producers, lines));
            }
        }
        println!("{lines} lines of {} bytes, {producers} producer(s), medians of {rounds}", line().len());
        println!("{:<28} {:>9} {:>14} {:>12}", "", "ns a line", "lines dropped", "write calls");
        for ((_, name), outcomes) in CONTENDERS.iter().zip(&outcomes) {
            let [nanos, dropped, calls] = [
                median(outcomes, |outcome| outcome.nanos_a_line),
                median(outcomes, |outcome| outcome.dropped),
                median(outcomes, |outcome| outcome.calls),
            ];
            println!("{name:<28} {nanos:>9.0} {dropped:>14.0} {calls:>12.0}");
        }
        let most = outcomes[0].iter().map(|outcome| outcome.dropped).fold(0.0, f64::max);
        let of_ours =
            |other: usize, figure: fn(&Outcome) -> f64| median(&outcomes[0], figure) / median(&outcomes[other], figure);
        println!(
            "ours to theirs: {:.3} of the time of the blocking one, {:.4} of the write calls of the lossy one; most lines \
             dropped by ours in any round: {most:.0}\n",
            of_ours(2, |outcome| outcome.nanos_a_line),
            of_ours(1, |outcome| outcome.calls),
        );
    }
}
