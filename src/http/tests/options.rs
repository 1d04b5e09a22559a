//! What options add, with the scripted service.

use super::*;
use crate::diagnostics::Problem;
use crate::http::{RequestHead, UrlScheme};

fn events() -> Script {
    Script {
        headers: vec![("content-type", "text/event-stream".into())],
        ..Script::answering(200, &[Step::Go, Step::Pending])
    }
}

#[track_caller]
fn assert_shown(bench: &Bench, lines: &[&str]) {
    let page = bench.registry.render();
    for line in lines {
        assert!(page.lines().any(|shown| shown == *line), "{line} in\n{page}");
    }
}

#[test]
fn nothing_optional_is_registered_unless_it_is_asked_for() {
    let bench = Bench::new();
    bench.run(Method::GET, &Script::answering(200, &[Step::Go]), 9, 9);
    let page = bench.registry.render();
    for name in ["complete", "body_bytes", "grpc", "objective", "http_server"] {
        assert!(!page.contains(name), "{name}");
    }
}

#[test]
fn body_bytes_are_one_sample_a_response_of_what_was_sent() {
    let bench = Bench::with(HttpOptions::new().response_body_bytes());
    let hundred = Script::answering(200, &[Step::Go; 20]);
    bench.run(Method::GET, &hundred, 9, 99);
    // Given up after two frames; without a body; a head only; without a response; an upgrade.
    bench.run(Method::GET, &hundred, 9, 2);
    bench.run(Method::GET, &Script::answering(204, &[Step::Go]), 9, 9);
    bench.run(Method::HEAD, &Script::answering(200, &[Step::Go]), 9, 9);
    bench.run(Method::GET, &Script { future: vec![Step::Fail], ..Script::answering(200, &[]) }, 9, 9);
    bench.run(Method::GET, &Script::answering(101, &[]), 9, 9);
    let of = |method, rest| {
        format!("api_response_body_bytes_{rest}{{method=\"{method}\",route=\"_unmatched\",status_class=\"2xx\"}}")
    };
    assert_shown(
        &bench,
        &[
            &format!("{} 3", of("GET", "count")),
            &format!("{} 110", of("GET", "sum")),
            &format!("{} 1", of("HEAD", "count")),
            &format!("{} 0", of("HEAD", "sum")),
        ],
    );
    assert_eq!(bench.registry.snapshot().sum("api_response_body_bytes", &[]), Some(4.0));
}

#[test]
fn complete_time_is_that_to_the_end_of_bodies_that_were_sent_in_full() {
    let bench = Bench::with(HttpOptions::new().response_complete());
    bench.run(Method::GET, &Script::answering(200, &[Step::Go]), 9, 9);
    bench.run(Method::GET, &Script::answering(200, &[Step::Go, Step::Pending]), 9, 2);
    bench.run(Method::GET, &Script::answering(200, &[Step::Fail]), 9, 2);
    bench.run(Method::GET, &events(), 9, 2);
    bench.run(Method::GET, &Script::answering(101, &[]), 9, 2);
    let labels = "{method=\"GET\",route=\"_unmatched\",status_class=\"2xx\"}";
    // The body takes a second of the held clock.
    assert_shown(
        &bench,
        &[
            &format!("api_response_complete_seconds_count{labels} 1"),
            &format!("api_response_complete_seconds_sum{labels} 1"),
        ],
    );
    assert_eq!(bench.registry.snapshot().sum("api_response_complete_seconds", &[]), Some(1.0));
}

#[test]
fn stream_is_active_as_long_as_its_body_is_there() {
    let bench = Bench::with(HttpOptions::new().streaming("_unmatched"));
    let active = |count: u8| format!("api_active_streams{{method=\"GET\",route=\"_unmatched\"}} {count}");
    let stream = Script::answering(200, &[Step::Go]);
    let mut future = Box::pin(bench.layer.layer(Scripted(stream)).call(Request::new(())));
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut cx) else { panic!("scripted to answer") };
    assert_shown(&bench, &[&active(1)]);
    drop(response);
    assert_shown(&bench, &[&active(0)]);
}

