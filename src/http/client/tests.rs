//! Every way a call can end, with a scripted client instead of a network.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, StatusCode};
use proptest::prelude::*;
use tower_layer::Layer;
use tower_service::Service;

use super::*;
use crate::clock::ManualClock;
use crate::diagnostics::Problem;
use crate::metrics::{Meter, Registry};
use crate::trace::{TRACEPARENT, TraceContext, X_REQUEST_ID};

/// Calls go where their clients' futures go.
const _: fn() = || {
    fn is_send_sync_clone<T: Send + Sync + Clone>() {}
    fn is_send<T: Send>() {}
    is_send_sync_clone::<ClientInstruments>();
    is_send_sync_clone::<Peer>();
    is_send_sync_clone::<PeerClient<()>>();
    is_send::<Call>();
    is_send::<CallFuture<()>>();
};

/// What the client does with one poll of its future, or with the call itself.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Pending,
    Panic,
    Fail,
    Answer(u16),
}

#[derive(Clone)]
struct Scripted {
    panics_in_call: bool,
    steps: Vec<Step>,
}

struct ScriptedFuture(std::vec::IntoIter<Step>, HeaderMap);

impl<B> Service<Request<B>> for Scripted {
    type Response = Response<()>;
    type Error = &'static str;
    type Future = ScriptedFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ScriptedFuture {
        assert!(!self.panics_in_call, "scripted panic in call");
        ScriptedFuture(self.steps.clone().into_iter(), request.headers().clone())
    }
}

/// Answers with the headers that were sent.
impl Future for ScriptedFuture {
    type Output = Result<Response<()>, &'static str>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0.next() {
            Some(Step::Panic) => panic!("scripted panic in the future"),
            Some(Step::Fail) => Poll::Ready(Err("scripted")),
            Some(Step::Answer(status)) => {
                let mut response = Response::new(());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                *response.headers_mut() = std::mem::take(&mut self.1);
                Poll::Ready(Ok(response))
            }
            Some(Step::Pending) | None => Poll::Pending,
        }
    }
}

struct Bench {
    registry: Registry,
    clock: ManualClock,
    instruments: ClientInstruments,
}

impl Bench {
    fn new() -> Self {
        let (registry, clock) = (Registry::new(), ManualClock::new());
        let instruments = ClientInstruments::register(&Meter::new(&registry), clock.clock()).unwrap();
        Self { registry, clock, instruments }
    }

    /// Runs one call for at most so many polls, then drops what is left of it.
    fn run(&self, method: Method, panics_in_call: bool, steps: &[Step], polls: usize) {
        let scripted = Scripted { panics_in_call, steps: steps.to_vec() };
        let mut client = self.instruments.peer("prices").layer(scripted);
        let request = Request::builder().method(method).body(()).unwrap();
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let mut cx = Context::from_waker(Waker::noop());
            let mut future = Box::pin(client.call(request));
            self.clock.advance(Duration::from_millis(250));
            let _ = (0..polls).any(|_| future.as_mut().poll(&mut cx).is_ready());
        }));
    }

    /// The one call that was recorded: its method, class and outcome.
    fn recorded(&self) -> [String; 3] {
        let snapshot = self.registry.snapshot();
        let family = snapshot.family("client_request_duration_seconds").unwrap();
        let mut counted = family.series.iter().filter(|series| series.value.as_f64() > 0.0);
        let (series, other) = (counted.next().expect("one call"), counted.next());
        assert!(series.value.as_f64() == 1.0 && other.is_none(), "{}", self.registry.render());
        let label = |name| series.pairs().into_iter().find(|(n, _)| *n == name).unwrap().1;
        assert_eq!(label("peer"), "prices");
        ["method", "status_class", "outcome"].map(label)
    }

    fn sum(&self, name: &str) -> f64 {
        self.registry.snapshot().sum(name, &[]).unwrap_or_default()
    }
}

#[test]
fn every_end_of_a_call_has_its_outcome() {
    use Step::{Answer, Fail, Panic, Pending};
    let get = || Method::GET;
    for (method, panics_in_call, steps, polls, expected) in [
        (get(), false, [Pending, Answer(204)], 9, ["GET", "2xx", "ok"]),
        (get(), false, [Answer(302), Pending], 9, ["GET", "3xx", "ok"]),
        (Method::POST, false, [Answer(404), Pending], 9, ["POST", "4xx", "client_error"]),
        (get(), false, [Answer(503), Pending], 9, ["GET", "5xx", "server_error"]),
        (get(), false, [Answer(999), Pending], 9, ["GET", "other", "server_error"]),
        (get(), false, [Answer(101), Pending], 9, ["GET", "1xx", "upgraded"]),
        (Method::CONNECT, false, [Answer(200), Pending], 9, ["CONNECT", "2xx", "upgraded"]),
        (Method::CONNECT, false, [Answer(407), Pending], 9, ["CONNECT", "4xx", "client_error"]),
        (get(), false, [Pending, Fail], 9, ["GET", "none", "failed"]),
        (get(), false, [Pending, Pending], 2, ["GET", "none", "cancelled"]),
        (get(), false, [Answer(200), Pending], 0, ["GET", "none", "cancelled"]),
        (get(), false, [Pending, Panic], 9, ["GET", "none", "panicked"]),
        (get(), true, [Pending, Pending], 9, ["GET", "none", "panicked"]),
        (Method::from_bytes(b"PURGE").unwrap(), false, [Answer(200), Pending], 9, ["_OTHER", "2xx", "ok"]),
    ] {
        let bench = Bench::new();
        bench.run(method, panics_in_call, &steps, polls);
        assert_eq!(bench.recorded(), expected, "{steps:?}");
        assert_eq!(bench.sum("client_requests_started_total"), 1.0);
        assert_eq!(bench.sum("client_in_flight_requests"), 0.0);
        let took = if panics_in_call { "0" } else { "0.25" };
        assert!(bench.registry.render().contains(&format!("}} {took}\n")), "{}", bench.registry.render());
    }
}

