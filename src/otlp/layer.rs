//! The layer: spans and events of `tracing` on their way to the collector.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, SpanFlags, Status};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::attributes::{Recorder, set};
use super::export::{Core, unix_nanos};
use super::fields::Origin;
use super::place::{Place, closer, flags};
use super::threads;
use crate::log::carries_a_trace;
use crate::trace::SpanId;

/// Exports spans, and events if asked for, of a `tracing` subscriber; see the [module](super).
///
/// A span is exported when it is closed, if it is in a sampled trace: that of the spans around it or of
/// [`trace::current`](crate::trace::current), as the log's lines find theirs. Give the layer its filter, so that it enables
/// no more than it exports and silences no other layer; it does not keep the export alive.
///
/// Cost: for a span that is exported some allocations; for one of a trace that is not sampled a small one; for an event
/// that is not exported none.
#[derive(Clone)]
pub struct OtlpLayer(Option<Arc<Core>>);

/// What a span keeps, for each export: two monitorings may share a subscriber.
struct Records(Vec<(usize, Kept)>);

/// A span as one export sees it.
enum Kept {
    /// It is none of its own: a request's, which is exported by who measures it, or one of a trace that is not sampled.
    Passes(Place),
    Exported(Box<Open>),
}

/// A span that is not closed.
struct Open {
    place: Place,
    parent: SpanId,
    began: SystemTime,
    attributes: Vec<KeyValue>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Unremarkable,
    /// There was an event of level ERROR in it.
    Failed,
}

impl Kept {
    fn place(&self) -> &Place {
        match self {
            Self::Passes(place) => place,
            Self::Exported(open) => &open.place,
        }
    }
}

impl OtlpLayer {
    /// Exports nothing.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(super) fn of(core: &Arc<Core>) -> Self {
        Self(Some(Arc::clone(core)))
    }

    /// What exports, unless this thread does so itself.
    fn core(&self) -> Option<&Arc<Core>> {
        self.0.as_ref().filter(|_| !threads::this_exports())
    }
}

impl<S> Layer<S> for OtlpLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let (Some(core), Some(span)) = (self.core(), context.span(id)) else { return };
        let inherited = || span.scope().skip(1).find_map(|outer| core.place_of(&outer));
        let around = if attributes.is_contextual() {
            closer(inherited(), Place::present())
        } else {
            // Who names a parent means its trace.
            inherited().or_else(Place::present)
        };
        // What is in no trace is no span.
        let Some(around) = around else { return };
        let kept = if carries_a_trace(attributes.metadata()) || !around.flags.sampled {
            Kept::Passes(around)
        } else {
            let own = core.record(attributes.metadata(), Origin::Tracing, |visitor| attributes.record(visitor));
            Kept::Exported(Box::new(Open {
                parent: around.span_id,
                place: Place { span_id: SpanId::random(), ..around },
                began: core.clock.wall(),
                attributes: own.attributes,
                end: End::Unremarkable,
            }))
        };
        let mut extensions = span.extensions_mut();
        match extensions.get_mut::<Records>() {
            None => extensions.insert(Records(vec![(core.id(), kept)])),
            Some(records) if records.of(core.id()).is_none() => records.0.push((core.id(), kept)),
            // The export has two layers in one subscriber.
            Some(_) => {}
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let (Some(core), Some(span)) = (self.core(), context.span(id)) else { return };
        if core.in_open(&span, |_| ()).is_none() {
            return;
        }
        // The fields' own code runs while the span is not locked.
        let recorded = core.record(span.metadata(), Origin::Tracing, |visitor| values.record(visitor));
        core.in_open(&span, |open| recorded.attributes.into_iter().for_each(|new| set(&mut open.attributes, new)));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(core) = self.core() else { return };
        let scope = || context.event_scope(event).into_iter().flatten();
        if *event.metadata().level() == Level::ERROR {
            scope().find_map(|span| core.in_open(&span, |open| open.end = End::Failed));
        }
        if let Some(logs) = &core.logs {
            let place = scope().find_map(|span| core.place_of(&span)).or_else(Place::present);
            let normalized = event.normalized_metadata();
            let (origin, target) = match &normalized {
                Some(metadata) => (Origin::LogBridge, Cow::Owned(metadata.target().to_owned())),
                None => (Origin::Tracing, Cow::Borrowed(event.metadata().target())),
            };
            let recorded = core.record(event.metadata(), origin, |visitor| {
                event.record(visitor);
                if origin == Origin::LogBridge {
                    visitor.take_pairs();
                }
            });
            let level = normalized.as_ref().map_or(event.metadata().level(), Metadata::level);
            logs.submit(target, log_record(core.clock.wall(), *level, place, recorded));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let (Some(core), Some(span)) = (self.core(), context.span(&id)) else { return };
        let kept = span.extensions_mut().get_mut::<Records>().and_then(|records| records.take(core.id()));
        if let Some(Kept::Exported(open)) = kept {
            let metadata = span.metadata();
            core.spans.submit(metadata.target(), open.closed(metadata.name(), core.clock.wall()));
        }
    }
}

