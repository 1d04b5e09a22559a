//! What a process leaves in its log when it ends without a word, or under a log that it cannot write.
#![cfg(feature = "log")]
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/child.rs"]
mod child;

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::time::{Duration, Instant};

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::global::Installed;
use aistm7_monitoring::log::{FileSink, Format, Log, LogOptions, Sink, install_panic_hook};
use aistm7_monitoring::metrics::{Meter, Registry};
use aistm7_monitoring::monitoring::Variables;
use serde_json::Value;
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt as _;

const PATIENCE: Duration = Duration::from_secs(20);

fn start(sink: Sink) -> (Log, Registry) {
    let registry = Registry::new();
    let options = LogOptions::new("child").format(Format::Json).sink(sink);
    (Log::start(options, &Meter::new(&registry)).expect("a valid log"), registry)
}

/// The whole JSON lines of an output; libtest has lines of its own.
fn json_lines(bytes: &[u8]) -> Vec<Value> {
    let text = str::from_utf8(bytes).expect("UTF-8");
    let lines = text.split_inclusive('\n').filter(|line| line.starts_with('{') && line.ends_with('\n'));
    lines.map(|line| serde_json::from_str(line).expect(line)).collect()
}

// --- What is lost -------------------------------------------------------------------------------------------------

/// A batch is written once its first line is this old: what may be lost, as the crate's documentation says.
const INTERVAL: Duration = Duration::from_millis(5);

/// How late a busy machine may run the writer's thread.
const LATENESS: Duration = Duration::from_millis(500);

/// For how long a child logs before it ends, on its own clock: some forty intervals.
const RUN: Duration = Duration::from_millis(200);

/// How many children end in each way.
const CHILDREN: usize = 5;

/// How long an interval is on this machine at this time, of those that were measured the longest: from the moment at which
/// somebody asks for it until it is over.
struct Intervals {
    ask: SyncSender<Instant>,
    longest: Arc<AtomicU64>,
}

impl Intervals {
    fn measure() -> Self {
        let (ask, asked) = mpsc::sync_channel::<Instant>(0);
        let longest = Arc::new(AtomicU64::new(0));
        let (found, clock) = (Arc::clone(&longest), Clock::system());
        std::thread::spawn(move || {
            let (_silent, nothing) = mpsc::channel::<()>();
            for began in asked {
                let _ = nothing.recv_timeout(INTERVAL);
                let micros = (clock.now() - began).as_micros() as u64;
                // Ordering: a number that nothing else hangs on.
                found.fetch_max(micros, Ordering::Relaxed);
            }
        });
        Self { ask, longest }
    }

    /// Begins one, unless one is under way. Returns the longest so far, in microseconds.
    fn next(&self, now: Instant) -> u64 {
        let _ = self.ask.try_send(now);
        self.longest.load(Ordering::Relaxed)
    }
}

/// Logs a line for each byte that it is sent and acknowledges it with the time and the longest interval so far, until it is
/// told to end.
#[test]
fn child_logs_until_it_ends() {
    if !child::is_child() {
        return;
    }
    let (log, _registry) = start(Sink::Stdout);
    let clock = Clock::system();
    let (begun, intervals) = (clock.now(), Intervals::measure());
    println!();
    for (number, byte) in io::stdin().lock().bytes().enumerate() {
        match byte.unwrap() {
            b'e' => std::process::exit(0),
            b'a' => std::process::abort(),
            _ => {}
        }
        log.emit(Level::INFO, &number.to_string(), &[]);
        let now = clock.now();
        let said = format!("{} {}\n", (now - begun).as_micros(), intervals.next(now));
        // Straight to the descriptor: the acknowledgement never waits in a buffer.
        io::stderr().write_all(said.as_bytes()).unwrap();
    }
}

struct Conversation {
    child: Child,
    ask: ChildStdin,
    acknowledged: BufReader<std::process::ChildStderr>,
    /// When each line was logged, on the child's clock.
    times: Vec<Duration>,
    /// The longest interval that the child has measured.
    interval: Duration,
}

/// What a child left.
#[derive(Debug)]
struct End {
    status: ExitStatus,
    /// How long before the last line the oldest lost one was logged.
    lost_since: Duration,
    /// The longest interval that the child measured, of those that it waits for as the log does.
    interval: Duration,
}

impl Conversation {
    fn begin() -> Self {
        let mut command = child::command("child_logs_until_it_ends");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the test binary runs");
        let (ask, errors) = (child.stdin.take().unwrap(), child.stderr.take().unwrap());
        let acknowledged = BufReader::new(errors);
        Self { child, ask, acknowledged, times: Vec::new(), interval: Duration::ZERO }
    }

    fn line(&mut self) -> Duration {
        self.ask.write_all(b"l").unwrap();
        let mut said = String::new();
        self.acknowledged.read_line(&mut said).unwrap();
        let micros: Vec<_> = said.split_whitespace().map(|micros| micros.parse().expect(&said)).collect();
        let [time, interval] = [micros[0], micros[1]].map(Duration::from_micros);
        self.times.push(time);
        self.interval = interval;
        time
    }