#[test]
fn call_is_in_flight_until_it_ends() {
    let bench = Bench::new();
    let prices = bench.instruments.peer("prices");
    let calls = [prices.call(&Method::GET), prices.call(&Method::GET), prices.call(&Method::PUT)];
    let in_flight = |method| {
        let labels = [("peer", "prices"), ("method", method)];
        bench.registry.snapshot().value("client_in_flight_requests", &labels)
    };
    assert_eq!((in_flight("GET"), in_flight("PUT"), in_flight("POST")), (Some(2.0), Some(1.0), None));
    for call in calls {
        call.failed();
    }
    assert_eq!((in_flight("GET"), in_flight("PUT")), (Some(0.0), Some(0.0)));
}

#[test]
fn first_call_creates_the_series_that_ratios_need() {
    let bench = Bench::new();
    bench.instruments.peer("prices").call(&Method::GET).answered(StatusCode::NOT_FOUND);
    let snapshot = bench.registry.snapshot();
    for (class, outcome) in [("2xx", "ok"), ("5xx", "server_error"), ("none", "failed")] {
        let labels = [("peer", "prices"), ("method", "GET"), ("status_class", class), ("outcome", outcome)];
        assert_eq!(snapshot.value("client_request_duration_seconds", &labels), Some(0.0), "{outcome}");
    }
}

#[test]
fn peers_of_one_name_share_an_account_and_bad_names_are_other() {
    let bench = Bench::new();
    for name in ["prices", "prices", "Prices", "http://prices:80/", ""] {
        bench.instruments.peer(name).call(&Method::GET).answered(StatusCode::OK);
    }
    let snapshot = bench.registry.snapshot();
    let started = |peer| snapshot.value("client_requests_started_total", &[("peer", peer), ("method", "GET")]);
    assert_eq!((started("prices"), started("_other")), (Some(2.0), Some(3.0)));
    assert_eq!(Meter::new(&bench.registry).diagnostics().total(Problem::UnknownLabelValue), 3);
}

/// The headers that a call of this request carries.
fn sent(peer: &Peer, request: Request<()>) -> HeaderMap {
    let mut client = peer.layer(Scripted { panics_in_call: false, steps: vec![Step::Answer(200)] });
    let mut future = Box::pin(client.call(request));
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => response.headers().clone(),
        other => panic!("the script answers at once, not {other:?}"),
    }
}

#[test]
fn headers_are_those_of_the_requests_context_else_of_the_present_one() {
    let prices = Bench::new().instruments.peer("prices");
    assert_eq!(sent(&prices, Request::new(())).len(), 0, "no context, no headers");
    assert_eq!(prices.headers().len(), 0);

    let (present, carried) = (TraceContext::new_root(), TraceContext::new_root());
    let _entered = present.enter();
    for (headers, context) in [
        (sent(&prices, Request::new(())), &present),
        (sent(&prices, Request::builder().extension(carried.clone()).body(()).unwrap()), &carried),
        (prices.headers(), &present),
    ] {
        assert_eq!(headers.len(), 2, "{headers:?}");
        assert_eq!(headers[X_REQUEST_ID], context.request_id().as_str());
        let parent = headers[TRACEPARENT].to_str().unwrap();
        assert_eq!(parent[3..35], context.trace_id().to_string());
        assert_ne!(parent[36..52], context.span_id().to_string(), "the call is a span of its own");
    }
    let foreign = prices.propagation(Propagation::Nothing);
    assert_eq!(sent(&foreign, Request::new(())).len() + foreign.headers().len(), 0);
}

proptest! {
    #[test]
    fn begun_equals_ended_whatever_calls_do(
        calls in prop::collection::vec((any::<bool>(), prop::collection::vec(step(), 0..4), 0..5usize), 1..40),
    ) {
        let bench = Bench::new();
        let held: Vec<_> = (0..calls.len() % 3).map(|_| bench.instruments.peer("prices").call(&Method::GET)).collect();
        for (panics_in_call, steps, polls) in &calls {
            bench.run(Method::GET, *panics_in_call, steps, *polls);
        }
        let (started, in_flight) = (bench.sum("client_requests_started_total"), bench.sum("client_in_flight_requests"));
        prop_assert_eq!(started, (calls.len() + held.len()) as f64);
        prop_assert_eq!(in_flight, held.len() as f64);
        prop_assert_eq!(bench.sum("client_request_duration_seconds"), calls.len() as f64);
        drop(held);
        prop_assert_eq!(bench.sum("client_in_flight_requests"), 0.0);
        prop_assert_eq!(bench.sum("client_request_duration_seconds"), started);
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![Just(Step::Pending), Just(Step::Panic), Just(Step::Fail), (100..1000u16).prop_map(Step::Answer)]
}
