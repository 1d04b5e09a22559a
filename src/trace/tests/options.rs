use std::sync::{Arc, Mutex};

use http::Extensions;

use super::super::{Caller, Restart, TraceContext, TraceOptions, TraceSource};
use super::{TRACE_ID, TRACEPARENT_VALUE, context, headers};
use crate::diagnostics::{Diagnostics, Problem};

#[test]
fn ratio_decides_about_new_traces_and_about_no_callers() {
    for (share, least, most) in [(0.0, 0, 0), (0.3, 200, 400), (1.0, 1000, 1000)] {
        let rules = TraceOptions::new().sample(share).build(&Diagnostics::new()).expect("valid");
        let (headers, extensions) = (headers(&[]), Extensions::new());
        let caller = Caller { headers: &headers, extensions: &extensions };
        let sampled = (0..1000).filter(|_| rules.context(caller).flags().sampled).count();
        // 14.5 is the standard deviation in between.
        assert!((least..=most).contains(&sampled), "{sampled} of 1000 at {share}");
    }
    for (flags, sampled) in [("00", false), ("01", true)] {
        let parent = format!("{}{flags}", &TRACEPARENT_VALUE[..53]);
        for share in [0.0, 1.0] {
            let context = context(TraceOptions::new().sample(share), &[("traceparent", &parent)]);
            assert_eq!(context.flags().sampled, sampled);
        }
    }
}

#[test]
fn services_that_sample_alike_agree_about_a_trace_whose_caller_left_it_open() {
    let b3 = |id: u64| format!("{:032x}-00f067aa0ba902b7", u128::from(id) << 32 | 7);
    let sampled = |id: u64, share: f64| {
        context(TraceOptions::new().accept(TraceSource::B3).sample(share), &[("b3", &b3(id))]).flags().sampled
    };
    let of = |share| (1..256).map(|id| id << 16).filter(|id| sampled(*id, share)).collect::<Vec<_>>();
    assert_eq!(of(0.5), of(0.5));
    assert!((100..156).contains(&of(0.5).len()), "{}", of(0.5).len());
    assert!(of(0.2).iter().all(|id| of(0.5).contains(id)), "a larger share holds a smaller one");
}

#[test]
fn ratio_is_checked() {
    for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let refused = TraceOptions::new().sample(share).build(&Diagnostics::new()).expect_err("no share");
        assert_eq!((refused.what(), refused.rule()), ("share of sampled traces", "0.0 to 1.0"));
    }
}

#[test]
fn restart_takes_nothing_over_but_perhaps_the_request_id() {
    let request = [
        ("traceparent", TRACEPARENT_VALUE),
        ("tracestate", "a=1"),
        ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"),
        ("x-request-id", "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"),
    ];
    let options = || TraceOptions::new().accept(TraceSource::B3).accept(TraceSource::RequestIdUuid);
    for (what, keeps_id) in [(Restart::Trace, true), (Restart::TraceAndRequestId, false)] {
        let context = context(options().restart(what), &request);
        assert!(![TRACE_ID, "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d"].contains(&context.trace_id().to_string().as_str()));
        assert_eq!((context.parent_span_id(), context.state().as_str(), context.flags().bits()), (None, None, 0b11));
        assert_eq!(context.request_id().as_str() == request[3].1, keeps_id, "{what:?}");
    }
    let insane = context(options().restart(Restart::Trace), &[("x-request-id", "two words")]);
    assert_eq!(insane.request_id().as_str().len(), 36);
}

#[derive(Clone)]
struct Inside;

#[test]
fn rule_says_by_request_who_is_trusted_and_one_that_panics_trusts_nobody() {
    let diagnostics = Diagnostics::new();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let options = TraceOptions::new().restart_unless(Restart::Trace, move |caller| {
        assert!(!caller.headers.contains_key("x-panic"), "as the test wants");
        let is_inside = caller.extensions.get::<Inside>().is_some();
        seen.lock().expect("no panic while locked").push(is_inside);
        is_inside
    });
    let rules = options.build(&diagnostics).expect("valid");
    let is_continued = |extensions: &Extensions, more: &[(&str, &str)]| {
        let headers = headers(&[[("traceparent", TRACEPARENT_VALUE)].as_slice(), more].concat());
        let context: TraceContext = rules.context(Caller { headers: &headers, extensions });
        context.trace_id().to_string() == TRACE_ID
    };
    let (outside, mut inside) = (Extensions::new(), Extensions::new());
    inside.insert(Inside);
    assert!(is_continued(&inside, &[]) && !is_continued(&outside, &[]));
    assert!(!is_continued(&inside, &[("x-panic", "1")]));
    assert_eq!(*asked.lock().expect("no panic while locked"), [true, false]);
    assert_eq!(diagnostics.total(Problem::RulePanicked), 1);
}
