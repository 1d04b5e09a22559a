//! A running log and its handle.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tracing::Level;

use super::core::Core;
use super::filter::Directives;
use super::instruments::Instruments;
use super::layer::JsonLayer;
use super::line::Layout;
use super::options::{Colour, Format, LogError, LogOptions};
use super::text::Paint;
use super::writer::{self, DropReason, Flushed, Queue};
use crate::error::{InvalidValue, check_name};
use crate::global::Place;
use crate::metrics::Meter;

/// A log that runs: its buffer and the thread that writes it. Cloning is cheap and shares them.
///
/// Dropping the last clone takes no more lines, waits up to two seconds until the sink has taken those accepted, and
/// ends the thread. Layers do not count as clones.
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
    directives: Directives,
    /// Whether this log installed the process-wide parts.
    pub(super) subscriber: Place,
    pub(super) bridge: Place,
    /// How much had been written when a panic last waited in vain; see `panic_hook`.
    pub(super) stalled_at: AtomicU64,
}

/// How long dropping the last handle waits for the sink. Chosen: long for a disk, short for whoever stops the process.
const DROP_PATIENCE: Duration = Duration::from_secs(2);

impl Log {
    /// Starts the writer thread. Nothing process-wide is touched.
    ///
    /// # Errors
    /// When the service name or the budget breaks its rule, the log's metrics clash with registered ones, or the
    /// system gives no thread.
    pub fn start(options: LogOptions, meter: &Meter) -> Result<Self, LogError> {
        let LogOptions { service, clock, format, colour, sink, directives, budget_bytes } = options;
        check_name("service name", &service)?;
        if budget_bytes < LogOptions::MIN_BUDGET_BYTES {
            Err(InvalidValue::new("log budget in bytes", budget_bytes, "at least 65536"))?;
        }
        let core = Arc::new(Core {
            layout: layout(&service, format, colour, Destination::of(&sink)),
            clock,
            queue: Queue::new(budget_bytes),
            instruments: Instruments::register(meter)?,
            diagnostics: meter.diagnostics().clone(),
        });
        let writer = Arc::clone(&core);
        let sink = sink.into_writer();
        std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer::run(&writer, sink))
            .map_err(LogError::Spawn)?;
        Ok(Self(Arc::new(Inner {
            core,
            directives,
            subscriber: Place::default(),
            bridge: Place::default(),
            stalled_at: AtomicU64::new(u64::MAX),
        })))
    }

    /// A layer that writes into this log, for a subscriber of the host's own.
    pub fn layer(&self) -> JsonLayer {
        JsonLayer::new(&self.0.core)
    }

    /// Which lines are written. A layer's filter, see [`JsonLayer`].
    pub fn directives(&self) -> &Directives {
        &self.0.directives
    }

    /// Waits until the sink has taken every line accepted so far, at most for `deadline`, and reports.
    ///
    /// Blocks the calling thread: from async code call it where blocking is allowed.
    pub fn flush(&self, deadline: Duration) -> Flushed {
        self.0.core.queue.flush(deadline).0
    }

    /// Writes a line of our own, past `tracing` and the directives, in the ambient trace. Redaction by name and the
    /// caps hold for it too; of a repeated key the last value is shown.
    pub fn emit(&self, level: Level, message: &str, details: &[(&str, &str)]) {
        self.0.core.emit(level, message, details);
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
        let given_up = self.core.queue.stop(DROP_PATIENCE);
        self.core.instruments.dropped(DropReason::Stopped).add(given_up);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("directives", &self.0.directives).finish_non_exhaustive()
    }
}
