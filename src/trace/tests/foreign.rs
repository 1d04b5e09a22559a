use super::super::{TraceContext, TraceOptions, TraceSource};
use super::{PARENT_ID, TRACE_ID, TRACEPARENT_VALUE, context, headers, taken};

const SHORT_ID: &str = "a3ce929d0e0e4736";

/// What is taken over of a request, in a service that would not sample; `None` if a new trace begins.
fn read(source: TraceSource, request: &[(&str, &str)]) -> Option<(String, Option<String>, u8)> {
    let context = context(TraceOptions::new().accept(source).sample(0.0), request);
    let ours = context.parent_span_id().is_none() && context.flags().bits() == 0b10;
    (!ours).then(|| taken(&context))
}

fn of_caller(flags: u8) -> Option<(String, Option<String>, u8)> {
    Some((TRACE_ID.to_owned(), Some(PARENT_ID.to_owned()), flags))
}

#[test]
fn b3_in_one_header() {
    let ids = format!("{TRACE_ID}-{PARENT_ID}");
    for (rest, flags) in
        [("", 0), ("-0", 0), ("-1", 1), ("-d", 1), ("-1-05e3ac9a4f6e3b90", 1), ("-0-05e3ac9a4f6e3b90", 0)]
    {
        assert_eq!(read(TraceSource::B3, &[("b3", &format!("{ids}{rest}"))]), of_caller(flags), "{rest}");
    }
    let short = read(TraceSource::B3, &[("b3", &format!("{SHORT_ID}-{PARENT_ID}-1"))]);
    assert_eq!(short, Some((format!("{:0>32}", SHORT_ID), Some(PARENT_ID.to_owned()), 1)));
    let padded = format!(" {ids}-1\t");
    assert_eq!(read(TraceSource::B3, &[("b3", &padded)]), of_caller(1));
    let zeros = "0".repeat(32);
    for bad in [
        "",
        "-",
        "x",
        "2",
        TRACE_ID,
        &format!("{ids}-"),
        &format!("{ids}-2"),
        &format!("{ids}-true"),
        &format!("{ids}-1-"),
        &format!("{ids}-1-05e3"),
        &format!("{ids}-1-05e3ac9a4f6e3b90-"),
        &format!("{TRACE_ID}-{}", &zeros[..16]),
        &format!("{zeros}-{PARENT_ID}"),
        &format!("{}-{PARENT_ID}", &zeros[..16]),
        &format!("{}-{PARENT_ID}", &TRACE_ID[1..]),
        &format!("{}-{PARENT_ID}", TRACE_ID.to_uppercase()),
        &format!("{TRACE_ID}-{}", &PARENT_ID[1..]),
    ] {
        assert_eq!(read(TraceSource::B3, &[("b3", bad)]), None, "{bad:?}");
    }
}

#[test]
fn b3_in_several_headers() {
    let with = |more: &[(&'static str, &'static str)]| {
        let mut request = vec![("X-B3-TraceId", TRACE_ID), ("X-B3-SpanId", PARENT_ID)];
        request.extend(more);
        read(TraceSource::B3, &request)
    };
    assert_eq!(with(&[]), of_caller(0), "left to us, and we sample none");
    for (sampled, flags) in [("1", 1), ("true", 1), ("True", 1), ("0", 0), ("false", 0), (" 1 ", 1), ("maybe", 0)] {
        assert_eq!(with(&[("X-B3-Sampled", sampled)]), of_caller(flags), "{sampled}");
    }
    assert_eq!(with(&[("X-B3-Flags", "1")]), of_caller(1));
    assert_eq!(with(&[("X-B3-Flags", "1"), ("X-B3-Sampled", "0")]), of_caller(1), "debug goes before");
    assert_eq!(with(&[("X-B3-Flags", "0")]), of_caller(0));
    assert_eq!(with(&[("X-B3-ParentSpanId", "05e3ac9a4f6e3b90"), ("X-B3-Sampled", "1")]), of_caller(1));
    assert_eq!(
        with(&[("X-B3-TraceId", "ffffffffffffffffffffffffffffffff"), ("X-B3-Sampled", "1")]),
        of_caller(1),
        "the first counts"
    );
    let short = [("X-B3-TraceId", SHORT_ID), ("X-B3-SpanId", PARENT_ID), ("X-B3-Sampled", "1")];
    assert_eq!(read(TraceSource::B3, &short).map(|(trace, ..)| trace), Some(format!("{SHORT_ID:0>32}")));
    for bad in [
        vec![("X-B3-TraceId", TRACE_ID)],
        vec![("X-B3-SpanId", PARENT_ID)],
        vec![("X-B3-TraceId", "1"), ("X-B3-SpanId", PARENT_ID)],
        vec![("X-B3-TraceId", TRACE_ID), ("X-B3-SpanId", ""), ("X-B3-Sampled", "1")],
        vec![("X-B3-Sampled", "maybe")],
    ] {
        assert_eq!(read(TraceSource::B3, &bad), None, "{bad:?}");
    }
}

#[test]
fn one_header_of_b3_goes_before_several_unless_it_is_malformed() {
    let several = [("X-B3-TraceId", "ffffffffffffffffffffffffffffffff"), ("X-B3-SpanId", PARENT_ID)];
    let one = format!("{TRACE_ID}-{PARENT_ID}-1");
    let both = [[("b3", one.as_str())].as_slice(), &several].concat();
    assert_eq!(read(TraceSource::B3, &both), of_caller(1));
    let malformed = [[("b3", "nonsense")].as_slice(), &several].concat();
    assert_eq!(read(TraceSource::B3, &malformed).map(|(trace, ..)| trace).as_deref(), Some(several[0].1));
}

