//! Each way to end, one by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

#[test]
fn every_end_has_its_outcome() {
    use Step::{Fail, Go, Panic, Pending};
    let with =
        |future: &[Step], status, body: &[Step]| Script { future: future.to_vec(), ..Script::answering(status, body) };
    let announced = Script { headers: vec![("content-length", "10".into())], ..with(&[Go], 200, &[Go, Go, Pending]) };
    let exact = Script { exact: Some(5), ..with(&[Go], 200, &[Go, Pending]) };
    let nothing = Script { headers: vec![("content-length", "0".into())], ..with(&[Go], 200, &[Go]) };
    let in_call = Script { panics_in_call: true, ..Script::answering(200, &[]) };
    let get = Method::GET;
    let cases = [
        (get.clone(), with(&[Pending, Go], 200, &[Go]), 9, 9, ("200", "ok")),
        (get.clone(), with(&[Go], 302, &[]), 9, 9, ("302", "ok")),
        (get.clone(), with(&[Go], 422, &[Go]), 9, 9, ("422", "client_error")),
        (get.clone(), with(&[Go], 503, &[Go]), 9, 9, ("503", "server_error")),
        (get.clone(), with(&[Go], 999, &[Go]), 9, 9, ("999", "server_error")),
        (get.clone(), with(&[Fail], 200, &[]), 9, 9, ("none", "failed")),
        (get.clone(), with(&[Pending], 200, &[]), 1, 0, ("none", "cancelled")),
        (get.clone(), with(&[Go], 200, &[]), 0, 0, ("none", "cancelled")),
        (get.clone(), with(&[Panic], 200, &[]), 9, 0, ("none", "panicked")),
        (get.clone(), in_call, 9, 0, ("none", "panicked")),
        (get.clone(), with(&[Go], 200, &[Go, Fail]), 9, 9, ("200", "body_failed")),
        (get.clone(), with(&[Go], 200, &[Go, Panic]), 9, 9, ("200", "panicked")),
        (get.clone(), with(&[Go], 200, &[Go, Pending]), 9, 2, ("200", "aborted")),
        (get.clone(), with(&[Go], 200, &[Go]), 9, 0, ("200", "aborted")),
        // Dropped after the last byte of an announced length, without the end having been seen.
        (get.clone(), announced.clone(), 9, 2, ("200", "ok")),
        (get.clone(), announced, 9, 1, ("200", "aborted")),
        (get.clone(), exact, 9, 1, ("200", "ok")),
        (get.clone(), nothing, 9, 0, ("200", "ok")),
        // Nobody polls these bodies.
        (Method::HEAD, with(&[Go], 200, &[Go]), 9, 0, ("200", "ok")),
        (get.clone(), with(&[Go], 204, &[Go]), 9, 0, ("204", "ok")),
        (get.clone(), with(&[Go], 304, &[Go]), 9, 0, ("304", "ok")),
        (get.clone(), with(&[Go], 101, &[]), 9, 0, ("101", "upgraded")),
        (Method::CONNECT, with(&[Go], 200, &[]), 9, 0, ("200", "upgraded")),
    ];
    for (method, script, future_polls, body_polls, (status, outcome)) in cases {
        let bench = Bench::new();
        bench.run(method, &script, future_polls, body_polls);
        assert_eq!(bench.finished(), [(status.to_owned(), outcome.to_owned(), 1.0)], "{script:?}");
        assert_eq!(in_flight(&bench.registry.snapshot()), 0.0, "{script:?}");
    }
}

#[test]
fn errors_are_the_requests_that_are_our_fault() {
    let bench = Bench::new();
    for status in [200, 404, 500] {
        bench.run(Method::GET, &Script::answering(status, &[]), 9, 9);
    }
    bench.run(Method::GET, &Script { future: vec![Step::Fail], ..Script::answering(200, &[]) }, 9, 9);
    let snapshot = bench.registry.snapshot();
    assert_eq!(snapshot.sum("api_errors_total", &[]), Some(2.0));
    assert_eq!(snapshot.sum("api_errors_total", &[("status", "500"), ("outcome", "server_error")]), Some(1.0));
    assert_eq!(snapshot.sum("api_errors_total", &[("status", "none"), ("outcome", "failed")]), Some(1.0));
}

#[test]
fn first_hit_creates_the_counters_that_ratios_need() {
    let bench = Bench::new();
    bench.run(Method::GET, &Script::answering(404, &[]), 9, 9);
    let snapshot = bench.registry.snapshot();
    let labels =
        |status, outcome| [("method", "GET"), ("route", "_unmatched"), ("status", status), ("outcome", outcome)];
    assert_eq!(snapshot.value("api_requests_total", &labels("200", "ok")), Some(0.0));
    assert_eq!(snapshot.value("api_requests_total", &labels("500", "server_error")), Some(0.0));
    assert_eq!(snapshot.value("api_errors_total", &labels("500", "server_error")), Some(0.0));
}