#[test]
fn streams_have_their_own_gauge_and_duration() {
    let bench = Bench::with(HttpOptions::new().streaming("_unmatched"));
    bench.run(Method::GET, &events(), 9, 2);
    bench.run(Method::GET, &Script::answering(200, &[Step::Go]), 9, 9);
    // An error of a streaming route is no stream.
    bench.run(Method::GET, &Script::answering(500, &[Step::Go]), 9, 9);
    let labels = "{method=\"GET\",route=\"_unmatched\"}";
    assert_shown(
        &bench,
        &[
            &format!("api_active_streams{labels} 0"),
            &format!("api_stream_duration_seconds_count{labels} 2"),
            &format!("api_stream_duration_seconds_sum{labels} 2"),
        ],
    );
    let snapshot = bench.registry.snapshot();
    assert_eq!(snapshot.sum("api_response_time_seconds", &[]), Some(1.0));
    assert_eq!(snapshot.sum("api_response_time_seconds", &[("status_class", "5xx")]), Some(1.0));
}

#[test]
fn objectives_count_what_can_be_judged() {
    let limit = Duration::from_millis(330);
    let bench = Bench::with(HttpOptions::new().objective("_unmatched", limit));
    let shown = |requests: u64, met: u64| {
        [
            "api_objective_seconds{route=\"_unmatched\"} 0.33".to_owned(),
            format!("api_objective_requests_total{{route=\"_unmatched\"}} {requests}"),
            format!("api_objective_met_total{{route=\"_unmatched\"}} {met}"),
        ]
    };
    let assert = |requests, met| assert_shown(&bench, &shown(requests, met).each_ref().map(String::as_str));
    assert(0, 0);
    bench.run(Method::GET, &Script::answering(200, &[Step::Go]), 9, 9);
    assert(1, 1);
    bench.run(Method::GET, &Script::answering(404, &[Step::Go]), 9, 9);
    assert(2, 2);
    bench.run(Method::GET, &Script::answering(500, &[Step::Go]), 9, 9);
    assert(3, 2);
    // Given up in time, a stream, an upgrade: none of them says anything.
    bench.run(Method::GET, &Script { future: vec![Step::Pending], ..Script::answering(200, &[]) }, 1, 0);
    bench.run(Method::GET, &events(), 9, 2);
    bench.run(Method::GET, &Script::answering(101, &[]), 9, 9);
    assert(3, 2);
    assert!(bench.registry.render().contains("le=\"0.33\"} "), "the limit is an edge");
}

#[test]
fn senseless_options_are_refused() {
    let second = Duration::from_secs(1);
    for bad in [
        HttpOptions::new().objective("/a", Duration::ZERO),
        HttpOptions::new().objective("/a", second).objective("/a", second),
        HttpOptions::new().known_methods(["GE T"]),
        HttpOptions::new().request_label("route", ["a"], |_| None),
    ] {
        let registry = Registry::new();
        let built = HttpMetricsLayer::new(&Meter::new(&registry), ManualClock::new().clock(), Drain::new(), bad);
        assert!(built.is_err());
    }
}

