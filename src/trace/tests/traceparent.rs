use super::super::{TRACEPARENT, TRACESTATE, TraceContext, Traceparent};
use super::{PARENT_ID, TRACE_ID, TRACEPARENT_VALUE, context, headers, sent, taken};
use crate::trace::TraceOptions;

/// A value of these four fields.
fn value(version: &str, trace: &str, parent: &str, flags: &str) -> String {
    format!("{version}-{trace}-{parent}-{flags}")
}

#[test]
fn malformed_headers_start_a_new_trace() {
    let upper = TRACE_ID.to_uppercase();
    let valid = value("00", TRACE_ID, PARENT_ID, "01");
    let mut bad = vec![
        String::new(),
        "00".to_owned(),
        valid.replace('-', "_"),
        valid.replacen('-', "", 1),
        format!("{valid}-"),
        format!("{valid}-x"),
        format!("{valid}."),
        format!("\n{valid}"),
    ];
    for version in ["", "0", "000", "ff", "FF", "0C", ".0", "0.", "+0", " 0"] {
        bad.push(value(version, TRACE_ID, PARENT_ID, "01"));
    }
    let zeros = "0".repeat(32);
    for trace in ["", &TRACE_ID[1..], &format!("{TRACE_ID}0"), &upper, &zeros, &TRACE_ID.replace('4', ".")] {
        bad.push(value("00", trace, PARENT_ID, "01"));
    }
    bad.push(value("00", &format!("+{}", &TRACE_ID[1..]), PARENT_ID, "01"));
    for parent in ["", &PARENT_ID[1..], &format!("{PARENT_ID}0"), "00F067AA0BA902B7", &zeros[..16], "00f067aa0ba902b."]
    {
        bad.push(value("00", TRACE_ID, parent, "01"));
    }
    for flags in ["", "1", "001", "0A", ".0", "0.", "+1"] {
        bad.push(value("00", TRACE_ID, PARENT_ID, flags));
    }
    // What two fields have too much and too little of gives the right length.
    bad.push(value("00", &TRACE_ID[1..], PARENT_ID, "001"));
    // Later versions end after the flags, or go on behind a dash.
    for later in ["01", "cc", "fe"] {
        bad.push(format!("{}x", value(later, TRACE_ID, PARENT_ID, "01")));
        bad.push(format!("{}.more", value(later, TRACE_ID, PARENT_ID, "01")));
        bad.push(value(later, TRACE_ID, PARENT_ID, "0"));
        bad.push(value(later, &TRACE_ID[1..], PARENT_ID, "01"));
    }
    for bad in bad {
        assert_eq!(Traceparent::parse(bad.as_bytes()), None, "{bad:?}");
    }
}

#[test]
fn later_versions_are_read_by_their_first_four_fields_and_answered_by_ours() {
    let later = value("cc", TRACE_ID, PARENT_ID, "00");
    for value in [later.clone(), format!("{later}-"), format!("{later}-what-the-future-brings")] {
        let parsed = Traceparent::parse(value.as_bytes()).expect("a version after 00");
        assert_eq!(parsed.format(), TRACEPARENT_VALUE.as_bytes(), "{value}");
    }
}

#[test]
fn padding_is_trimmed_and_unknown_flags_are_dropped() {
    let parsed = Traceparent::parse(format!(" \t{}ff \t", &TRACEPARENT_VALUE[..53]).as_bytes()).expect("padded");
    assert_eq!(&parsed.format()[53..], b"03");
}

#[test]
fn two_traceparents_start_a_new_trace_even_if_they_are_the_same() {
    let pair = [("traceparent", TRACEPARENT_VALUE), ("traceparent", TRACEPARENT_VALUE), ("tracestate", "a=1")];
    let context = TraceContext::from_headers(&headers(&pair));
    assert_ne!(context.trace_id().to_string(), TRACE_ID);
    assert_eq!((context.parent_span_id(), context.state().as_str()), (None, None));
    // Sampled, and of an id that is random from end to end.
    assert_eq!(context.flags().bits(), 0b11);
}

#[test]
fn sampling_and_randomness_go_on_exactly_as_the_caller_has_them() {
    for (flags, expected) in [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("fc", "00"), ("fe", "02")] {
        let parent = value("00", TRACE_ID, PARENT_ID, flags);
        // Whatever this service would decide.
        for share in [0.0, 1.0] {
            let context = context(TraceOptions::new().sample(share), &[("traceparent", &parent)]);
            let sent = sent(&context, &TRACEPARENT).expect("a call has it");
            assert_eq!((&sent[3..35], &sent[53..]), (TRACE_ID, expected), "{flags}");
        }
    }
}

#[test]
fn every_call_has_a_new_parent_id_whoever_decided_the_sampling() {
    let b3 = format!("{TRACE_ID}-{PARENT_ID}");
    let options = || TraceOptions::new().accept(crate::trace::TraceSource::B3).sample(0.0);
    for request in [vec![("traceparent", TRACEPARENT_VALUE)], vec![("b3", b3.as_str())], vec![]] {
        let context = context(options(), &request);
        let calls = [(); 2].map(|()| sent(&context, &TRACEPARENT).expect("a call has it")[36..52].to_owned());
        let own = context.span_id().to_string();
        assert!(calls[0] != calls[1] && !calls.contains(&own) && !calls.iter().any(|id| id == PARENT_ID));
        assert_ne!(own, PARENT_ID);
    }
}

#[test]
fn tracestate_is_nothing_without_a_valid_traceparent_and_costs_none_if_it_is_bad() {
    let state = ("tracestate", "rojo=1");
    for without in [vec![state], vec![("traceparent", "00-bad"), state], vec![("traceparent", ""), state]] {
        let context = TraceContext::from_headers(&headers(&without));
        assert_eq!((context.state().as_str(), sent(&context, &TRACESTATE)), (None, None), "{without:?}");
    }
    let bad = [("traceparent", TRACEPARENT_VALUE), ("tracestate", "foo=bar=baz")];
    let context = TraceContext::from_headers(&headers(&bad));
    assert_eq!(taken(&context), (TRACE_ID.to_owned(), Some(PARENT_ID.to_owned()), 0));
    assert_eq!((context.state().as_str(), sent(&context, &TRACESTATE)), (None, None));
}
