//! A running log and its handle.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing::Level;

use super::callsite::Sites;
use super::control::{Levels, Limiter, Repeats, Summary, Tallies, start_telling};
use super::core::Core;
use super::instruments::{Instruments, SinkInstruments};
use super::layer::JsonLayer;
use super::line::Layout;
use super::options::{Colour, Format, LogError, LogOptions};
use super::output::Output;
#[cfg(feature = "otlp")]
use super::redaction::Redaction;
use super::text::Paint;
use super::writer::{self, Flushed, Queue, Sink};
use crate::error::{InvalidValue, check_name};
use crate::global::Place;
use crate::metrics::Meter;

/// A log that runs: for each sink a buffer and the thread that writes it. Cloning is cheap and shares them.
///
/// Dropping the last clone takes no more lines, waits up to two seconds until the sinks have taken those accepted, and
/// ends the threads. Layers do not count as clones.
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::log::{Log, LogOptions, Sink};
/// use aistm7_monitoring::metrics::{Meter, Registry};
///
/// let options = LogOptions::new("risk-analysis").sink(Sink::Writer(Box::new(std::io::sink())));
/// let log = Log::start(options, &Meter::new(&Registry::new()))?;
/// log.emit(tracing::Level::INFO, "started", &[("environment", "dev")]);
/// let flushed = log.flush(Duration::from_secs(5));
/// assert_eq!((flushed.written, flushed.lost), (1, 0));
/// # Ok::<(), aistm7_monitoring::log::LogError>(())
/// ```
#[derive(Clone)]
pub struct Log(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) core: Arc<Core>,
    pub(super) levels: Levels,
    /// Whether this log installed the process-wide parts.
    pub(super) subscriber: Place,
    pub(super) bridge: Place,
    /// Set when the subscriber that this log installed has another layer beside the log's.
    pub(super) has_company: OnceLock<()>,
}

/// How long dropping the last handle waits for the sink. Chosen: long for a disk, short for whoever stops the process.
const DROP_PATIENCE: Duration = Duration::from_secs(2);

impl Log {
    /// Starts the writer threads. Nothing process-wide is touched, and no file is opened before its first line.
    ///
    /// # Errors
    /// When the service name, the budget or a file's setting breaks its rule, the log's metrics clash with registered ones, or the
    /// system gives no thread.
    pub fn start(options: LogOptions, meter: &Meter) -> Result<Self, LogError> {
        let LogOptions { service, clock, format, colour, sinks, directives, budget_bytes, rules, repeats } = options;
        check_name("service name", &service)?;
        rules.caps.check()?;
        repeats.as_ref().map(Repeats::check).transpose()?;
        if budget_bytes < LogOptions::MIN_BUDGET_BYTES {
            Err(InvalidValue::new("log budget in bytes", budget_bytes, "at least 65536"))?;
        }
        if budget_bytes / 4 < rules.caps.line {
            Err(InvalidValue::new("log budget in bytes", budget_bytes, "at least four times the line cap"))?;
        }
        let (outputs, sinks) = outputs(sinks, meter, |sink| {
            let layout = layout(&service, format, colour, Destination::of(sink));
            (layout, Queue::new(budget_bytes))
        })?;
        let core = Arc::new(Core {
            outputs,
            limiter: repeats.map(|repeats| Limiter::new(repeats, &clock)),
            tallies: Tallies::new(clock.wall()),
            clock,
            rules,
            sites: Sites::new(),
            instruments: Instruments::register(meter)?,
            diagnostics: meter.diagnostics().clone(),
        });
        for (output, sink) in sinks.into_iter().enumerate() {
            if let Err(error) = writer::start(&core, output, sink) {
                // Those that have started end.
                core.stop(Duration::ZERO);
                return Err(LogError::Spawn(error));
            }
        }
        if let Err(error) = start_telling(&core) {
            core.stop(Duration::ZERO);
            return Err(LogError::Spawn(error));
        }
        let levels = Levels::new(directives, &core);
        let (subscriber, bridge) = (Place::default(), Place::default());
        Ok(Self(Arc::new(Inner { core, levels, subscriber, bridge, has_company: OnceLock::new() })))
    }

    /// A layer that writes into this log, for a subscriber of the host's own.
    pub fn layer(&self) -> JsonLayer {
        JsonLayer::new(&self.0.core)
    }

    /// Which lines are written, and how that is changed. The filter of its layer, see [`JsonLayer`].
    pub fn levels(&self) -> &Levels {
        &self.0.levels
    }

