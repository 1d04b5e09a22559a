//! Requests that are polled and dropped in any order, against a model of how each must end.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// What a client, a server's runtime or the service's own code may do next.
#[derive(Clone, Debug)]
enum Action {
    Begin(Method, Script),
    /// Polls the future or the body of one of the requests so far.
    Poll(Index),
    Drop(Index),
}

/// A request, and what the model knows of it.
struct Modelled {
    method: Method,
    status: u16,
    /// Bytes that are still to come, if they were announced.
    announced: Option<u64>,
    held: Held,
    has_ended: bool,
}

/// What of a request there is to poll or to drop.
enum Held {
    Future(Pin<Box<TraceFuture<ResponseFuture<ScriptedFuture>>>>),
    Body(Pin<Box<ResponseBody<ScriptedBody>>>),
    Nothing,
}

/// The labels of an end: status and outcome.
type End = (String, String);

impl Modelled {
    fn new(method: Method, script: &Script) -> Self {
        let header = script.headers.iter().find(|(name, _)| *name == "content-length");
        let announced = script.exact.or_else(|| header.map(|(_, length)| length.parse().expect("a number")));
        Self { method, status: script.status, announced, held: Held::Nothing, has_ended: false }
    }

    /// Calls the service; the end that this must be, if it must be one.
    fn begin(&mut self, bench: &Bench, script: Script) -> Option<End> {
        let request = Request::builder().method(self.method.clone()).body(()).expect("a valid request");
        let mut service = HttpLayer::new(TraceLayer::new(), bench.layer.clone()).layer(Scripted(script));
        match unwinding(|| service.call(request)) {
            Some(future) => self.held = Held::Future(Box::pin(future)),
            None => return self.ends_without_a_head(Outcome::Panicked),
        }
        None
    }

    fn poll(&mut self) -> Option<End> {
        let mut cx = Context::from_waker(Waker::noop());
        // What panics or comes to its end is dropped here, at once.
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Future(mut future) => match unwinding(|| future.as_mut().poll(&mut cx)) {
                None => self.ends_without_a_head(Outcome::Panicked),
                Some(Poll::Ready(Err(Failed))) => self.ends_without_a_head(Outcome::Failed),
                Some(Poll::Ready(Ok(response))) => {
                    self.held = Held::Body(Box::pin(response.into_body()));
                    self.answers()
                }
                Some(Poll::Pending) => {
                    self.held = Held::Future(future);
                    None
                }
            },
            Held::Body(mut body) => match unwinding(|| body.as_mut().poll_frame(&mut cx)) {
                None => self.ends(Outcome::Panicked),
                Some(Poll::Ready(None)) => self.is_complete(),
                Some(Poll::Ready(Some(Err(Failed)))) => self.ends(Outcome::BodyFailed),
                Some(Poll::Ready(Some(Ok(frame)))) => {
                    self.held = Held::Body(body);
                    let sent = frame.into_data().map_or(0, |data| data.len() as u64);
                    self.announced = self.announced.map(|left| left.saturating_sub(sent));
                    if self.announced == Some(0) { self.is_complete() } else { None }
                }
                Some(Poll::Pending) => {
                    self.held = Held::Body(body);
                    None
                }
            },
            Held::Nothing => None,
        }
    }

    fn drop(&mut self) -> Option<End> {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Future(_) => self.ends_without_a_head(Outcome::Cancelled),
            Held::Body(_) => self.ends(Outcome::Aborted),
            Held::Nothing => None,
        }
    }

    fn answers(&mut self) -> Option<End> {
        let is_connect = self.method == Method::CONNECT && (200..300).contains(&self.status);
        if self.status == 101 || is_connect {
            return self.ends(Outcome::Upgraded);
        }
        let has_no_body = matches!(self.status, 100..200 | 204 | 304) || self.method == Method::HEAD;
        if has_no_body || self.announced == Some(0) { self.is_complete() } else { None }
    }

    fn is_complete(&mut self) -> Option<End> {
        self.ends(match self.status {
            ..400 => Outcome::Ok,
            400..500 => Outcome::ClientError,
            500.. => Outcome::ServerError,
        })
    }

    fn ends(&mut self, outcome: Outcome) -> Option<End> {
        self.ends_as(self.status.to_string(), outcome)
    }

    fn ends_without_a_head(&mut self, outcome: Outcome) -> Option<End> {
        self.ends_as("none".to_owned(), outcome)
    }

    fn ends_as(&mut self, status: String, outcome: Outcome) -> Option<End> {
        let is_first = !std::mem::replace(&mut self.has_ended, true);
        is_first.then(|| (status, outcome.as_str().to_owned()))
    }
}

