//! Requests and calls, measured elsewhere, as spans.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, SpanFlags, Status};
use tracing_subscriber::registry::{LookupSpan as _, Registry};

use super::attributes::{integer, text};
use super::export::{Core, unix_nanos};
use super::place::{Place, flags};
use crate::trace::{MeasuredSpan, SpanId, SpanSink, Target, TraceContext};

/// Who made these spans.
const SCOPE: &str = env!("CARGO_PKG_NAME");

/// A method that is none of the known.
const OTHER_METHOD: &str = "_OTHER";

impl SpanSink for Core {
    fn present(&self, context: &TraceContext) -> SpanId {
        let place = tracing::Span::current().with_subscriber(|(id, subscriber)| {
            let span = subscriber.downcast_ref::<Registry>()?.span(id)?;
            span.scope().find_map(|span| self.place_of(&span))
        });
        let inside = place.flatten().filter(|place| place.trace_id == context.trace_id());
        inside.map_or(context.span_id(), |place| place.span_id)
    }

    fn ended(&self, measured: &MeasuredSpan<'_>) {
        let end = self.clock.wall();
        let start = end.checked_sub(measured.took).unwrap_or(end);
        let place = Place { span_id: measured.span_id, ..Place::of(measured.context) };
        let span = Span {
            parent_span_id: measured.parent.map_or(Vec::new(), |parent| parent.to_bytes().to_vec()),
            flags: flags(place.flags) | remoteness(measured),
            name: name(measured),
            kind: match measured.target {
                Target::Route(_) | Target::Unmatched => SpanKind::Server,
                Target::Peer(_) => SpanKind::Client,
            }
            .into(),
            start_time_unix_nano: unix_nanos(start),
            end_time_unix_nano: unix_nanos(end),
            attributes: attributes(measured),
            status: measured.failure.map(|_| Status { code: StatusCode::Error.into(), ..Status::default() }),
            ..place.into_span()
        };
        self.spans.submit(SCOPE, span);
    }
}

/// Whether the parent is of another process, which is known of both sides.
fn remoteness(measured: &MeasuredSpan<'_>) -> u32 {
    let is_remote = measured.parent.is_some() && !matches!(measured.target, Target::Peer(_));
    let remote = if is_remote { SpanFlags::ContextIsRemoteMask as u32 } else { 0 };
    SpanFlags::ContextHasIsRemoteMask as u32 | remote
}

/// As OpenTelemetry's conventions have it: the method, and the route if there is one.
fn name(measured: &MeasuredSpan<'_>) -> String {
    let method = if measured.method == OTHER_METHOD { "HTTP" } else { measured.method };
    match measured.target {
        Target::Route(route) => format!("{method} {route}"),
        Target::Unmatched | Target::Peer(_) => method.to_owned(),
    }
}

fn attributes(measured: &MeasuredSpan<'_>) -> Vec<opentelemetry_proto::tonic::common::v1::KeyValue> {
    let mut attributes = vec![text("http.request.method", measured.method)];
    match measured.target {
        Target::Route(route) => attributes.push(text("http.route", route)),
        Target::Peer(peer) => attributes.push(text("peer.service", peer)),
        Target::Unmatched => {}
    }
    if let Some(status) = measured.status {
        attributes.push(integer("http.response.status_code", status.as_u16().into()));
    }
    if let Some(failure) = measured.failure {
        // An answer is known by its status.
        let kind = measured
            .status
            .filter(|status| !status.is_success())
            .map_or(failure.to_owned(), |status| status.as_u16().to_string());
        attributes.push(text("error.type", kind));
    }
    attributes
}