    fn end(mut self, kill: impl FnOnce(&mut Child, &mut ChildStdin)) -> End {
        let mut stdout = BufReader::new(self.child.stdout.take().unwrap());
        // A lone line is written though nothing comes behind it.
        self.line();
        let mut text = Vec::new();
        while json_lines(&text).is_empty() {
            assert!(stdout.read_until(b'\n', &mut text).unwrap() > 0);
        }
        let reader = std::thread::spawn(move || stdout.read_to_end(&mut text).map(|_| text).unwrap());
        while self.line() < RUN {}
        kill(&mut self.child, &mut self.ask);
        let status = self.child.wait().unwrap();
        let written = json_lines(&reader.join().unwrap());
        for (number, line) in written.iter().enumerate() {
            assert_eq!(line["message"], number.to_string(), "no line between others is missing");
        }
        let lost_since =
            self.times.get(written.len()).map_or(Duration::ZERO, |first| *self.times.last().unwrap() - *first);
        End { status, lost_since, interval: self.interval }
    }
}

/// Every child loses what is not older than one interval and the time by which a busy machine is late. Three in four of them
/// lose what is not older than the longest interval that they saw themselves, which is that of the log and a little on a
/// machine at rest.
#[test]
fn process_that_exits_aborts_or_is_killed_loses_at_most_the_lines_of_one_interval() {
    let ask = |word: &'static [u8]| move |_: &mut Child, ask: &mut ChildStdin| ask.write_all(word).unwrap();
    let mut ends = Vec::new();
    for _ in 0..CHILDREN {
        ends.push(("exit", Conversation::begin().end(ask(b"e"))));
        ends.push(("abort", Conversation::begin().end(ask(b"a"))));
        ends.push(("SIGKILL", Conversation::begin().end(|child, _| child.kill().unwrap())));
    }
    for (by, end) in &ends {
        println!("{by}: {end:?}");
        assert_eq!(end.status.success(), *by == "exit", "{by}: {end:?}");
        assert!(end.lost_since <= INTERVAL + LATENESS, "{by}: {end:?}");
    }
    let within = ends.iter().filter(|(_, end)| end.lost_since <= end.interval).count();
    assert!(4 * within >= 3 * ends.len(), "{within} of {}: {ends:#?}", ends.len());
}

// --- Last words ---------------------------------------------------------------------------------------------------

#[test]
fn child_panics_while_it_unwinds() {
    struct PanicsInItsDestructor;

    impl Drop for PanicsInItsDestructor {
        fn drop(&mut self) {
            panic!("while unwinding");
        }
    }

    if !child::is_child() {
        return;
    }
    let (log, _registry) = start(Sink::Stdout);
    assert_eq!(install_panic_hook(&log), Installed::Installed);
    println!();
    let _armed = PanicsInItsDestructor;
    panic!("first");
}

#[test]
fn child_whose_own_hook_aborts() {
    if !child::is_child() {
        return;
    }
    std::panic::set_hook(Box::new(|_| std::process::abort()));
    let (log, _registry) = start(Sink::Stdout);
    assert_eq!(install_panic_hook(&log), Installed::Installed);
    println!();
    panic!("first");
}

#[test]
fn panics_that_end_the_process_are_in_the_log() {
    for (child, panics) in [
        ("child_panics_while_it_unwinds", &["first", "while unwinding"][..]),
        ("child_whose_own_hook_aborts", &["first"]),
    ] {
        let output = child::command(child).output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        let lines = json_lines(&output.stdout);
        let told: Vec<_> = lines.iter().map(|line| line["details"]["panic"].as_str().unwrap()).collect();
        assert!(told.starts_with(panics), "{told:?}");
    }
}

/// A value whose formatter panics while a layer holds the lock of the span it is formatted into.
struct PanicsWhenShown;

impl fmt::Display for PanicsWhenShown {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in a formatter")
    }
}

#[test]
fn child_panics_under_the_lock_of_its_span() {
    if !child::is_child() {
        return;
    }
    let (log, _registry) = start(Sink::Stdout);
    assert_eq!(install_panic_hook(&log), Installed::Installed);
    println!();
    let subscriber =
        tracing_subscriber::registry().with(log.layer()).with(tracing_subscriber::fmt::layer().with_writer(io::sink));
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let span = tracing::info_span!("span", value = tracing::field::Empty).entered();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        span.record("value", tracing::field::display(PanicsWhenShown));
    }));
    assert!(caught.is_err(), "the other layer's panic comes out");
    assert_eq!(log.flush(PATIENCE).lost, 0);
}

#[test]
fn panic_under_the_lock_of_its_span_hangs_nobody() {
    let output = child::command("child_panics_under_the_lock_of_its_span").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // One that the log's own layer caught, and one that came out of the other.
    assert_eq!(json_lines(&output.stdout).len(), 2, "{output:?}");
}

// --- Sinks of the process -----------------------------------------------------------------------------------------

