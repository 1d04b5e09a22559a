//! Trace context in headers: read from a request, written to a response or an outgoing call.

use http::header::{Entry, HeaderMap, HeaderName, HeaderValue};

use super::context::TraceContext;
use super::id::SpanId;
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
    /// assert_eq!(context.parent_span_id().map(|span| span.to_string()).as_deref(), Some("00f067aa0ba902b7"));
    /// assert_ne!(Some(context.span_id()), context.parent_span_id());
    /// # Ok::<(), http::header::InvalidHeaderValue>(())
    /// ```
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let request_id = single(headers, &X_REQUEST_ID).and_then(RequestId::accept).unwrap_or_else(RequestId::generate);
        let Some(parent) = single(headers, &TRACEPARENT).and_then(Traceparent::parse) else {
            return Self::root_with(request_id);
        };
        let state = TraceState::parse(headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes));
        Self::continued(parent, state, request_id)
    }

    /// Writes `traceparent`, `tracestate` and `x-request-id` for a call to another service, replacing what was there.
    ///
    /// The parent is this context's own span. Calls that are measured as well, each with a span id of its own, are
    /// those of `http::client`.
    pub fn inject(&self, headers: &mut HeaderMap) {
        for name in [&TRACEPARENT, &TRACESTATE, &X_REQUEST_ID] {
            headers.remove(name);
        }
        self.add_parent(self.span_id(), headers);
    }

    /// Adds `traceparent`, with a span id of its own as parent, `tracestate` and `x-request-id` to a call to another
    /// service, as far as it has none. A call with a `traceparent` of its own keeps its `tracestate` too, or gets none.
    pub fn add_to_call(&self, headers: &mut HeaderMap) {
        self.add_parent(SpanId::random(), headers);
    }

    fn add_parent(&self, parent: SpanId, headers: &mut HeaderMap) {
        if !headers.contains_key(TRACEPARENT) {
            add(headers, TRACEPARENT, || Some(self.traceparent(parent)));
            add(headers, TRACESTATE, || HeaderValue::from_str(self.state().as_str()?).ok());
        }
        self.add_request_id(headers);
    }

    /// Adds `x-request-id` to a message that has none.
    pub fn add_request_id(&self, headers: &mut HeaderMap) {
        add(headers, X_REQUEST_ID, || HeaderValue::from_bytes(self.request_id().as_bytes()).ok());
    }

    /// Adds `traceresponse` to a response that has none.
    pub fn add_traceresponse(&self, headers: &mut HeaderMap) {
        add(headers, TRACERESPONSE, || Some(self.traceparent(self.span_id())));
    }

    fn traceparent(&self, parent_id: SpanId) -> HeaderValue {
        let parent = Traceparent { trace_id: self.trace_id(), parent_id, flags: self.flags() };
        HeaderValue::from_bytes(&parent.format()).expect("OK because hex digits and dashes are visible ASCII")
    }
}

/// Adds a header that is absent. A map that takes no more headers stays as it is.
fn add(headers: &mut HeaderMap, name: HeaderName, value: impl FnOnce() -> Option<HeaderValue>) {
    if let Ok(Entry::Vacant(absent)) = headers.try_entry(name)
        && let Some(value) = value()
    {
        // The room was made above.
        let _ = absent.try_insert(value);
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
        assert_eq!(context.parent_span_id(), None);
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
    fn measured_call_has_a_parent_of_its_own_and_keeps_what_its_caller_set() {
        let context = TraceContext::from_headers(&headers(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1")]));
        let sent = |set: &[(HeaderName, &str)]| {
            let mut outgoing = headers(set);
            context.add_to_call(&mut outgoing);
            [TRACEPARENT, TRACESTATE, X_REQUEST_ID].map(|name| {
                assert!(outgoing.get_all(&name).iter().count() <= 1, "{name}");
                outgoing.get(&name).map(|value| value.to_str().unwrap().to_owned())
            })
        };
        let [first, second] = [sent(&[]), sent(&[])];
        let parents = [&first, &second].map(|call| call[0].as_deref().unwrap()[36..52].to_owned());
        assert_eq!(first[0].as_deref().unwrap()[..36], PARENT[..36]);
        assert_ne!(parents[0], parents[1]);
        assert!(!parents.contains(&context.span_id().to_string()), "{parents:?}");
        assert_eq!(first[1..], [Some("a=1".to_owned()), Some(context.request_id().to_string())]);
        let own = [Some("own".to_owned()), None, Some("mine".to_owned())];
        assert_eq!(sent(&[(TRACEPARENT, "own"), (X_REQUEST_ID, "mine")]), own);
        assert_eq!(sent(&[(TRACESTATE, "own=1")])[1].as_deref(), Some("own=1"));
    }

    #[test]
    fn full_header_map_is_left_as_it_is() {
        let mut full = HeaderMap::new();
        for number in 0.. {
            let name = HeaderName::try_from(format!("x-{number}")).unwrap();
            if full.try_insert(name, HeaderValue::from_static("1")).is_err() {
                break;
            }
        }
        let before = full.len();
        let context = TraceContext::new_root();
        context.add_to_call(&mut full);
        context.inject(&mut full);
        context.add_traceresponse(&mut full);
        assert_eq!(full.len(), before);
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
