//! The layer: what `tracing` tells it becomes lines.

use std::fmt;
use std::sync::Arc;

use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Registry};

use super::callsite::LogId;
use super::core::Core;
use super::fields::Fields;
use super::scratch::{self, Scratch};
use crate::trace::{self, TraceId};

/// Writes one line an event, with the fields and the trace of the spans around it.
///
/// It works in a host's own subscriber beside other layers; give it [`Log::levels`](super::Log::levels)
/// by `with_filter`, so that it silences none of them. It does not keep its [`Log`](super::Log) alive: once the last
/// handle of that is dropped, events are counted as dropped.
///
/// - `details` holds the event's fields over its spans', the inner span's over the outer's, each key once. A field
///   recorded twice has its last value, also when [`Span::record`](tracing::Span::record) gives it.
/// - `traceId` is that of the event's spans: a span belongs to the trace that is present when it is created, or to its
///   parent's. Else it is that of [`trace::current`]. So an event in a spawned task has it if the task runs in the span
///   or in the context, and an event keeps it although its span's level is filtered out.
/// - Fields whose names say that they hold secrets are shown as `[redacted]`; see [`Redaction`](super::Redaction).
/// - A formatter that fails or panics is shown as `!(format error)`.
/// - Events come through also from destructors of thread-locals, where spans that are there can be recorded to and named as
///   parents. To make or enter a span is too late then: `tracing-subscriber`'s registry panics, whatever its layers.
///
/// Cost: no allocation an event once a thread's buffers have grown; one lock to hand the line over.
///
/// ```
/// use aistm7_monitoring::log::{Log, LogOptions, Sink};
/// use aistm7_monitoring::metrics::{Meter, Registry};
/// use tracing_subscriber::Layer;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let registry = Registry::new();
/// let options = LogOptions::new("risk-analysis").sink(Sink::Writer(Box::new(std::io::sink())));
/// let log = Log::start(options, &Meter::new(&registry))?;
/// let subscriber = tracing_subscriber::registry().with(log.layer().with_filter(log.levels().clone()));
/// tracing::subscriber::with_default(subscriber, || {
///     let _span = tracing::info_span!("calculation", portfolio = "user123").entered();
///     tracing::error!(error = "InsufficientHistoricalData", "Failed to calculate VaR");
/// });
/// registry.snapshot().assert_value("log_lines_total", &[("level", "error")], 1);
/// # Ok::<(), aistm7_monitoring::log::LogError>(())
/// ```
#[derive(Clone)]
pub struct JsonLayer {
    core: Arc<Core>,
}

/// What a span keeps for the lines inside it, for each log: one log may hide what another shows.
struct SpanRecords {
    first: SpanRecord,
    others: Vec<SpanRecord>,
}

struct SpanRecord {
    log: LogId,
    trace: Option<TraceId>,
    fields: Fields,
}

impl SpanRecords {
    fn of(&self, log: LogId) -> Option<&SpanRecord> {
        std::iter::once(&self.first).chain(&self.others).find(|record| record.log == log)
    }

    fn of_mut(&mut self, log: LogId) -> Option<&mut SpanRecord> {
        std::iter::once(&mut self.first).chain(&mut self.others).find(|record| record.log == log)
    }
}

impl JsonLayer {
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::clone(core) }
    }
}

impl<S> Layer<S> for JsonLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let ambient = || trace::current().map(|context| context.trace_id());
        // An outer span's trace is that of the spans around it too.
        let inherited = || span.parent()?.extensions().get::<SpanRecords>()?.first.trace;
        // Who names a parent means its trace.
        let trace =
            if attributes.is_contextual() { ambient().or_else(inherited) } else { inherited().or_else(ambient) };
        // The fields' own code runs before the span is locked.
        let fields = scratch::with(|scratch| {
            let Scratch { fields, message, callsites, .. } = scratch;
            let site = callsites.of_span(attributes.metadata(), &self.core.sites, &self.core.rules.redaction);
            attributes.record(&mut self.core.visitor(site, fields, message));
            fields.to_kept()
        });
        let record = SpanRecord { log: self.core.sites.log(), trace, fields };
        let mut extensions = span.extensions_mut();
        match extensions.get_mut::<SpanRecords>() {
            None => extensions.insert(SpanRecords { first: record, others: Vec::new() }),
            Some(records) if records.of(record.log).is_none() => records.others.push(record),
            // The log has two layers in one subscriber.
            Some(_) => {}
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        scratch::with(|scratch| {
            let Scratch { fields, message, callsites, .. } = scratch;
            let site = callsites.of_span(span.metadata(), &self.core.sites, &self.core.rules.redaction);
            values.record(&mut self.core.visitor(site, fields, message));
            if let Some(record) =
                span.extensions_mut().get_mut::<SpanRecords>().and_then(|records| records.of_mut(self.core.sites.log()))
            {
                record.fields.update(fields);
            }
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        scratch::with(|scratch| {
            let Scratch { fields, message, callsites, .. } = &mut *scratch;
            let site = callsites.of_event(event, &self.core.sites, &self.core.rules.redaction);
            event.record(&mut self.core.visitor(site, fields, message));
            let log = self.core.sites.log();
            let mut trace = None;
            // From the inner to the outer. Asking for a scope would look each span up once more.
            let mut around = context.event_span(event);
            while let Some(span) = around {
                if let Some(record) = span.extensions().get::<SpanRecords>().and_then(|records| records.of(log)) {
                    fields.merge(&record.fields);
                    trace = trace.or(record.trace);
                }
                around = span.parent();
            }
            let trace = trace.or_else(|| trace::current().map(|context| context.trace_id()));
            // What is dropped is counted.
            let _ = self.core.submit(*event.metadata().level(), trace, scratch);
        });
    }
}

/// The trace that events in a span have; `None` also if the subscriber is not built on [`Registry`].
pub(super) fn trace_of(subscriber: &Dispatch, span: &Id) -> Option<TraceId> {
    let span = subscriber.downcast_ref::<Registry>()?.span(span)?;
    span.scope().find_map(|span| span.extensions().get::<SpanRecords>()?.first.trace)
}

impl fmt::Debug for JsonLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLayer").finish_non_exhaustive()
    }
}
