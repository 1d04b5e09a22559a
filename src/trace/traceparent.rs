//! The `traceparent` header, by the rules of W3C trace context level 2.

use http::header::HeaderMap;

use super::id::{SpanId, TraceFlags, TraceId, hex, unhex};
use super::propagation::TRACEPARENT;
use super::values::{single, trimmed};

/// What a `traceparent` header says.
///
/// ```
/// use aistm7_monitoring::trace::Traceparent;
///
/// let header = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parsed = Traceparent::parse(header).expect("a valid header");
/// assert!(parsed.flags.sampled);
/// assert_eq!(&parsed.format(), header);
/// assert_eq!(Traceparent::parse(b"00-00000000000000000000000000000000-00f067aa0ba902b7-01"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    /// The trace this request belongs to.
    pub trace_id: TraceId,
    /// The caller's span.
    pub parent_id: SpanId,
    /// What the caller said of sampling and randomness.
    pub flags: TraceFlags,
}

impl Traceparent {
    /// Bytes of a header value of version `00`: `00-` + 32 + `-` + 16 + `-` + 2.
    pub const LENGTH: usize = 55;

    /// Reads a header value; `None` if it is malformed, which means that a new trace starts here.
    ///
    /// Versions after `00` are read by their first four fields, as the recommendation asks of older readers.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = trimmed(value);
        let version = unhex::<1>(value.get(..2)?)?[0];
        let ends_well = match version {
            0xff => false,
            0 => value.len() == Self::LENGTH,
            _ => value.len() == Self::LENGTH || value.get(Self::LENGTH) == Some(&b'-'),
        };
        let separated = [2, 35, 52].into_iter().all(|at| value.get(at) == Some(&b'-'));
        if !(ends_well && separated) {
            return None;
        }
        Some(Self {
            trace_id: TraceId::from_hex(&value[3..35])?,
            parent_id: SpanId::from_hex(&value[36..52])?,
            flags: TraceFlags::from_bits(unhex::<1>(&value[53..55])?[0]),
        })
    }

    /// That of a request which has exactly one.
    pub(super) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        single(headers, &TRACEPARENT).and_then(Self::parse)
    }

    /// The header value, always of version `00`.
    pub fn format(&self) -> [u8; Self::LENGTH] {
        let mut out = *b"00-00000000000000000000000000000000-0000000000000000-00";
        out[3..35].copy_from_slice(&self.trace_id.to_hex());
        out[36..52].copy_from_slice(&self.parent_id.to_hex());
        out[53..55].copy_from_slice(&hex::<1, 2>([self.flags.bits()]));
        out
    }
}
