//! The cases of the W3C's test suite for trace context, put in our own words and sent as bytes: what a service that is
//! called so sends on in a call of its own. Level 2 holds where the levels differ.

use std::net::SocketAddr;

use aistm7_monitoring::trace::{self, Restart, TraceOptions, TraceSource};
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;

use crate::client::{Raw, within};
use crate::http;
use crate::service::{Lines, builder, monitoring, serve};

const TRACE_ID: &str = "12345678901234567890123456789012";
const PARENT_ID: &str = "1234567890123456";

fn traceparent(version: &str, trace: &str, parent: &str, flags: &str) -> String {
    format!("traceparent: {version}-{trace}-{parent}-{flags}")
}

fn valid() -> String {
    traceparent("00", TRACE_ID, PARENT_ID, "01")
}

/// Answers with what it would send on, one header a line.
async fn sends_on() -> String {
    let mut headers = HeaderMap::new();
    trace::current().expect("a request has a context").add_to_call(&mut headers);
    let lines = headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    lines.collect::<String>() + "end\n"
}

fn app() -> Router {
    Router::new().route("/", get(sends_on))
}

/// The value of a header that a service sends on; an empty one is there and not `None`.
fn value<'a>(sent: &'a str, name: &str) -> Option<&'a str> {
    sent.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Trace, parent and flags that a service sends on.
fn sent_on(sent: &str) -> (&str, &str, &str) {
    let parent = value(sent, "traceparent").expect("a call has it");
    assert_eq!((parent.len(), &parent[..3]), (55, "00-"), "{parent}");
    (&parent[3..35], &parent[36..52], &parent[53..])
}

/// What a service sends on when a request has these header lines, byte for byte.
async fn ask(address: SocketAddr, lines: &[String]) -> String {
    let request = format!("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{}\r\n\r\n", lines.join("\r\n"));
    let asked = tokio::task::spawn_blocking(move || http::exchange(address, request.as_bytes()));
    let response = within(asked).await.unwrap().unwrap();
    assert_eq!(response.status, 200, "{lines:?}");
    let sent = response.text().to_owned();
    let answered = response.header("traceresponse").expect("every answer has it");
    assert_eq!(&answered[3..35], sent_on(&sent).0, "{lines:?}");
    sent
}

/// The header lines of requests that no trace is taken from.
fn refused() -> Vec<Vec<String>> {
    let mut refused = vec![
        vec![],
        // Twice, the same or not.
        vec![valid(), valid()],
        vec![valid(), traceparent("00", TRACE_ID, "1234567890123457", "01")],
        // State of a trace that is not there.
        vec!["tracestate: foo=1".to_owned()],
        vec!["tracestate: foo=1,bar=2".to_owned()],
    ];
    for name in ["trace-parent", "trace_parent", "trace.parent"] {
        refused.push(vec![valid().replacen("traceparent", name, 1)]);
    }
    for behind in [".", "-", "-what-the-future-will-be-like", "0"] {
        refused.push(vec![valid() + behind]);
    }
    refused.push(vec![traceparent("cc", TRACE_ID, PARENT_ID, "01") + ".what-the-future-will-not-be-like"]);
    for version in ["ff", ".0", "0.", "000", "0000", "0", ""] {
        refused.push(vec![traceparent(version, TRACE_ID, PARENT_ID, "01")]);
    }
    let zeros = "0".repeat(32);
    let with_dots =
        [".2345678901234567890123456789012", "1234567890123456789012345678901.", "1234567890123456789012345678901A"];
    let lengths =
        [format!("{TRACE_ID}3"), format!("{TRACE_ID}{TRACE_ID}"), TRACE_ID[1..].to_owned(), TRACE_ID[16..].to_owned()];
    for trace in [&[zeros.as_str()], &with_dots[..]].concat().into_iter().chain(lengths.iter().map(String::as_str)) {
        refused.push(vec![traceparent("00", trace, PARENT_ID, "01")]);
    }
    let lengths = [format!("{PARENT_ID}3"), TRACE_ID.to_owned(), PARENT_ID[1..].to_owned(), "1".to_owned()];
    for parent in [&zeros[..16], ".234567890123456", "123456789012345.", "123456789012345A"]
        .into_iter()
        .chain(lengths.iter().map(String::as_str))
    {
        refused.push(vec![traceparent("00", TRACE_ID, parent, "01")]);
    }
    for flags in [".0", "0.", "0A", "001", "0001", "1", ""] {
        refused.push(vec![traceparent("00", TRACE_ID, PARENT_ID, flags)]);
    }
    refused
}

#[tokio::test]
async fn what_is_no_trace_starts_a_new_one_without_state() {
    let address = serve(app().layer(monitoring().http_layer())).await;
    for lines in refused() {
        let sent = ask(address, &lines).await;
        let (trace, parent, flags) = sent_on(&sent);
        assert!(trace != TRACE_ID && parent != PARENT_ID, "{lines:?}");
        assert_eq!((flags, value(&sent, "tracestate")), ("03", None), "{lines:?}");
    }
}