    /// What is hidden in lines.
    #[cfg(feature = "otlp")]
    pub(crate) fn redaction(&self) -> &Redaction {
        &self.0.core.rules.redaction
    }

    /// How long a string of a line may be.
    #[cfg(feature = "otlp")]
    pub(crate) fn string_cap(&self) -> usize {
        self.0.core.rules.caps.string
    }

    /// What was logged in the last day: lines by level, errors and warnings by callsite and reason.
    /// [`summary`](super::summary) finds the log by itself.
    pub fn summary(&self) -> Summary {
        self.0.core.summary()
    }

    /// Waits until the sinks have taken every line accepted so far, at most for `deadline`, and reports. Tells first of
    /// what [`Repeats`] held back.
    ///
    /// Blocks the calling thread: from async code call it where blocking is allowed.
    pub fn flush(&self, deadline: Duration) -> Flushed {
        self.0.core.tell_held_back();
        self.0.core.flush(deadline)
    }

    /// Opens every [`Sink::File`](super::Sink::File) anew, as programs that rotate from outside ask for by SIGHUP. Lines
    /// that are not written yet go to the new files.
    ///
    /// Does not wait: the log's threads do it at once. A file that was moved or removed is followed by a new one without
    /// this call too, but not before there is a line for it.
    pub fn reopen(&self) {
        self.0.core.outputs.iter().for_each(|output| output.queue.reopen());
    }

    /// Writes a line of our own, past `tracing` and the directives, in the ambient trace. Redaction by name and the
    /// caps hold for it too; of a repeated key the last value is shown.
    pub fn emit(&self, level: Level, message: &str, details: &[(&str, &str)]) {
        self.0.core.emit(level, message, details);
    }

    /// Does what [`Log::reopen`] does while this log lives, and does not keep it alive; `false` once it is gone.
    pub(crate) fn reopener(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let log = Arc::downgrade(&self.0);
        move || log.upgrade().map(|log| Self(log).reopen()).is_some()
    }

    /// Does what [`Log::summary`] does, and keeps the log no more alive than a layer does.
    #[cfg(feature = "axum")]
    pub(crate) fn summariser(&self) -> impl Fn() -> Summary + Send + Sync + use<> {
        let core = Arc::clone(&self.0.core);
        move || core.summary()
    }

    /// Writes WARN lines as [`Log::emit`] does while this log lives, and does not keep it alive.
    pub(crate) fn reporter(&self) -> impl Fn(&str, &[(&str, &str)]) + Send + Sync + use<> {
        let log = Arc::downgrade(&self.0);
        move |message, details| {
            if let Some(log) = log.upgrade() {
                log.core.emit(Level::WARN, message, details);
            }
        }
    }
}

/// What is behind each sink, those of one layout together, and the sinks in the same order.
fn outputs(
    sinks: Vec<Sink>,
    meter: &Meter,
    set_up: impl Fn(&Sink) -> (Layout, Queue),
) -> Result<(Vec<Output>, Vec<Sink>), LogError> {
    let mut kinds = Vec::new();
    let mut pairs = Vec::new();
    for sink in sinks {
        sink.check()?;
        kinds.push(sink.as_str());
        let number = kinds.iter().filter(|kind| **kind == sink.as_str()).count();
        let instruments = SinkInstruments::register(meter, sink.as_str(), number)?;
        let (layout, queue) = set_up(&sink);
        pairs.push((Output::new(layout, queue, instruments), sink));
    }
    pairs.sort_by(|(a, _), (b, _)| a.layout.cmp(&b.layout));
    Ok(pairs.into_iter().unzip())
}

/// Whether people may be looking.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Destination {
    Terminal,
    Other,
}

impl Destination {
    fn of(sink: &writer::Sink) -> Self {
        if sink.is_terminal() { Self::Terminal } else { Self::Other }
    }
}

fn layout(service: &str, format: Format, colour: Colour, destination: Destination) -> Layout {
    match (format, destination, colour) {
        (Format::Json, _, _) | (Format::Auto, Destination::Other, _) => Layout::json(service),
        (_, Destination::Terminal, Colour::Auto) => Layout::Text(Paint::Coloured),
        (_, _, Colour::Auto | Colour::Never) => Layout::Text(Paint::Plain),
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.core.stop(DROP_PATIENCE);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("levels", &self.0.levels).finish_non_exhaustive()
    }
}
