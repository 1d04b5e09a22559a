//! `X-Amzn-Trace-Id`, as AWS' load balancers add it.

use http::header::{HeaderMap, HeaderName};

use super::{Claim, ClaimedTrace};
use crate::trace::id::{SpanId, TraceId};
use crate::trace::values::trimmed;

const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Fields in any order, others among them. Only `Root` has to be there, and a load balancer adds no more than that.
pub(super) fn read(headers: &HeaderMap) -> Option<Claim> {
    let value = headers.get(X_AMZN_TRACE_ID)?.as_bytes();
    let field = |name: &[u8]| {
        let mut fields = value.split(|byte| *byte == b';').map(trimmed);
        fields.find_map(|field| field.strip_prefix(name)?.strip_prefix(b"="))
    };
    let trace =
        ClaimedTrace { id: root(field(b"Root")?)?, parent: field(b"Parent").and_then(SpanId::from_hex), random: false };
    let sampled = match field(b"Sampled") {
        Some(b"1") => Some(true),
        Some(b"0") => Some(false),
        // Absent, or `?`: who reads it decides.
        _ => None,
    };
    Some(Claim { trace: Some(trace), sampled })
}

/// `1-{8 digits, of the time}-{24 digits}`.
fn root(value: &[u8]) -> Option<TraceId> {
    const DIGITS: usize = 32;
    let (time, rest) = value.strip_prefix(b"1-")?.split_at_checked(8)?;
    let mut digits = [0; DIGITS];
    let (start, end) = digits.split_at_mut(time.len());
    start.copy_from_slice(time);
    let rest = rest.strip_prefix(b"-").filter(|rest| rest.len() == end.len())?;
    end.copy_from_slice(rest);
    TraceId::from_hex(&digits)
}