/// The header lines of requests whose trace is continued, and the state that goes on with it.
fn continued() -> Vec<(Vec<String>, Option<String>)> {
    let later = traceparent("cc", TRACE_ID, PARENT_ID, "01");
    let alone = [
        valid(),
        later.clone(),
        format!("{later}-what-the-future-will-be-like"),
        format!("{later}-"),
        valid().replacen(": ", ":", 1),
        valid().replacen(": ", ": \t ", 1),
        valid() + " \t ",
        valid().replacen("traceparent", "TraceParent", 1),
        valid().replacen("traceparent", "TrAcEpArEnT", 1),
        valid().replacen("traceparent", "TRACEPARENT", 1),
    ];
    let mut continued: Vec<_> = alone.into_iter().map(|line| (vec![line], None)).collect();
    let longest_key = "z".repeat(256);
    let (full, too_many) = (members(32), members(33));
    let state = |lines: &[&str], goes_on: Option<&str>| {
        let lines = lines.iter().map(|line| (*line).to_owned());
        ([valid()].into_iter().chain(lines).collect(), goes_on.map(str::to_owned))
    };
    let all_values: String = (' '..='~').filter(|c| !matches!(c, ',' | '=')).collect();
    continued.extend([
        state(&["tracestate: foo=1,bar=2"], Some("foo=1,bar=2")),
        // Other names are others' headers.
        state(&["trace-state: foo=1"], None),
        state(&["trace_state: foo=1"], None),
        state(&["trace.state: foo=1"], None),
        state(&["TraceState: foo=1"], Some("foo=1")),
        state(&["TrAcEsTaTe: foo=1"], Some("foo=1")),
        state(&["TRACESTATE: foo=1"], Some("foo=1")),
        // Headers that are empty, and several.
        state(&["tracestate: foo=1", "tracestate:"], Some("foo=1")),
        state(&["tracestate:", "tracestate: foo=1"], Some("foo=1")),
        state(&["tracestate:"], None),
        state(
            &["tracestate: foo=1,bar=2", "tracestate: rojo=1,congo=2", "TraceState: baz=3"],
            Some("foo=1,bar=2,rojo=1,congo=2,baz=3"),
        ),
        // Equal keys.
        state(&["tracestate: foo=1,foo=1"], Some("foo=1,foo=1")),
        state(&["tracestate: foo=1,foo=2"], Some("foo=1,foo=2")),
        state(&["tracestate: foo=1", "tracestate: foo=2"], Some("foo=1,foo=2")),
        // Every character that there may be.
        state(
            &["tracestate: abcdefghijklmnopqrstuvwxyz0123456789_-*/=1"],
            Some("abcdefghijklmnopqrstuvwxyz0123456789_-*/=1"),
        ),
        state(&["tracestate: a-z@0-9_*/=1"], Some("a-z@0-9_*/=1")),
        state(&[&format!("tracestate: foo={all_values}")], Some(&format!("foo={all_values}"))),
        // White space.
        state(&["tracestate: foo=1 \t , \t bar=2, \t baz=3"], Some("foo=1,bar=2,baz=3")),
        state(&["tracestate:  \t foo=1,bar=2 \t "], Some("foo=1,bar=2")),
        state(&["tracestate: foo=1,,,bar=2"], Some("foo=1,bar=2")),
        // Keys that are none, and two that level 1 refused.
        state(&["tracestate: foo =1"], None),
        state(&["tracestate: FOO=1"], None),
        state(&["tracestate: foo.bar=1"], None),
        state(&["tracestate: @foo=1,bar=2"], None),
        state(&["tracestate: foo@=1,bar=2"], Some("foo@=1,bar=2")),
        state(&["tracestate: foo@@bar=1,bar=2"], Some("foo@@bar=1,bar=2")),
        state(&["tracestate: foo@bar@baz=1,bar=2"], Some("foo@bar@baz=1,bar=2")),
        // Limits.
        state(&[&format!("tracestate: {full}")], Some(&full)),
        state(&[&format!("tracestate: {too_many}")], None),
        state(&[&format!("tracestate: {}", members(20)), &format!("tracestate: {}", members(13))], None),
        state(&[&format!("tracestate: {longest_key}=1")], Some(&format!("{longest_key}=1"))),
        state(&[&format!("tracestate: {longest_key}z=1")], None),
        state(
            &[&format!("tracestate: {}@{}=1", "t".repeat(241), "v".repeat(14))],
            Some(&format!("{}@{}=1", "t".repeat(241), "v".repeat(14))),
        ),
        // Values that are none.
        state(&["tracestate: foo=bar=baz"], None),
        state(&["tracestate: foo=,bar=3"], None),
        state(&["tracestate: foo"], None),
    ]);
    continued
}

