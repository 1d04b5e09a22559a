//! A running export: for each signal a queue and the thread that empties it.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use tokio::runtime::{Builder, Runtime};

use super::attributes::{self, Texts};
use super::delivery::Delivery;
use super::error::OtlpError;
use super::fields::Callsites;
use super::instruments::{Instruments, Lost};
use super::layer::OtlpLayer;
use super::options::{self, OtlpOptions};
use super::queue::Queue;
use super::settings;
use super::signal::{Item, Logs, Signal, Spans};
use super::threads;
use crate::clock::Clock;
use crate::diagnostics::{Diagnostics, Problem};
use crate::error::InvalidValue;
use crate::log::{Directives, Log};
use crate::metrics::Meter;
use crate::redact::scrub_text;
#[cfg(feature = "http")]
use crate::trace::SpanSink;

/// An export. Dropping it takes nothing in any more; what is there goes out once more, behind the caller's back.
pub(crate) struct Export {
    core: Arc<Core>,
    directives: Directives,
}

/// What an export is about.
pub(crate) struct Source<'a> {
    pub(crate) meter: &'a Meter,
    pub(crate) clock: &'a Clock,
    /// Whose rules of redaction hold.
    pub(crate) log: &'a Log,
    /// Who exports, as attributes; of two of one name, the last counts.
    pub(crate) resource: Vec<(String, String)>,
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
}

/// What the layer and those that measure spans share. It does not keep the export open.
pub(super) struct Core {
    pub(super) clock: Clock,
    pub(super) texts: Texts,
    pub(super) callsites: Callsites,
    pub(super) spans: Exporter<Spans>,
    /// `None` if events are not exported.
    pub(super) logs: Option<Exporter<Logs>>,
}

/// One signal on its way out.
pub(super) struct Exporter<S: Signal> {
    queue: Arc<Queue<Item<S::Data>>>,
    instruments: Arc<Instruments>,
}

impl Export {
    /// Starts the threads. Nothing is sent before there is something to send.
    pub(crate) fn start(options: &OtlpOptions, source: Source<'_>) -> Result<Self, OtlpError> {
        if options.queue_bytes < OtlpOptions::MIN_QUEUE_BYTES {
            Err(InvalidValue::new("OTLP queue in bytes", options.queue_bytes, "at least 65536"))?;
        }
        let Source { meter, clock, log, resource, variable } = source;
        let mut attributes = Vec::new();
        resource.into_iter().for_each(|(key, value)| attributes::set(&mut attributes, attributes::text(key, value)));
        let resource = Resource { attributes, ..Resource::default() };
        let spans = Exporter::start(options, &resource, meter, variable)?;
        let logs = match options.logs {
            options::Logs::Exported => Some(Exporter::start(options, &resource, meter, variable)?),
            options::Logs::Kept => None,
        };
        let texts = Texts::new(log.redaction().clone(), log.string_cap());
        let core = Core { clock: clock.clone(), texts, callsites: Callsites::default(), spans, logs };
        Ok(Self { core: Arc::new(core), directives: options.directives.clone() })
    }

    pub(crate) fn layer(&self) -> OtlpLayer {
        OtlpLayer::of(&self.core)
    }

    pub(crate) fn directives(&self) -> &Directives {
        &self.directives
    }

    /// Where measured spans go.
    #[cfg(feature = "http")]
    pub(crate) fn span_sink(&self) -> Arc<dyn SpanSink> {
        Arc::<Core>::clone(&self.core)
    }

    /// Waits until what is there is through, for at most `limit`; how long that took.
    pub(crate) async fn flush(&self, limit: Duration) -> Duration {
        let began = self.core.clock.now();
        let logs = async {
            if let Some(logs) = &self.core.logs {
                logs.queue.flush(limit).await;
            }
        };
        tokio::join!(self.core.spans.queue.flush(limit), logs);
        self.core.clock.now().saturating_duration_since(began)
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        self.core.spans.queue.close();
        if let Some(logs) = &self.core.logs {
            logs.queue.close();
        }
    }
}

