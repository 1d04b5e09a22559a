//! What comes in and goes out in headers, by the rules of each format.

mod foreign;
mod limits;
mod options;
mod propagation;
mod traced;
mod traceparent;
mod tracestate;

use http::header::{HeaderMap, HeaderName};

use super::{Caller, TraceContext, TraceOptions};
use crate::diagnostics::Diagnostics;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "00f067aa0ba902b7";
/// Neither sampled nor random.
const TRACEPARENT_VALUE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let name = |name: &str| HeaderName::from_bytes(name.as_bytes()).expect("a header name");
    pairs.iter().map(|(key, value)| (name(key), value.parse().expect("a header value"))).collect()
}

/// The context of a request with these headers, by these options.
fn context(options: TraceOptions, pairs: &[(&str, &str)]) -> TraceContext {
    let (headers, extensions) = (headers(pairs), http::Extensions::new());
    let rules = options.build(&Diagnostics::new()).expect("valid options");
    rules.context(Caller { headers: &headers, extensions: &extensions })
}

/// Trace, parent and flags of a context: what a caller can have a say in.
fn taken(context: &TraceContext) -> (String, Option<String>, u8) {
    let parent = context.parent_span_id().map(|span| span.to_string());
    (context.trace_id().to_string(), parent, context.flags().bits())
}

/// What a call of this context would carry under a name.
fn sent(context: &TraceContext, name: &HeaderName) -> Option<String> {
    let mut headers = HeaderMap::new();
    context.add_to_call(&mut headers);
    headers.get(name).map(|value| value.to_str().expect("ASCII").to_owned())
}