#[test]
fn decision_of_b3_without_ids_holds_for_the_trace_that_begins_here() {
    for (request, share, sampled) in [
        (("b3", "0"), 1.0, false),
        (("b3", "1"), 0.0, true),
        (("b3", "d"), 0.0, true),
        (("X-B3-Sampled", "0"), 1.0, false),
        (("X-B3-Sampled", "true"), 0.0, true),
        (("X-B3-Flags", "1"), 0.0, true),
    ] {
        let context = context(TraceOptions::new().accept(TraceSource::B3).sample(share), &[request]);
        assert_eq!((context.flags().sampled, context.flags().random), (sampled, true), "{request:?}");
        assert_eq!(context.parent_span_id(), None);
    }
}

#[test]
fn amazons_trace_id() {
    let root = format!("Root=1-{}-{}", &TRACE_ID[..8], &TRACE_ID[8..]);
    let parent = format!("Parent={PARENT_ID}");
    for (value, has_parent, flags) in [
        (root.clone(), false, 0),
        (format!("{root};{parent};Sampled=1"), true, 1),
        (format!("Sampled=1;{parent};{root}"), true, 1),
        (format!("Self=1-67891234-12456789abcdef012345678;{root};CalledFrom=app"), false, 0),
        (format!(" {root} ; {parent} ; Sampled=0 ;"), true, 0),
        (format!("{root};Sampled=?"), false, 0),
        (format!("{root};Sampled=1;Lineage=a:1|b:2"), false, 1),
        (format!("{root};Parent=short;Sampled=1"), false, 1),
    ] {
        // A new id with a random flag would be ours, and this one has none.
        let found = read(TraceSource::AmazonTraceId, &[("X-Amzn-Trace-Id", &value)]);
        let expected = (TRACE_ID.to_owned(), has_parent.then(|| PARENT_ID.to_owned()), flags);
        assert_eq!(found, Some(expected), "{value}");
    }
    let (time, rest) = (&TRACE_ID[..8], &TRACE_ID[8..]);
    for bad in [
        String::new(),
        parent.clone(),
        format!("Root={TRACE_ID}"),
        format!("Root=2-{time}-{rest}"),
        format!("Root=1-{time}-{}", &rest[1..]),
        format!("Root=1-{time}-{rest}0"),
        format!("Root=1-{}-{rest}", &time[1..]),
        format!("Root=1-{}-{}", &TRACE_ID[..9], &TRACE_ID[9..]),
        format!("Root=1-{}-{rest}", time.to_uppercase()),
        format!("Root=1-{}-{}", "0".repeat(8), "0".repeat(24)),
        format!("root=1-{time}-{rest}"),
        format!("Rooted=1-{time}-{rest}"),
    ] {
        assert_eq!(read(TraceSource::AmazonTraceId, &[("X-Amzn-Trace-Id", &bad)]), None, "{bad:?}");
    }
}

#[test]
fn request_id_that_is_a_uuid_with_enough_random_bits() {
    let with = |id: &str| {
        let context = context(TraceOptions::new().accept(TraceSource::RequestIdUuid), &[("x-request-id", id)]);
        assert_eq!(context.request_id().as_str(), id, "the id itself stays what it is");
        (context.trace_id().to_string(), context.parent_span_id(), context.flags().bits())
    };
    for id in [
        "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "0190163d-8694-739b-aea5-966c26f8ad91",
        "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d",
        "9B1DEB4D-3B7D-4BAD-9BDD-2B0D7B3DCB6D",
    ] {
        assert_eq!(with(id), (id.replace('-', "").to_lowercase(), None, 0b11), "{id}");
    }
    for other in [
        "req-7",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "9b1deb4d-3b7d-4bad-1bdd-2b0d7b3dcb6d",
        "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6",
    ] {
        assert_ne!(with(other).0, other.replace('-', ""), "{other}");
    }
}

#[test]
fn nothing_foreign_is_read_unless_it_is_asked_for_and_each_goes_before_the_next() {
    let (b3, amazon) = (format!("{:032x}-{PARENT_ID}-0", 2), format!("Root=1-{:08x}-{:024x}", 0, 3));
    let uuid = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";
    let all = [
        ("traceparent", TRACEPARENT_VALUE),
        ("tracestate", "a=1"),
        ("b3", b3.as_str()),
        ("x-amzn-trace-id", &amazon),
        ("x-request-id", uuid),
    ];
    // Asked for in another order than the one they have.
    let sources = [TraceSource::RequestIdUuid, TraceSource::B3, TraceSource::AmazonTraceId, TraceSource::B3];
    let options = || sources.into_iter().fold(TraceOptions::new(), TraceOptions::accept);
    let expected = [TRACE_ID.to_owned(), format!("{:032x}", 2), format!("{:032x}", 3), uuid.replace('-', "")];
    for (first, expected) in [0, 2, 3, 4].into_iter().zip(expected) {
        let context = context(options(), &all[first..]);
        assert_eq!(context.trace_id().to_string(), expected);
        assert_eq!(context.state().as_str(), (first == 0).then_some("a=1"));
    }
    let malformed = [[("traceparent", "00-bad")].as_slice(), &all[1..]].concat();
    let context = context(options(), &malformed);
    assert_eq!((context.trace_id().to_string(), context.state().as_str()), (format!("{:032x}", 2), None));
    let unasked = TraceContext::from_headers(&headers(&all[2..]));
    assert_eq!((unasked.parent_span_id(), unasked.flags().bits()), (None, 0b11));
    assert_eq!(unasked.request_id().as_str(), uuid);
}
