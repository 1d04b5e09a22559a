use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::super::{TRACEPARENT, TRACERESPONSE, TRACESTATE, TraceContext, X_REQUEST_ID};
use super::{TRACEPARENT_VALUE as PARENT, headers};

#[test]
fn outgoing_call_continues_the_trace_with_our_own_span() {
    let incoming =
        headers(&[("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2"), ("x-request-id", "r1")]);
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
    let context = TraceContext::from_headers(&headers(&[("traceparent", PARENT), ("tracestate", "a=1")]));
    let sent = |set: &[(&str, &str)]| {
        let mut outgoing = headers(set);
        context.add_to_call(&mut outgoing);
        [TRACEPARENT, TRACESTATE, X_REQUEST_ID].map(|name| {
            assert!(outgoing.get_all(&name).iter().count() <= 1, "{name}");
            outgoing.get(&name).map(|value| value.to_str().expect("ASCII").to_owned())
        })
    };
    let [first, second] = [sent(&[]), sent(&[])];
    let parents = [&first, &second].map(|call| call[0].as_deref().expect("it is sent")[36..52].to_owned());
    assert_eq!(first[0].as_deref().expect("it is sent")[..36], PARENT[..36]);
    assert_ne!(parents[0], parents[1]);
    assert!(!parents.contains(&context.span_id().to_string()), "{parents:?}");
    assert_eq!(first[1..], [Some("a=1".to_owned()), Some(context.request_id().to_string())]);
    let own = [Some("own".to_owned()), None, Some("mine".to_owned())];
    assert_eq!(sent(&[("traceparent", "own"), ("x-request-id", "mine")]), own);
    assert_eq!(sent(&[("tracestate", "own=1")])[1].as_deref(), Some("own=1"));
}

#[test]
fn full_header_map_is_left_as_it_is() {
    let mut full = HeaderMap::new();
    for number in 0.. {
        let name = HeaderName::try_from(format!("x-{number}")).expect("a header name");
        if full.try_insert(name, HeaderValue::from_static("1")).is_err() {
            break;
        }
    }
    let before = full.len();
    let context = TraceContext::new_root();
    context.add_to_call(&mut full);
    context.inject(&mut full);
    context.add_traceresponse(&mut full);
    context.add_to_response(&mut full);
    assert_eq!(full.len(), before);
}

#[test]
fn response_headers_of_the_handler_are_kept_and_missing_ones_added() {
    let context = TraceContext::new_root();
    let id = context.request_id().to_string();
    let own = format!("00-{}-{}-03", context.trace_id(), context.span_id());
    for set in [
        &[][..],
        &[("x-request-id", "mine")],
        &[("traceresponse", "mine")],
        &[("x-request-id", "mine"), ("traceresponse", "mine")],
    ] {
        let [mut at_once, mut one_by_one] = [headers(set), headers(set)];
        context.add_to_response(&mut at_once);
        context.add_request_id(&mut one_by_one);
        context.add_traceresponse(&mut one_by_one);
        assert_eq!(at_once, one_by_one);
        for (name, added) in [(X_REQUEST_ID, &id), (TRACERESPONSE, &own)] {
            let expected = if set.iter().any(|(set, _)| name == *set) { "mine" } else { added };
            assert_eq!(at_once.get_all(&name).iter().collect::<Vec<_>>(), [expected], "{name} over {set:?}");
        }
    }
}

#[test]
fn written_headers_are_read_back_as_the_same_trace() {
    let state = "v".repeat(200);
    for state in [None, Some("a=1,b=2".to_owned()), Some(format!("a={state},b={state}"))] {
        let mut incoming = headers(&[("traceparent", PARENT), ("x-request-id", "r1")]);
        if let Some(state) = &state {
            incoming.insert(TRACESTATE, state.parse().expect("a header value"));
        }
        let context = TraceContext::from_headers(&incoming);
        let mut outgoing = headers(&[("traceparent", "old"), ("tracestate", "old=1"), ("x-request-id", "old")]);
        context.inject(&mut outgoing);
        let next = TraceContext::from_headers(&outgoing);
        assert_eq!((next.trace_id(), next.parent_span_id()), (context.trace_id(), Some(context.span_id())));
        assert_eq!((next.flags(), next.request_id()), (context.flags(), context.request_id()));
        assert_eq!((next.state(), next.state().as_str()), (context.state(), state.as_deref()));
    }
}