#[test]
fn preregistered_routes_have_their_counters_at_zero() {
    let bench = Bench::new();
    bench.layer.preregister([(Method::GET, "/orders/{id}"), (Method::POST, "/orders")]);
    let snapshot = bench.registry.snapshot();
    for (method, route) in [("GET", "/orders/{id}"), ("POST", "/orders")] {
        let of_route = [("method", method), ("route", route)];
        assert_eq!(snapshot.value("api_requests_started_total", &of_route), Some(0.0));
        assert_eq!(snapshot.sum("api_requests_total", &of_route), Some(0.0));
        assert_eq!(snapshot.sum("api_errors_total", &of_route), Some(0.0));
    }
}

#[test]
fn latency_is_the_time_to_the_head_and_streams_and_upgrades_stay_out() {
    let bench = Bench::new();
    let stream = Script {
        headers: vec![("content-type", "text/event-stream; charset=utf-8".into())],
        ..Script::answering(200, &[Step::Go])
    };
    bench.run(Method::GET, &stream, 9, 9);
    bench.run(Method::GET, &Script::answering(101, &[]), 9, 9);
    assert_eq!(bench.registry.snapshot().sum("api_response_time_seconds", &[]), None);

    bench.run(Method::GET, &Script::answering(200, &[Step::Go]), 9, 9);
    bench.run(Method::GET, &Script { future: vec![Step::Pending], ..Script::answering(200, &[]) }, 1, 0);
    let snapshot = bench.registry.snapshot();
    assert_eq!(snapshot.sum("api_response_time_seconds", &[("status_class", "2xx")]), Some(1.0));
    assert_eq!(snapshot.sum("api_response_time_seconds", &[("status_class", "none")]), Some(1.0));
    // The body took a second of the held clock; the head took none.
    assert!(bench.registry.render().contains("le=\"0.005\"} 1\n"));
}

#[test]
fn event_stream_ends_when_the_process_closes() {
    let bench = Bench::new();
    let endless = Script {
        headers: vec![("content-type", "text/event-stream".into())],
        ..Script::answering(200, &[Step::Go, Step::Pending, Step::Pending])
    };
    bench.drain.enter(Phase::Draining);
    bench.run(Method::GET, &endless, 9, 3);
    assert_eq!(bench.finished().last().map(|row| row.1.clone()).as_deref(), Some("aborted"), "draining ends nothing");
    bench.drain.enter(Phase::Closing);
    bench.run(Method::GET, &endless, 9, 3);
    assert!(bench.finished().iter().any(|row| row.1 == "ok"));
    assert_eq!(bench.registry.snapshot().value("api_event_streams_ended_total", &[]), Some(1.0));
}

#[test]
fn layer_applied_twice_counts_once_and_two_monitorings_count_each() {
    let (bench, other) = (Bench::new(), Bench::new());
    let inner = bench.layer.layer(Scripted(Script::answering(200, &[])));
    let mut service = other.layer.layer(bench.layer.layer(inner));
    let mut cx = Context::from_waker(Waker::noop());
    let mut future = Box::pin(service.call(Request::new(())));
    let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut cx) else { panic!("the script answers at once") };
    assert!(matches!(Box::pin(response.into_body()).as_mut().poll_frame(&mut cx), Poll::Ready(None)));
    for bench in [bench, other] {
        assert_eq!(bench.registry.snapshot().sum("api_requests_started_total", &[]), Some(1.0));
        assert_eq!(bench.finished().len(), 1);
    }
}

#[test]
fn request_that_a_service_makes_itself_counts_if_its_trace_context_is_another() {
    let request = |context: Option<&TraceContext>| {
        let mut request = Request::new(());
        context.map(|context| request.extensions_mut().insert(context.clone()));
        request
    };
    let (one, another) = (&TraceContext::new_root(), &TraceContext::new_root());
    for (outer, inner, counted) in [
        (Some(one), Some(one), 1.0),
        (Some(one), Some(another), 2.0),
        (Some(one), None, 2.0),
        // The inner one may have got its context on the way.
        (None, Some(one), 1.0),
        (None, None, 1.0),
    ] {
        let bench = Bench::new();
        let below = bench.layer.layer(Scripted(Script::answering(200, &[])));
        let mut service = bench.layer.layer(tower::service_fn(|_: Request<()>| below.clone().call(request(inner))));
        let mut future = Box::pin(service.call(request(outer)));
        let answered = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(answered, Poll::Ready(Ok(_))));
        drop(answered);
        let started = bench.registry.snapshot().sum("api_requests_started_total", &[]);
        assert_eq!(started, Some(counted), "{outer:?}, {inner:?}");
        assert_eq!(in_flight(&bench.registry.snapshot()), 0.0);
    }
}

