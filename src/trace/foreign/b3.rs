//! B3, as Zipkin and service meshes send it.

use http::header::{HeaderMap, HeaderName};

use super::{Claim, ClaimedTrace};
use crate::trace::id::{SpanId, TraceId, unhex};
use crate::trace::values::trimmed;

const B3: HeaderName = HeaderName::from_static("b3");
const TRACE_ID: HeaderName = HeaderName::from_static("x-b3-traceid");
const SPAN_ID: HeaderName = HeaderName::from_static("x-b3-spanid");
const SAMPLED: HeaderName = HeaderName::from_static("x-b3-sampled");
const FLAGS: HeaderName = HeaderName::from_static("x-b3-flags");

pub(super) fn read(headers: &HeaderMap) -> Option<Claim> {
    first(headers, &B3).and_then(of_one_header).or_else(|| of_several_headers(headers))
}

/// `{trace}-{span}`, then perhaps `-{decision}`, then perhaps `-{the caller's own parent}`; or only the decision.
fn of_one_header(value: &[u8]) -> Option<Claim> {
    let mut parts = value.split(|byte| *byte == b'-');
    let (first, span, decision) = (parts.next()?, parts.next(), parts.next());
    let Some(span) = span else {
        return Some(Claim { trace: None, sampled: Some(decided(first)?) });
    };
    if let Some(parent) = parts.next() {
        SpanId::from_hex(parent)?;
    }
    let sampled = decision.map(|decision| decided(decision).ok_or(())).transpose().ok()?;
    (parts.next().is_none()).then_some(Claim { trace: Some(trace(first, span)?), sampled })
}

fn of_several_headers(headers: &HeaderMap) -> Option<Claim> {
    let is_debug = first(headers, &FLAGS) == Some(b"1");
    let sampled = if is_debug { Some(true) } else { first(headers, &SAMPLED).and_then(decided_leniently) };
    match (first(headers, &TRACE_ID), first(headers, &SPAN_ID)) {
        (None, None) => sampled.map(|sampled| Claim { trace: None, sampled: Some(sampled) }),
        (id, span) => Some(Claim { trace: Some(trace(id?, span?)?), sampled }),
    }
}

fn first<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    headers.get(name).map(|value| trimmed(value.as_bytes()))
}

fn trace(id: &[u8], span: &[u8]) -> Option<ClaimedTrace> {
    const SHORT_DIGITS: usize = 16;
    let id = match id.len() {
        SHORT_DIGITS => TraceId::from_bytes(u128::from(u64::from_be_bytes(unhex(id)?)).to_be_bytes()),
        _ => TraceId::from_hex(id),
    };
    Some(ClaimedTrace { id: id?, parent: Some(SpanId::from_hex(span)?), random: false })
}

/// `d` is debug: sampled whatever anybody's ratio is.
fn decided(decision: &[u8]) -> Option<bool> {
    match decision {
        b"1" | b"d" => Some(true),
        b"0" => Some(false),
        _ => None,
    }
}

/// Older senders write words.
fn decided_leniently(decision: &[u8]) -> Option<bool> {
    let is = |word: &[u8]| decision.eq_ignore_ascii_case(word);
    if is(b"1") || is(b"true") {
        return Some(true);
    }
    (is(b"0") || is(b"false")).then_some(false)
}
