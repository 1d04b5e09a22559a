//! The layer: what `tracing` tells it becomes lines.

use std::fmt;
use std::sync::Arc;

use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Registry, SpanRef};

use super::control::Summary;
use super::core::Core;
use super::entered::Entered;
use super::fields::Fields;
use super::line::Head;
use super::scratch::{self, Scratch};
use super::spans::Spans;
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
/// Cost: no allocation an event once a thread's buffers have grown; one lock to hand the line to each
/// sink, a few for the spans around it, and one for the summary if it is a warning or an error.
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
pub struct JsonLayer {
    core: Arc<Core>,
    spans: Spans,
    entered: Entered,
}

impl JsonLayer {
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::clone(core), spans: Spans::new(), entered: Entered::new() }
    }

    /// The fields and the trace of the spans around an event.
    fn surroundings<S>(&self, event: &Event<'_>, context: &Context<'_, S>, fields: &mut Fields) -> Option<TraceId>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let innermost = if event.is_contextual() { self.entered.innermost() } else { event.parent().cloned() };
        if let Some(Ok(trace)) = innermost.map(|span| self.spans.gather(&span, fields)) {
            return trace;
        }
        let around = context.event_span(event).and_then(|span| self.nearest(span))?;
        self.spans.gather(&around, fields).ok().flatten()
    }

    /// The nearest span around a new one that this layer knows.
    fn parent_of_new<S>(&self, attributes: &Attributes<'_>, id: &Id, context: &Context<'_, S>) -> Option<Id>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if attributes.is_root() {
            return None;
        }
        let named = attributes.parent().filter(|parent| self.spans.knows(parent)).cloned();
        let parent = if attributes.is_contextual() { self.entered.innermost() } else { named };
        if parent.is_some() || attributes.is_contextual() && context.current_span().id().is_none() {
            return parent;
        }
        self.nearest(context.span(id)?.parent()?)
    }

    /// The present trace, unless the new span's parent was named and belongs to another one.
    fn trace_of_new(&self, attributes: &Attributes<'_>, parent: Option<&Id>) -> Option<TraceId> {
        let present = trace::current_trace_id();
        if present.is_none() || attributes.is_contextual() {
            return present;
        }
        parent.and_then(|parent| self.spans.trace(parent)).or(present)
    }

    /// The span or the nearest one around it that this layer knows.
    fn nearest<S>(&self, span: SpanRef<'_, S>) -> Option<Id>
    where
        S: for<'a> LookupSpan<'a>,
    {
        span.scope().map(|span| span.id()).find(|span| self.spans.knows(span))
    }
}

/// Another layer: spans are numbered by each subscriber for itself.
impl Clone for JsonLayer {
    fn clone(&self) -> Self {
        Self::new(&self.core)
    }
}

impl<S> Layer<S> for JsonLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        scratch::with(|scratch| {
            let Scratch { fields, message, callsites, .. } = scratch;
            let site = callsites.of_span(attributes.metadata(), &self.core.sites, &self.core.rules.redaction);
            attributes.record(&mut self.core.visitor(site, fields, message));
            let parent = self.parent_of_new(attributes, id, &context);
            let trace = self.trace_of_new(attributes, parent.as_ref());
            self.spans.open(id, parent, trace, fields);
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(metadata) = context.metadata(id) else { return };
        scratch::with(|scratch| {
            let Scratch { fields, message, callsites, .. } = scratch;
            let site = callsites.of_span(metadata, &self.core.sites, &self.core.rules.redaction);
            values.record(&mut self.core.visitor(site, fields, message));
            self.spans.update(id, fields);
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        scratch::with(|scratch| {
            let Scratch { fields, message, callsites, .. } = &mut *scratch;
            let site = callsites.of_event(event, &self.core.sites, &self.core.rules.redaction);
            if self.core.holds_back(event, site) {
                return;
            }
            event.record(&mut self.core.visitor(site, fields, message));
            self.core.take_up_pairs(site, fields);
            let wall = self.core.clock.wall();
            self.core.note(event, wall, message, fields);
            let trace = self.surroundings(event, &context, fields).or_else(trace::current_trace_id);
            // What is dropped is counted.
            let _ = self.core.submit(Head { wall, level: *event.metadata().level(), trace }, scratch);
        });
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        self.entered.enter(id);
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        self.entered.exit(id);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.spans.close(&id);
    }
}

/// What the log of this thread's `tracing` subscriber counted lately, as [`Log::summary`](super::Log::summary) tells it;
/// `None` if no log has its layer there. Under [`Monitoring::install`](crate::Monitoring::install) that is the process's log.
///
/// ```
/// use aistm7_monitoring::log::{self, Log, LogOptions, Sink};
/// use aistm7_monitoring::metrics::{Meter, Registry};
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let options = LogOptions::new("risk-analysis").sink(Sink::Writer(Box::new(std::io::sink())));
/// let log = Log::start(options, &Meter::new(&Registry::new()))?;
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(log.layer()), || {
///     tracing::error!(error = "InsufficientHistoricalData", "Failed to calculate VaR");
///     let sites = log::summary().expect("the log's layer is in the subscriber").sites;
///     assert_eq!(sites[0].reasons[0].reason, "InsufficientHistoricalData");
/// });
/// # Ok::<(), aistm7_monitoring::log::LogError>(())
/// ```
pub fn summary() -> Option<Summary> {
    tracing::dispatcher::get_default(|subscriber| Some(subscriber.downcast_ref::<JsonLayer>()?.core.summary()))
}

/// The trace that events in a span have; `None` also if the subscriber is not built on [`Registry`].
pub(super) fn trace_of(subscriber: &Dispatch, span: &Id) -> Option<TraceId> {
    let layer = subscriber.downcast_ref::<JsonLayer>()?;
    let span = subscriber.downcast_ref::<Registry>()?.span(span)?;
    layer.spans.trace(&layer.nearest(span)?)
}

impl fmt::Debug for JsonLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLayer").finish_non_exhaustive()
    }
}