#[test]
fn child_writes_to_standard_error() {
    if !child::is_child() {
        return;
    }
    let (log, registry) = start(Sink::Stderr);
    log.emit(Level::INFO, "to standard error", &[]);
    assert_eq!(log.flush(PATIENCE).written, 1);
    assert!(registry.snapshot().value("log_bytes_total", &[("sink", "stderr")]).unwrap() > 0.0);
}

#[test]
fn standard_error_gets_the_lines_and_standard_output_none() {
    let output = child::command("child_writes_to_standard_error").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(json_lines(&output.stderr).len(), 1, "{output:?}");
    assert_eq!(json_lines(&output.stdout).len(), 0, "{output:?}");
}

#[test]
fn child_loses_its_standard_output() {
    if !child::is_child() {
        return;
    }
    let (log, registry) = start(Sink::Stdout);
    nix::unistd::close(1).unwrap();
    log.emit(Level::INFO, "into nothing", &[]);
    let flushed = log.flush(PATIENCE);
    let errors = registry.snapshot().value("log_write_errors_total", &[("sink", "stdout")]).unwrap();
    eprintln!("{} written, {} lost, {errors} errors", flushed.written, flushed.lost);
    std::process::exit(0);
}

#[test]
fn standard_output_that_was_closed_is_an_error_and_counted() {
    let output = child::command("child_loses_its_standard_output").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("0 written, 1 lost, 1 errors"), "{output:?}");
}

#[tokio::test]
async fn child_is_hung_up() {
    if !child::is_child() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (path, aside) = (folder.path().join("orders.log"), folder.path().join("aside"));
    let sink = Sink::File(FileSink::new(&path));
    let monitoring = Monitoring::builder("orders")
        .environment("test")
        .variables(Variables::from([]))
        .log(|log| log.sink(sink))
        .build()
        .unwrap();
    monitoring.reopen_log_on_sighup().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(monitoring.log_layer()), || {
        tracing::info!("before");
    });
    while !std::fs::read_to_string(&path).is_ok_and(|text| text.contains("before")) {
        tokio::task::yield_now().await;
    }
    std::fs::rename(&path, &aside).unwrap();
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGHUP).unwrap();
    while !path.exists() {
        tokio::task::yield_now().await;
    }
    assert_eq!(monitoring.shutdown(PATIENCE).await.log_lines_lost, 0);
}

#[test]
fn hangup_opens_the_file_anew_and_ends_nothing() {
    let output = child::command("child_is_hung_up").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

// --- Files that cannot grow ---------------------------------------------------------------------------------------

/// Where the child below logs to.
const LOG_FILE: &str = "AISTM7_TEST_LOG_FILE";

/// Fills its file until it is refused, makes room if that helps, and says what became of its lines.
#[test]
fn child_fills_its_file() {
    if !child::is_child() {
        return;
    }
    let path = std::path::PathBuf::from(std::env::var_os(LOG_FILE).unwrap());
    let (log, registry) = start(Sink::File(FileSink::new(&path)));
    let errors = || registry.snapshot().value("log_write_errors_total", &[("sink", "file")]).unwrap();
    let mut lines = 0;
    while errors() == 0.0 {
        log.emit(Level::ERROR, &lines.to_string(), &[("padding", "0123456789012345678901234567890123456789")]);
        lines += 1;
        std::thread::yield_now();
    }
    if let Ok(ballast) = std::env::var("AISTM7_TEST_BALLAST") {
        std::fs::remove_file(ballast).unwrap();
    }
    let flushed = log.flush(PATIENCE);
    let text = std::fs::read(path).unwrap();
    let whole = json_lines(&text).len();
    println!("\n{{\"made\":{lines},\"written\":{},\"lost\":{},\"whole\":{whole}}}", flushed.written, flushed.lost);
}

/// Runs the child above under a shell that sets the stage.
fn fill(folder: &std::path::Path, stage: &str) -> Value {
    let child = child::command("child_fills_its_file");
    let mut shell = Command::new("unshare");
    shell
        .args(["--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-ec", stage])
        .arg(child.get_program())
        .args(child.get_args());
    shell.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("FOLDER", folder);
    shell.env(LOG_FILE, folder.join("orders.log"));
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    json_lines(&output.stdout).pop().unwrap_or_else(|| panic!("{output:?}"))
}

#[test]
#[ignore = "needs unshare"]
fn full_disk_is_waited_for_and_every_line_is_whole_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let said = fill(
        folder.path(),
        "mount -t tmpfs -o size=1m tmpfs \"$FOLDER\"
        head -c 900000 /dev/zero > \"$FOLDER/ballast\"
        AISTM7_TEST_BALLAST=\"$FOLDER/ballast\" exec \"$0\" \"$@\"",
    );
    assert_eq!((&said["lost"], &said["written"], &said["whole"]), (&0.into(), &said["made"], &said["made"]), "{said}");
}

#[test]
#[ignore = "needs unshare"]
fn file_at_the_process_limit_costs_lines_that_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    // Inherited: the signal would end the process.
    let said = fill(folder.path(), "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"");
    let count = |name: &str| said[name].as_u64().unwrap();
    assert!(count("lost") > 0 && count("written") > 0, "{said}");
    assert_eq!(count("whole"), count("written"), "{said}");
}
