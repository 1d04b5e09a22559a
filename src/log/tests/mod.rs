//! What every test of the slice needs: a log over a sink in memory, and a parser that forgives nothing.

mod bridge;
mod caps;
mod encoding;
mod json;
mod layer;
mod property;
mod redaction;
mod scopes;
mod strict;
mod text;

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use super::{Directives, Format, Log, LogOptions, Sink};
use crate::clock::ManualClock;
use crate::diagnostics::{Diagnostics, Problem};
use crate::metrics::{Meter, Registry, RegistryOptions};

/// Real threads are waited for, but never long when all is well.
pub(in crate::log) const PATIENCE: Duration = Duration::from_secs(20);

/// Any text, with more than chance brings of what acts on a reader: proptest's own texts have none of it.
pub(in crate::log) fn any_text() -> impl Strategy<Value = String> {
    const ACTING: [char; 14] = [
        '\0', '\n', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{61c}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202e}',
        '\u{2066}', '"', '\\',
    ];
    let character = prop_oneof![3 => any::<char>(), 1 => proptest::sample::select(&ACTING[..])];
    proptest::collection::vec(character, 0..32).prop_map(String::from_iter)
}

/// A sink in memory that a test reads.
#[derive(Clone, Default)]
pub(in crate::log) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    pub(in crate::log) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).expect("a log is UTF-8")
    }

    /// Takes nothing while the guard is held.
    pub(in crate::log) fn freeze(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Another layer beside the log's: counts the events that it is told of.
#[derive(Clone, Default)]
pub(in crate::log) struct Counting(Arc<AtomicUsize>);

impl Counting {
    pub(in crate::log) fn events(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S: Subscriber> tracing_subscriber::Layer<S> for Counting {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A log with all that it reports to.
pub(in crate::log) struct Fixture {
    pub(in crate::log) log: Log,
    pub(in crate::log) memory: Memory,
    pub(in crate::log) registry: Registry,
    pub(in crate::log) diagnostics: Diagnostics,
}

impl Fixture {
    pub(in crate::log) fn new(format: Format) -> Self {
        Self::with(|options| options.format(format))
    }

    /// With other settings than JSON of every level.
    pub(in crate::log) fn with(settings: impl FnOnce(LogOptions) -> LogOptions) -> Self {
        let (memory, diagnostics) = (Memory::default(), Diagnostics::new());
        let registry = Registry::with(RegistryOptions::new().diagnostics(diagnostics.clone()));
        let options = LogOptions::new("risk-analysis")
            .clock(ManualClock::new().clock())
            .format(Format::Json)
            .directives(Directives::parse("trace").expect("a level"))
            .sink(Sink::Writer(Box::new(memory.clone())));
        let log = Log::start(settings(options), &Meter::new(&registry)).expect("a valid log");
        Self { log, memory, registry, diagnostics }
    }

    /// Runs `work` under a subscriber with the log's layer.
    pub(in crate::log) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let layer = self.log.layer().with_filter(self.log.levels().clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work)
    }

    /// Every line so far, checked to be a line and parsed.
    pub(in crate::log) fn lines(&self) -> Vec<Value> {
        let flushed = self.log.flush(PATIENCE);
        assert_eq!(flushed.lost, 0);
        let text = self.memory.text();
        assert!(text.is_empty() || text.ends_with('\n'));
        let cap = self.log.0.core.rules.caps.line;
        let lines: Vec<_> = text.split_terminator('\n').map(|line| checked(line, cap)).collect();
        assert_eq!(lines.len() as u64, flushed.written);
        lines
    }

    pub(in crate::log) fn formats_failed(&self) -> u64 {
        self.diagnostics.total(Problem::FormatFailed)
    }

    pub(in crate::log) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.registry.snapshot().value(name, labels)
    }
}

/// The lines that `work` makes.
pub(in crate::log) fn lines_of(work: impl FnOnce()) -> Vec<Value> {
    let fixture = Fixture::new(Format::Json);
    fixture.run(work);
    fixture.lines()
}

/// The `details` of the one line that `work` makes, as its JSON text.
pub(in crate::log) fn details_of(work: impl FnOnce()) -> String {
    let lines = lines_of(work);
    assert_eq!(lines.len(), 1);
    lines[0]["details"].to_string()
}

/// A line that keeps every promise: one object, unique keys, the guide's keys in their order, no character that acts.
fn checked(line: &str, cap: usize) -> Value {
    assert!(line.len() < cap, "{} bytes", line.len());
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!line.contains(acts), "{line:?}");
    let (value, keys) = strict::parse(line).unwrap_or_else(|error| panic!("{error} in {line}"));
    let expected: &[&str] = if value.get("traceId").is_some() {
        &["timestamp", "level", "service", "traceId", "message", "details"]
    } else {
        &["timestamp", "level", "service", "message", "details"]
    };
    assert_eq!(keys, expected);
    assert_eq!(value["timestamp"], "2025-01-22T10:30:00.000Z");
    assert_eq!(value["service"], "risk-analysis");
    assert!(value["message"].is_string() && value["details"].is_object());
    value
}