impl Records {
    fn of(&self, export: usize) -> Option<&Kept> {
        self.0.iter().find_map(|(of, kept)| (*of == export).then_some(kept))
    }

    fn of_mut(&mut self, export: usize) -> Option<&mut Kept> {
        self.0.iter_mut().find_map(|(of, kept)| (*of == export).then_some(kept))
    }

    fn take(&mut self, export: usize) -> Option<Kept> {
        let at = self.0.iter().position(|(of, _)| *of == export)?;
        Some(self.0.swap_remove(at).1)
    }
}

impl Core {
    /// Tells exports apart. Those whose layers are in a subscriber are alive, so no two have one address.
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Where a span is, if it is in a trace.
    pub(super) fn place_of<'a, R: LookupSpan<'a>>(&self, span: &SpanRef<'a, R>) -> Option<Place> {
        Some(span.extensions().get::<Records>()?.of(self.id())?.place().clone())
    }

    /// Changes a span that is to be exported.
    fn in_open<'a, R: LookupSpan<'a>, T>(
        &self,
        span: &SpanRef<'a, R>,
        change: impl FnOnce(&mut Open) -> T,
    ) -> Option<T> {
        match span.extensions_mut().get_mut::<Records>()?.of_mut(self.id())? {
            Kept::Exported(open) => Some(change(open)),
            Kept::Passes(_) => None,
        }
    }

    fn record(
        &self,
        metadata: &'static Metadata<'static>,
        origin: Origin,
        visit: impl FnOnce(&mut Recorder<'_>),
    ) -> Recorded {
        let treatments = self.callsites.of(metadata, origin, &self.texts);
        let mut recorder =
            Recorder { texts: &self.texts, treatments: &treatments, attributes: Vec::new(), message: None };
        visit(&mut recorder);
        let Recorder { attributes, message, .. } = recorder;
        Recorded { attributes, message }
    }
}

/// What fields gave.
struct Recorded {
    attributes: Vec<KeyValue>,
    message: Option<AnyValue>,
}

impl Open {
    fn closed(self, name: &'static str, at: SystemTime) -> Span {
        let Self { place, parent, began, attributes, end } = self;
        let status = (end == End::Failed).then(|| Status { code: StatusCode::Error.into(), ..Status::default() });
        Span {
            parent_span_id: parent.to_bytes().to_vec(),
            flags: flags(place.flags) | SpanFlags::ContextHasIsRemoteMask as u32,
            name: name.to_owned(),
            kind: SpanKind::Internal.into(),
            start_time_unix_nano: unix_nanos(began),
            end_time_unix_nano: unix_nanos(at),
            attributes,
            status,
            ..place.into_span()
        }
    }
}

fn log_record(at: SystemTime, level: Level, place: Option<Place>, recorded: Recorded) -> LogRecord {
    let severity = match level {
        Level::ERROR => SeverityNumber::Error,
        Level::WARN => SeverityNumber::Warn,
        Level::INFO => SeverityNumber::Info,
        Level::DEBUG => SeverityNumber::Debug,
        Level::TRACE => SeverityNumber::Trace,
    };
    LogRecord {
        time_unix_nano: unix_nanos(at),
        observed_time_unix_nano: unix_nanos(at),
        severity_number: severity.into(),
        severity_text: level.as_str().to_owned(),
        body: recorded.message,
        attributes: recorded.attributes,
        flags: place.as_ref().map_or(0, |place| flags(place.flags)),
        trace_id: place.as_ref().map_or(Vec::new(), |place| place.trace_id.to_bytes().to_vec()),
        span_id: place.map_or(Vec::new(), |place| place.span_id.to_bytes().to_vec()),
        ..LogRecord::default()
    }
}

impl fmt::Debug for OtlpLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpLayer").finish_non_exhaustive()
    }
}