#[test]
fn panic_in_a_service_leaves_the_thread_as_it_was() {
    let bench = Bench::new();
    let in_call = Script { panics_in_call: true, ..Script::answering(200, &[]) };
    let in_future = Script { future: vec![Step::Panic], ..Script::answering(200, &[]) };
    for script in [in_call, in_future, Script::answering(200, &[Step::Go, Step::Panic]), Script::answering(200, &[])] {
        bench.run(Method::GET, &script, 9, 9);
        assert_eq!(trace::current(), None);
    }
    // Neither panic makes the requests after it look like a part of its own.
    assert_eq!(bench.registry.snapshot().sum("api_requests_total", &[]), Some(4.0));
}

#[test]
fn trace_context_is_ambient_in_call_future_and_body_and_gone_after() {
    #[derive(Clone)]
    struct Recording(Arc<AtomicU64>);
    struct RecordingBody(Arc<AtomicU64>);
    impl Service<Request<()>> for Recording {
        type Response = Response<RecordingBody>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>>>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: Request<()>) -> Self::Future {
            self.0.fetch_add(u64::from(trace::current().is_some()), Ordering::Relaxed);
            let seen = Arc::clone(&self.0);
            Box::pin(async move {
                seen.fetch_add(u64::from(trace::current().is_some()), Ordering::Relaxed);
                Ok(Response::new(RecordingBody(seen)))
            })
        }
    }
    impl Body for RecordingBody {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.fetch_add(u64::from(trace::current().is_some()), Ordering::Relaxed);
            Poll::Ready(None)
        }
    }
    let bench = Bench::new();
    let seen = Arc::new(AtomicU64::new(0));
    let mut service = HttpLayer::new(TraceLayer::new(), bench.layer.clone()).layer(Recording(Arc::clone(&seen)));
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(response)) = Box::pin(service.call(Request::new(()))).as_mut().poll(&mut cx) else {
        panic!("answers at once")
    };
    assert!(
        response.headers().contains_key(trace::X_REQUEST_ID) && response.headers().contains_key(trace::TRACERESPONSE)
    );
    let _ = Box::pin(response.into_body()).as_mut().poll_frame(&mut cx);
    assert_eq!(seen.load(Ordering::Relaxed), 3);
    assert_eq!(trace::current(), None);
}

#[test]
fn service_that_is_not_ready_counts_nothing_until_it_is_called() {
    struct Unready(std::vec::IntoIter<Poll<Result<(), Failed>>>);

    impl Service<Request<()>> for Unready {
        type Response = Response<ScriptedBody>;
        type Error = Failed;
        type Future = ScriptedFuture;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
            self.0.next().expect("no more is asked")
        }

        fn call(&mut self, request: Request<()>) -> ScriptedFuture {
            Scripted(Script::answering(200, &[])).call(request)
        }
    }

    let bench = Bench::new();
    let said = vec![Poll::Pending, Poll::Ready(Err(Failed)), Poll::Ready(Ok(()))];
    let mut service = HttpLayer::new(TraceLayer::new(), bench.layer.clone()).layer(Unready(said.into_iter()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_pending());
    assert!(matches!(service.poll_ready(&mut cx), Poll::Ready(Err(Failed))));
    assert!(matches!(service.poll_ready(&mut cx), Poll::Ready(Ok(()))));
    assert_eq!(bench.registry.snapshot().sum("api_requests_started_total", &[]).unwrap_or_default(), 0.0);
    drop(service.call(Request::new(())));
    assert_eq!(bench.finished(), [("none".to_owned(), "cancelled".to_owned(), 1.0)]);
}

#[test]
fn future_and_body_that_are_polled_after_their_ends_count_once() {
    use Step::{Fail, Go};
    let failing = Script { future: vec![Fail, Go], ..Script::answering(200, &[Go]) };
    for (script, expected) in
        [(Script::answering(200, &[Go, Fail, Go]), ("200", "body_failed")), (failing, ("none", "failed"))]
    {
        let bench = Bench::new();
        let mut future = Box::pin(bench.layer.layer(Scripted(script)).call(Request::new(())));
        let mut cx = Context::from_waker(Waker::noop());
        let first = future.as_mut().poll(&mut cx);
        // What a service answers then is its own matter.
        let _ = future.as_mut().poll(&mut cx);
        if let Poll::Ready(Ok(response)) = first {
            let mut body = Box::pin(response.into_body());
            (0..5).for_each(|_| drop(body.as_mut().poll_frame(&mut cx)));
        }
        drop(future);
        let (status, outcome) = expected;
        assert_eq!(bench.finished(), [(status.to_owned(), outcome.to_owned(), 1.0)]);
        assert_eq!(in_flight(&bench.registry.snapshot()), 0.0);
    }
}

#[test]
fn unpolled_requests_are_in_flight_until_dropped() {
    let bench = Bench::new();
    let mut service = bench.layer.layer(Scripted(Script::answering(200, &[])));
    let held: Vec<_> = (0..3).map(|_| service.call(Request::new(()))).collect();
    assert_eq!(in_flight(&bench.registry.snapshot()), 3.0);
    drop(held);
    assert_eq!(in_flight(&bench.registry.snapshot()), 0.0);
    assert_eq!(bench.finished(), [("none".to_owned(), "cancelled".to_owned(), 3.0)]);
}