fn unwinding<T>(code: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(code)).ok()
}

/// Mostly steps that lead on, so that requests get far.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Go),
        3 => Just(Step::Pending),
        1 => Just(Step::Fail),
        1 => Just(Step::Panic),
    ];
    proptest::collection::vec(step, 0..5)
}

fn script() -> impl Strategy<Value = Script> {
    let status = prop_oneof![
        4 => Just(200),
        1 => prop_oneof![Just(101), Just(103), Just(204), Just(304)],
        2 => 100u16..1000,
    ];
    let length = || proptest::option::of(prop_oneof![Just(0), Just(5), Just(10), 1u64..20]);
    let panics_in_call = proptest::bool::weighted(0.05);
    (panics_in_call, steps(), status, steps(), length(), length(), any::<bool>()).prop_map(
        |(panics_in_call, future, status, body, exact, header, is_event_stream)| {
            let length = header.map(|length| ("content-length", length.to_string()));
            let kind = is_event_stream.then(|| ("content-type", "text/event-stream".to_owned()));
            Script { panics_in_call, future, status, body, headers: length.into_iter().chain(kind).collect(), exact }
        },
    )
}

fn action() -> impl Strategy<Value = Action> {
    let method = prop_oneof![6 => Just(Method::GET), 1 => Just(Method::HEAD), 1 => Just(Method::CONNECT)];
    prop_oneof![
        2 => (method, script()).prop_map(|(method, script)| Action::Begin(method, script)),
        6 => any::<Index>().prop_map(Action::Poll),
        1 => any::<Index>().prop_map(Action::Drop),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn started_equals_finished_by_outcome(actions in proptest::collection::vec(action(), 1..80)) {
        let bench = Bench::new();
        let mut requests: Vec<Modelled> = Vec::new();
        let mut expected = BTreeMap::new();
        let check = |requests: &[Modelled], expected: &BTreeMap<End, u64>| {
            let mut seen = BTreeMap::<End, u64>::new();
            for (status, outcome, count) in bench.finished() {
                *seen.entry((status, outcome)).or_default() += count as u64;
            }
            prop_assert_eq!(&seen, expected);
            let snapshot = bench.registry.snapshot();
            let open = requests.iter().filter(|request| !request.has_ended).count();
            prop_assert_eq!(in_flight(&snapshot), open as f64);
            let started = snapshot.sum("api_requests_started_total", &[]).unwrap_or_default();
            prop_assert_eq!(started, requests.len() as f64);
            Ok(())
        };
        for action in actions {
            let end = match action {
                Action::Begin(method, script) => {
                    let mut request = Modelled::new(method, &script);
                    let end = request.begin(&bench, script);
                    requests.push(request);
                    end
                }
                Action::Poll(which) if !requests.is_empty() => which.get_mut(&mut requests).poll(),
                Action::Drop(which) if !requests.is_empty() => which.get_mut(&mut requests).drop(),
                Action::Poll(_) | Action::Drop(_) => None,
            };
            end.into_iter().for_each(|end| *expected.entry(end).or_default() += 1);
            check(&requests, &expected)?;
        }
        for end in requests.iter_mut().filter_map(Modelled::drop) {
            *expected.entry(end).or_default() += 1;
        }
        check(&requests, &expected)?;
        prop_assert_eq!(in_flight(&bench.registry.snapshot()), 0.0);
        prop_assert_eq!(expected.values().sum::<u64>(), requests.len() as u64);
    }
}
