//! Spans and traces: which fields and which trace id an event's line has.

use std::sync::Barrier;

use tracing::field::Empty;
use tracing::{Instrument as _, debug, debug_span, error, info, info_span, trace_span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Identity, SubscriberExt as _};

use super::{Counting, Fixture, details_of, lines_of};
use crate::log::{Directives, Format};
use crate::trace::TraceContext;

#[test]
fn event_wins_over_inner_span_over_outer_span() {
    let details = details_of(|| {
        let _outer = info_span!("outer", a = "outer", b = "outer", c = "outer").entered();
        let _inner = info_span!("inner", b = "inner", c = "inner", message = "of a span").entered();
        info!(c = "event", "m");
    });
    assert_eq!(details, r#"{"a":"outer","b":"inner","c":"event","message":"of a span"}"#);
}

#[test]
fn spans_make_no_lines_of_their_own() {
    assert!(lines_of(|| drop(info_span!("quiet", a = 1).entered())).is_empty());
}

#[test]
fn explicit_parents_and_roots_are_honoured() {
    let lines = lines_of(|| {
        let parent = info_span!(parent: None, "parent", whose = "parent");
        let child = info_span!(parent: &parent, "child", child = true);
        let _current = info_span!("current", whose = "current").entered();
        info!(parent: &child, "by parent");
        info!(parent: None, "by root");
        info!("by context");
    });
    for (line, expected) in lines.iter().zip([r#"{"child":true,"whose":"parent"}"#, "{}", r#"{"whose":"current"}"#]) {
        assert_eq!(line["details"].to_string(), expected, "{line}");
    }
}

#[test]
fn what_a_span_records_later_is_seen_by_later_events_and_the_last_value_stays() {
    let lines = lines_of(|| {
        let outer = info_span!("outer", a = 1, late = Empty, b = 2);
        let _outer = outer.clone().entered();
        let _inner = info_span!("inner", c = 3).entered();
        info!("before");
        outer.record("late", "once");
        outer.record("late", "twice");
        outer.record("a", f64::NAN);
        outer.record("a", 9);
        info!("after");
    });
    assert_eq!(lines[0]["details"].to_string(), r#"{"a":1,"b":2,"c":3}"#);
    assert_eq!(lines[1]["details"].to_string(), r#"{"a":9,"b":2,"c":3,"late":"twice"}"#);
}

fn trace_id(line: &serde_json::Value) -> Option<String> {
    Some(line.get("traceId")?.as_str().expect("a string").to_owned())
}

#[test]
fn trace_is_that_of_the_spans_else_the_ambient_one() {
    let (request, other) = (TraceContext::new_root(), TraceContext::new_root());
    let [of_request, of_other] = [&request, &other].map(|context| Some(context.trace_id().to_string()));
    let lines = lines_of(|| {
        info!("outside");
        let span = request.enter();
        let in_request = info_span!("request");
        info!("ambient");
        drop(span);
        let _other = other.enter();
        in_request.in_scope(|| info!("in the span, under another context"));
        info_span!(parent: &in_request, "child").in_scope(|| info!("in a child by name"));
        info!(parent: &in_request, "by parent");
        info!(parent: None, "by root");
    });
    let found: Vec<_> = lines.iter().map(trace_id).collect();
    assert_eq!(found, [None, of_request.clone(), of_request.clone(), of_request.clone(), of_request, of_other]);
}

#[test]
fn trace_survives_a_span_that_the_filter_disables() {
    let fixture = Fixture::new(Format::Json);
    let context = TraceContext::new_root();
    let layer = fixture.log.layer().with_filter(Directives::parse("info").expect("a level"));
    // The layer beside it sees everything, so the filter is asked about the span wherever the test runs.
    let subscriber = tracing_subscriber::registry().with(layer).with(Identity::new());
    tracing::subscriber::with_default(subscriber, || {
        let _entered = context.enter();
        let _span = debug_span!("request", hidden = 1).entered();
        error!("failed");
        debug!("unseen");
    });
    let lines = fixture.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(trace_id(&lines[0]), Some(context.trace_id().to_string()));
    assert_eq!(lines[0]["details"].to_string(), "{}");
}

#[tokio::test(flavor = "current_thread")]
async fn spawned_tasks_and_threads_keep_the_trace_with_their_span_or_context() {
    let fixture = Fixture::new(Format::Json);
    let context = TraceContext::new_root();
    let layer = fixture.log.layer();
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let span = {
        let _entered = context.enter();
        info_span!("request", portfolio = "p1")
    };
    let task = async {
        tokio::task::yield_now().await;
        info!("in a task");
    };
    tokio::spawn(task.instrument(span.clone())).await.expect("no panic");
    tokio::spawn(context.clone().scope(async { info!("in a context") })).await.expect("no panic");
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let thread = std::thread::spawn(move || {
        tracing::dispatcher::with_default(&dispatch, || span.in_scope(|| info!("in a thread")));
    });
    thread.join().expect("no panic");
    let lines = fixture.lines();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert_eq!(trace_id(line), Some(context.trace_id().to_string()), "{line}");
    }
    assert_eq!(lines[0]["details"]["portfolio"], "p1");
}

#[test]
fn filter_silences_no_other_layer_and_two_logs_live_side_by_side() {
    let (first, second) = (Fixture::new(Format::Json), Fixture::new(Format::Json));
    let everything = Counting::default();
    let subscriber = tracing_subscriber::registry()
        .with(first.log.layer().with_filter(Directives::parse("warn").expect("a level")))
        .with(second.log.layer())
        .with(everything.clone());
    tracing::subscriber::with_default(subscriber, || {
        let span = trace_span!("both", a = 1, b = Empty).entered();
        span.record("b", 2);
        debug!("only one");
        error!("both");
    });
    assert_eq!(everything.events(), 2);
    assert_eq!(first.lines().len(), 1);
    let lines = second.lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["details"].to_string(), r#"{"a":1,"b":2}"#);
}

#[test]
fn spans_that_a_filter_hides_stand_in_nobodys_way() {
    let fixture = Fixture::new(Format::Json);
    let context = TraceContext::new_root();
    let layer = fixture.log.layer().with_filter(Directives::parse("info").expect("a level"));
    let subscriber = tracing_subscriber::registry().with(layer).with(Identity::new());
    tracing::subscriber::with_default(subscriber, || {
        let entered = context.enter();
        let _outer = info_span!("outer", a = 1).entered();
        drop(entered);
        let hidden = debug_span!("hidden", b = 2).entered();
        info!("below a hidden span");
        let inner = info_span!("inner", c = 3).entered();
        let _hidden = debug_span!("hidden too", d = 4).entered();
        info!("below an inner span");
        info!(parent: &*inner, "by parent");
        let _other = TraceContext::new_root().enter();
        info_span!(parent: &*hidden, "child of a hidden span", e = 5).in_scope(|| info!("below its child"));
    });
    let found: Vec<_> = fixture.lines().iter().map(|line| (line["details"].to_string(), trace_id(line))).collect();
    let trace = Some(context.trace_id().to_string());
    let expected = [r#"{"a":1}"#, r#"{"a":1,"c":3}"#, r#"{"a":1,"c":3}"#, r#"{"a":1,"e":5}"#];
    assert_eq!(found, expected.map(|details| (details.to_owned(), trace.clone())));
}

#[test]
fn span_that_is_entered_on_another_thread_and_again_and_left_out_of_order_is_around_what_happens_in_it() {
    let fixture = Fixture::new(Format::Json);
    fixture.run(|| {
        let [a, b] = [info_span!("a", a = 1), info_span!("b", b = 2)];
        let first = a.enter();
        let second = b.enter();
        let again = a.enter();
        // As in the registry, what is entered again stays where it was.
        info!("in b, which is in a");
        drop(again);
        drop(first);
        info!("in b");
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        std::thread::scope(|scope| {
            let elsewhere = || tracing::dispatcher::with_default(&dispatch, || a.in_scope(|| info!("in a, elsewhere")));
            scope.spawn(elsewhere).join().expect("no panic");
        });
        drop(second);
        info!("in none");
    });
    let found: Vec<_> = fixture.lines().iter().map(|line| line["details"].to_string()).collect();
    assert_eq!(found, [r#"{"b":2}"#, r#"{"b":2}"#, r#"{"a":1}"#, "{}"]);
}

#[test]
fn copies_of_a_layer_in_several_subscribers_know_their_own_spans_only() {
    let fixture = Fixture::new(Format::Json);
    let layer = fixture.log.layer();
    let [first, second] =
        [layer.clone(), layer].map(|layer| tracing::Dispatch::new(tracing_subscriber::registry().with(layer)));
    let within = |dispatch, work: &dyn Fn()| tracing::dispatcher::with_default(dispatch, work);
    within(&first, &|| {
        let _span = info_span!("of the first", a = 1).entered();
        // Their registries number spans alike.
        within(&second, &|| {
            info!("in no span");
            info_span!("of the second", b = 2).in_scope(|| info!("in the second's"));
        });
        info!("in the first's");
    });
    let found: Vec<_> = fixture.lines().iter().map(|line| line["details"].to_string()).collect();
    assert_eq!(found, ["{}", r#"{"b":2}"#, r#"{"a":1}"#]);
}

#[test]
fn span_that_is_closed_leaves_nothing_to_the_next() {
    let lines = lines_of(|| {
        // As many as it takes until the registry uses a span's place and number again.
        for run in 0..100 {
            let span = info_span!("long", run, text = "x".repeat(run * 40), later = Empty).entered();
            span.record("later", run);
            info!("in a span");
            drop(span);
            let _bare = info_span!("bare").entered();
            info!("in a bare span");
        }
    });
    for (run, pair) in lines.chunks(2).enumerate() {
        assert_eq!(pair[0]["details"], serde_json::json!({"run": run, "text": "x".repeat(run * 40), "later": run}));
        assert_eq!(pair[1]["details"].to_string(), "{}");
    }
}

#[test]
fn records_of_the_log_crate_come_without_the_bridges_own_fields() {
    let lines = lines_of(|| {
        let record = |level, text: std::fmt::Arguments<'_>| {
            let record = log::Record::builder()
                .level(level)
                .target("driver::pool")
                .module_path(Some("driver::pool"))
                .file(Some("pool.rs"))
                .line(Some(7))
                .args(text)
                .build();
            tracing_log::format_trace(&record).expect("the bridge does not fail");
        };
        record(log::Level::Warn, format_args!("slow {}", "query"));
        record(log::Level::Trace, format_args!("detail"));
        info!(log.target = "mine", "an event of tracing keeps such a field");
    });
    assert_eq!((&lines[0]["level"], &lines[0]["message"]), (&"WARN".into(), &"slow query".into()));
    assert_eq!(lines[0]["details"].to_string(), "{}");
    assert_eq!(lines[1]["level"], "TRACE");
    assert_eq!(lines[2]["details"].to_string(), r#"{"log.target":"mine"}"#);
}

#[test]
fn threads_at_once_make_whole_lines_each() {
    let fixture = Fixture::new(Format::Json);
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(fixture.log.layer()));
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (dispatch, start) = (&dispatch, &start);
            scope.spawn(move || {
                start.wait();
                tracing::dispatcher::with_default(dispatch, || {
                    for event in 0..500 {
                        info!(thread, event, "from many");
                    }
                });
            });
        }
    });
    let lines = fixture.lines();
    assert_eq!(lines.len(), 2_000);
    assert_eq!(fixture.value("log_lines_total", &[("level", "info")]), Some(2_000.0));
    assert_eq!(fixture.value("log_bytes_total", &[("sink", "writer")]), Some(fixture.memory.text().len() as f64));
}

#[test]
fn handle_that_is_gone_leaves_its_layer_harmless() {
    let Fixture { log, memory, registry, .. } = Fixture::new(Format::Json);
    let subscriber = tracing_subscriber::registry().with(log.layer());
    tracing::subscriber::with_default(subscriber, || {
        info!("written");
        drop(log);
        info!("too late");
    });
    assert!(memory.text().contains("written") && !memory.text().contains("too late"));
    let dropped = registry.snapshot().value("log_lines_dropped_total", &[("reason", "stopped"), ("sink", "writer")]);
    assert_eq!(dropped, Some(1.0));
}