#[test]
fn own_labels_have_declared_values_and_no_others() {
    let options = HttpOptions::new()
        .request_label("kind", ["read"], |request| (request.method == Method::GET).then_some("read"))
        .response_label("cache", ["hit", "miss"], |response| response.headers.get("x-cache")?.to_str().ok());
    let bench = Bench::with(options);
    for cache in [Some("hit"), Some("x".repeat(99).as_str()), None] {
        let headers = cache.map(|cache| ("x-cache", cache.to_owned())).into_iter().collect();
        bench.run(Method::GET, &Script { headers, ..Script::answering(200, &[]) }, 9, 9);
    }
    bench.run(Method::POST, &Script { future: vec![Step::Fail], ..Script::answering(200, &[]) }, 9, 9);
    let snapshot = bench.registry.snapshot();
    for name in ["api_requests_total", "api_response_time_seconds"] {
        for (cache, kind, count) in [("hit", "read", 1.0), ("_other", "read", 1.0), ("none", "read", 1.0)] {
            assert_eq!(snapshot.sum(name, &[("cache", cache), ("kind", kind)]), Some(count), "{name} {cache}");
        }
    }
    assert_eq!(
        snapshot.sum("api_errors_total", &[("cache", "none"), ("kind", "none"), ("outcome", "failed")]),
        Some(1.0)
    );
    assert_eq!(Meter::new(&bench.registry).diagnostics().total(Problem::UnknownLabelValue), 1);
}

#[test]
fn rules_that_panic_cost_no_request() {
    let options = HttpOptions::new()
        .skip(|_| panic!("scripted panic of a rule"))
        .route_label(|_: &crate::http::RequestHead<'_>| -> Option<&'static str> { panic!("scripted panic of a rule") })
        .request_label("kind", ["a"], |_| panic!("scripted panic of a rule"))
        .errors(|_| panic!("scripted panic of a rule"));
    let bench = Bench::with(options);
    bench.run(Method::GET, &Script::answering(500, &[]), 9, 9);
    assert_eq!(bench.finished(), [("500".to_owned(), "server_error".to_owned(), 1.0)]);
    let snapshot = bench.registry.snapshot();
    assert_eq!(snapshot.sum("api_errors_total", &[("kind", "_other"), ("route", "_unmatched")]), Some(1.0));
    assert!(Meter::new(&bench.registry).diagnostics().total(Problem::RulePanicked) >= 4);
}

#[test]
fn errors_and_skips_follow_the_services_rules() {
    let options = HttpOptions::new()
        .errors(|end| end.status.is_some_and(|status| status == 404))
        .skip(|request| request.method == Method::OPTIONS);
    let bench = Bench::with(options);
    for (method, status) in [(Method::GET, 404), (Method::GET, 500), (Method::OPTIONS, 404)] {
        bench.run(method, &Script::answering(status, &[]), 9, 9);
    }
    let snapshot = bench.registry.snapshot();
    assert_eq!(snapshot.sum("api_requests_started_total", &[]), Some(2.0));
    assert_eq!(snapshot.sum("api_errors_total", &[("status", "404")]), Some(1.0));
    assert_eq!(snapshot.sum("api_errors_total", &[("status", "500")]), None);
}

#[test]
fn help_of_errors_says_which_rule_holds() {
    let ours = |end: &crate::http::RequestEnd| end.is_error();
    for (options, expected) in [
        (HttpOptions::new(), "fault: server_error, failed, body_failed, panicked."),
        (HttpOptions::new().grpc(), "or a status of gRPC that is."),
        (HttpOptions::new().errors(ours), "the service's own rule calls an error."),
        (HttpOptions::new().errors(ours).grpc(), "the service's own rule calls an error."),
    ] {
        let bench = Bench::with(options);
        bench.run(Method::GET, &Script::answering(200, &[]), 9, 9);
        let page = bench.registry.render();
        let help = page.lines().find(|line| line.starts_with("# HELP api_errors_total")).unwrap();
        assert!(help.ends_with(expected), "{help}");
    }
}

#[test]
fn route_labels_of_a_service_come_first() {
    let named = |request: &crate::http::RequestHead<'_>| (request.method == Method::GET).then_some("/rpc");
    let bench = Bench::with(HttpOptions::new().route_label(named));
    bench.run(Method::GET, &Script::answering(200, &[]), 9, 9);
    bench.run(Method::POST, &Script::answering(200, &[]), 9, 9);
    let snapshot = bench.registry.snapshot();
    assert_eq!(snapshot.sum("api_requests_started_total", &[("route", "/rpc")]), Some(1.0));
    assert_eq!(snapshot.sum("api_requests_started_total", &[("route", "_unmatched")]), Some(1.0));
}