fn members(count: usize) -> String {
    (0..count).map(|number| format!("bar{number:02}={number:02}")).collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn valid_trace_goes_on_with_its_state_if_that_is_valid_too() {
    let address = serve(app().layer(monitoring().http_layer())).await;
    for (lines, state) in continued() {
        let sent = ask(address, &lines).await;
        let (trace, parent, flags) = sent_on(&sent);
        assert_eq!((trace, flags), (TRACE_ID, "01"), "{lines:?}");
        assert_ne!(parent, PARENT_ID, "{lines:?}");
        assert_eq!(value(&sent, "tracestate"), state.as_deref(), "{lines:?}");
    }
}

#[tokio::test]
async fn requests_of_one_connection_each_have_a_span_of_their_own() {
    let address = serve(app().layer(monitoring().http_layer())).await;
    for (line, is_continued) in [(valid(), true), (String::new(), false), ("traceparent: 00-bad".to_owned(), false)] {
        let head = if line.is_empty() { String::new() } else { line.clone() + "\r\n" };
        let mut raw = Raw::connect(address).await.unwrap();
        let mut seen = Vec::new();
        for _ in 0..3 {
            raw.send(format!("GET / HTTP/1.1\r\nhost: test\r\n{head}\r\n")).await;
            let answer = raw.read_until("end\n").await;
            let (_, sent) = answer.split_once("\r\n\r\n").unwrap();
            let (trace, parent, _) = sent_on(sent);
            assert_eq!(trace == TRACE_ID, is_continued, "{line}");
            seen.push((trace.to_owned(), parent.to_owned()));
        }
        let (mut traces, mut parents): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
        traces.sort();
        traces.dedup();
        parents.sort();
        parents.dedup();
        assert_eq!((traces.len(), parents.len()), (if is_continued { 1 } else { 3 }, 3), "{line}");
    }
}

#[tokio::test]
async fn foreign_headers_are_read_in_any_case_and_the_first_of_several_counts() {
    let options = TraceOptions::new().accept(TraceSource::B3).accept(TraceSource::AmazonTraceId).sample(0.0);
    let monitoring = builder(&Lines::default()).trace(options).build().unwrap();
    let address = serve(app().layer(monitoring.http_layer())).await;
    let (other, root) = ("f".repeat(32), format!("Root=1-{}-{}", &TRACE_ID[..8], &TRACE_ID[8..]));
    for lines in [
        vec![format!("b3: {TRACE_ID}-{PARENT_ID}-1")],
        vec![format!("B3:{TRACE_ID}-{PARENT_ID}-1"), format!("b3: {other}-{PARENT_ID}-0")],
        vec![format!("X-B3-TraceId: {TRACE_ID}"), format!("X-B3-SpanId: {PARENT_ID}"), "X-B3-Sampled: 1".to_owned()],
        vec![
            format!("x-b3-TRACEID: {TRACE_ID}"),
            format!("x-b3-traceid: {other}"),
            format!("X-B3-SPANID:\t{PARENT_ID} "),
            "x-b3-flags: 1".to_owned(),
        ],
        vec![
            format!("X-Amzn-Trace-Id: {root};Sampled=1"),
            format!("x-amzn-trace-id: Root=1-{}-{}", &other[..8], &other[8..]),
        ],
        vec![format!("X-AMZN-TRACE-ID: {root};Parent={PARENT_ID};Sampled=1")],
    ] {
        let sent = ask(address, &lines).await;
        let (trace, parent, flags) = sent_on(&sent);
        assert_eq!((trace, flags), (TRACE_ID, "01"), "{lines:?}");
        assert_ne!(parent, PARENT_ID);
    }
}

#[tokio::test]
async fn edge_believes_no_caller_and_a_ratio_decides_about_its_traces() {
    let lines = vec![valid(), "tracestate: foo=1".to_owned(), "x-request-id: req-7".to_owned()];
    for (what, share, id, flags) in
        [(Restart::Trace, 0.0, Some("req-7"), "02"), (Restart::TraceAndRequestId, 1.0, None, "03")]
    {
        let monitoring =
            builder(&Lines::default()).trace(TraceOptions::new().restart(what).sample(share)).build().unwrap();
        let address = serve(app().layer(monitoring.http_layer())).await;
        let sent = ask(address, &lines).await;
        let (trace, _, sent_flags) = sent_on(&sent);
        assert_ne!(trace, TRACE_ID);
        assert_eq!((sent_flags, value(&sent, "tracestate")), (flags, None), "{what:?}");
        let sent_id = value(&sent, "x-request-id").unwrap();
        assert!(id.map_or(sent_id.len() == 36, |id| id == sent_id), "{what:?}: {sent_id}");
    }
}