impl<S: Signal> Exporter<S> {
    fn start(
        options: &OtlpOptions,
        resource: &Resource,
        meter: &Meter,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, OtlpError> {
        let delivery = settings::delivery::<S>(options, variable)?;
        let instruments = Arc::new(Instruments::register(meter, S::NAME)?);
        let queue = Arc::new(Queue::new(options.queue_bytes));
        let work = Work::<S> {
            delivery,
            resource: resource.clone(),
            queue: Arc::clone(&queue),
            instruments: Arc::clone(&instruments),
            diagnostics: meter.diagnostics().clone(),
        };
        work.start().map_err(OtlpError::Spawn)?;
        Ok(Self { queue, instruments })
    }

    /// Takes something to be exported, if there is room; else that is counted.
    pub(super) fn submit(&self, scope: impl Into<Cow<'static, str>>, data: S::Data) {
        /// Besides what is sent: the item itself and the allocations of its parts.
        const OVERHEAD: usize = 256;

        self.instruments.items.increment();
        let bytes = OVERHEAD + data.encoded_len();
        if let Err(lost) = self.queue.push(bytes, Item { scope: scope.into(), data }) {
            self.instruments.dropped(lost).increment();
        }
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Delivered,
    Failed,
}

/// What a signal's thread does.
struct Work<S: Signal> {
    delivery: Delivery,
    resource: Resource,
    queue: Arc<Queue<Item<S::Data>>>,
    instruments: Arc<Instruments>,
    diagnostics: Diagnostics,
}

impl<S: Signal> Work<S> {
    fn start(self) -> io::Result<()> {
        // Names are looked up on threads of the runtime's own.
        let runtime = Builder::new_current_thread().enable_all().on_thread_start(threads::mark_this).build()?;
        thread::Builder::new().name(S::THREAD.to_owned()).spawn(move || self.run(&runtime)).map(drop)
    }

    fn run(&self, runtime: &Runtime) {
        threads::mark_this();
        runtime.block_on(async {
            while let Some(batch) = self.queue.next().await {
                let items = batch.len();
                let outcome = self.export(batch).await;
                self.queue.settle(items);
                if outcome == Outcome::Failed {
                    // After the end nobody waits for a collector that is not there.
                    self.instruments.dropped(Lost::Stopped).add(self.queue.give_up_if_closed());
                }
            }
        });
    }

    async fn export(&self, batch: Vec<Item<S::Data>>) -> Outcome {
        // The cast is exact: a batch is small.
        let items = batch.len() as u64;
        let body = S::request(&self.resource, batch);
        let trying = || self.instruments.requests.increment();
        match self.delivery.deliver(body, self.queue.closed(), trying).await {
            Ok(answer) => {
                let (rejected, why) = S::rejected(&answer).unwrap_or_default();
                let rejected = rejected.min(items);
                self.instruments.exported.add(items - rejected);
                if rejected > 0 {
                    self.lost(Lost::Rejected, rejected, &format!("it rejects some: {}", cut(&scrub_text(&why))));
                }
                Outcome::Delivered
            }
            Err(failure) => {
                self.lost(failure.lost, items, &failure.cause);
                Outcome::Failed
            }
        }
    }

    fn lost(&self, reason: Lost, items: u64, cause: &str) {
        self.instruments.dropped(reason).add(items);
        self.diagnostics.report(Problem::ExportFailed, &format!("{} to {}: {cause}", S::NAME, self.delivery.shown()));
    }
}

/// The beginning of what a collector says.
fn cut(text: &str) -> &str {
    /// Chosen: a sentence.
    const SHOWN_BYTES: usize = 200;
    &text[..text.floor_char_boundary(SHOWN_BYTES)]
}

/// Nanoseconds since 1970; 0 before, and the last moment that fits far behind.
pub(super) fn unix_nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("directives", &self.directives).finish_non_exhaustive()
    }
}
