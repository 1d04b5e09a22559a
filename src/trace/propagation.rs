//! Trace context in headers: read from a request, written to a response or an outgoing call.

use http::header::{Entry, HeaderMap, HeaderName, HeaderValue};

use super::context::TraceContext;
use super::request_id::RequestId;
use super::traceparent::Traceparent;
use super::tracestate::TraceState;

/// `traceparent`, W3C trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `tracestate`, W3C trace context.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// `traceresponse`, W3C trace context level 2: the trace a response belongs to, in the form of `traceparent`.
pub const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// `x-request-id`, by custom.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl TraceContext {
    /// Continues the trace of a request's headers, or starts one if they carry none or a malformed one.
    ///
    /// Two `traceparent` headers are malformed. The request id is taken if sane, else made.
    ///
    /// ```
    /// use aistm7_monitoring::trace::{TRACEPARENT, TraceContext};
    ///
    /// let mut headers = http::HeaderMap::new();
    /// headers.insert(TRACEPARENT, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?);
    /// let context = TraceContext::from_headers(&headers);
    /// assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    /// assert_ne!(context.span_id().to_string(), "00f067aa0ba902b7");
    /// # Ok::<(), http::header::InvalidHeaderValue>(())
    /// ```
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let request_id = single(headers, &X_REQUEST_ID).and_then(RequestId::accept).unwrap_or_else(RequestId::generate);
        let Some(parent) = single(headers, &TRACEPARENT).and_then(Traceparent::parse) else {
            return Self::root_with(request_id);
        };
        let state = TraceState::parse(headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes));
        Self::continued(parent.trace_id, parent.flags, state, request_id)
    }

    /// Writes `traceparent`, `tracestate` and `x-request-id` for a call to another service, replacing what was there.
    pub fn inject(&self, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, self.traceparent());
        match self.state().as_str().and_then(|state| HeaderValue::from_str(state).ok()) {
            Some(state) => headers.insert(TRACESTATE, state),
            None => headers.remove(TRACESTATE),
        };
        if let Ok(id) = HeaderValue::from_str(self.request_id().as_str()) {
            headers.insert(X_REQUEST_ID, id);
        }
    }

    /// Adds `x-request-id` to a response that has none.
    pub fn add_request_id(&self, headers: &mut HeaderMap) {
        if let Entry::Vacant(absent) = headers.entry(X_REQUEST_ID)
            && let Ok(id) = HeaderValue::from_str(self.request_id().as_str())
        {
            absent.insert(id);
        }
    }

    /// Adds `traceresponse` to a response that has none.
    pub fn add_traceresponse(&self, headers: &mut HeaderMap) {
        if let Entry::Vacant(absent) = headers.entry(TRACERESPONSE) {
            absent.insert(self.traceparent());
        }
    }

    fn traceparent(&self) -> HeaderValue {
        let parent = Traceparent { trace_id: self.trace_id(), parent_id: self.span_id(), flags: self.flags() };
        HeaderValue::from_bytes(&parent.format()).expect("OK because hex digits and dashes are visible ASCII")
    }
}

/// The value of a header that occurs exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.as_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a header value"))).collect()
    }

    #[test]
    fn two_traceparents_start_a_new_trace() {
        let context = TraceContext::from_headers(&headers(&[(TRACEPARENT, PARENT), (TRACEPARENT, PARENT)]));
        assert_ne!(context.trace_id().to_string(), &PARENT[3..35]);
        assert!(context.flags().sampled && context.flags().random);
    }

    #[test]
    fn outgoing_call_continues_the_trace_with_our_own_span() {
        let incoming =
            headers(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1"), (TRACESTATE, "b=2"), (X_REQUEST_ID, "r1")]);
        let context = TraceContext::from_headers(&incoming);
        let mut outgoing = HeaderMap::new();
        context.inject(&mut outgoing);
        let sent = outgoing[TRACEPARENT].to_str().expect("ASCII");
        assert_eq!(sent[..36], PARENT[..36]);
        assert_ne!(sent[36..52], PARENT[36..52]);
        assert_eq!(&sent[52..], "-00", "neither sampled nor random was claimed by the caller");
        assert_eq!(outgoing[TRACESTATE], "a=1,b=2");
        assert_eq!(outgoing[X_REQUEST_ID], "r1");
    }

    #[test]
    fn response_headers_of_the_handler_are_kept() {
        let mut response = headers(&[(X_REQUEST_ID, "mine"), (TRACERESPONSE, "mine")]);
        let context = TraceContext::new_root();
        context.add_request_id(&mut response);
        context.add_traceresponse(&mut response);
        assert_eq!(
            (&response[X_REQUEST_ID], &response[TRACERESPONSE]),
            (&"mine".parse().unwrap(), &"mine".parse().unwrap())
        );
    }
}