#[test]
fn methods_without_a_label_are_still_understood() {
    let bench = Bench::with(HttpOptions::new().known_methods(["GET"]));
    // Nobody polls the body of an answer to HEAD, and CONNECT opens a tunnel, whatever they are called.
    bench.run(Method::HEAD, &Script::answering(200, &[Step::Go]), 9, 0);
    bench.run(Method::CONNECT, &Script::answering(200, &[]), 9, 0);
    let ended = |outcome: &str| ("200".to_owned(), outcome.to_owned(), 1.0);
    assert_eq!(bench.finished(), [ended("ok"), ended("upgraded")]);
    assert_eq!(bench.registry.snapshot().sum("api_requests_started_total", &[("method", "_OTHER")]), Some(2.0));
}

#[test]
fn open_telemetrys_names_count_what_is_in_flight_over_all_routes_and_have_the_edges_of_objectives() {
    let named = |request: &RequestHead<'_>| Some(if request.uri.path() == "/one" { "/one" } else { "/two" });
    let options = HttpOptions::new().open_telemetry(UrlScheme::Https).route_label(named);
    let bench = Bench::with(options.objective("/one", Duration::from_millis(330)));
    let mut service =
        bench.layer.layer(Scripted(Script { future: vec![Step::Pending], ..Script::answering(200, &[]) }));
    let held = ["/one", "/two"].map(|path| service.call(Request::builder().uri(path).body(()).unwrap()));
    let in_flight =
        |count: u8| format!("http_server_active_requests{{http_request_method=\"GET\",url_scheme=\"https\"}} {count}");
    assert_shown(&bench, &[&in_flight(2)]);
    drop(held);
    assert_shown(&bench, &[&in_flight(0)]);
    let text = bench.registry.render();
    let mut buckets = text.lines().filter(|line| line.starts_with("http_server_request_duration_seconds_bucket"));
    assert!(buckets.any(|bucket| bucket.contains("le=\"0.33\"")), "{text}");
}

#[test]
fn open_telemetrys_names_tell_the_same() {
    let bench = Bench::with(HttpOptions::new().open_telemetry(UrlScheme::Https));
    for status in [200, 404, 503] {
        bench.run(Method::GET, &Script::answering(status, &[Step::Go]), 9, 9);
    }
    bench.run(Method::GET, &Script { future: vec![Step::Pending], ..Script::answering(200, &[]) }, 1, 0);
    bench.run(Method::GET, &Script { future: vec![Step::Panic], ..Script::answering(200, &[]) }, 1, 0);
    bench.run(Method::GET, &Script::answering(101, &[]), 9, 9);
    bench.run(Method::GET, &events(), 9, 2);
    let count = |rest: &str, count: u8| {
        format!("http_server_request_duration_seconds_count{{{rest}url_scheme=\"https\"}} {count}")
    };
    let ok = |status: u16, many| {
        count(&format!("http_request_method=\"GET\",http_response_status_code=\"{status}\","), many)
    };
    let error = |kind: &str, many| count(&format!("error_type=\"{kind}\",http_request_method=\"GET\","), many);
    let failed = |status: u16, many| {
        let labels =
            format!("error_type=\"{status}\",http_request_method=\"GET\",http_response_status_code=\"{status}\",");
        count(&labels, many)
    };
    let lines = [ok(200, 1), ok(404, 1), failed(503, 1), failed(500, 0), error("cancelled", 1), error("panicked", 1)];
    assert_shown(&bench, &lines.each_ref().map(String::as_str));
    assert_shown(&bench, &["http_server_active_requests{http_request_method=\"GET\",url_scheme=\"https\"} 0"]);
    let snapshot = bench.registry.snapshot();
    assert_eq!(snapshot.sum("http_server_request_duration_seconds", &[]), Some(5.0));
    assert!(snapshot.family("api_requests_total").is_none());
}
