//! The ledger under every way a request can end, with a scripted service instead of a server.

mod endings;
mod interleavings;
mod options;

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower_layer::Layer;
use tower_service::Service;

use super::labels::Outcome;
use super::{HttpLayer, HttpMetricsLayer, HttpOptions, ResponseBody, ResponseFuture, TraceFuture, TraceLayer};
use crate::clock::ManualClock;
use crate::drain::{Drain, Phase};
use crate::metrics::{Meter, Registry, Snapshot};
use crate::trace::{self, TraceContext};

/// What the service does with one poll of its future or body.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Pending,
    Panic,
    Fail,
    /// The head from a future, a frame from a body.
    Go,
}

#[derive(Clone, Debug)]
struct Script {
    panics_in_call: bool,
    future: Vec<Step>,
    status: u16,
    body: Vec<Step>,
    headers: Vec<(&'static str, String)>,
    exact: Option<u64>,
}

impl Script {
    fn answering(status: u16, body: &[Step]) -> Self {
        Self {
            panics_in_call: false,
            future: vec![Step::Go],
            status,
            body: body.to_vec(),
            headers: Vec::new(),
            exact: None,
        }
    }
}

#[derive(Clone)]
struct Scripted(Script);

struct ScriptedFuture(Script, std::vec::IntoIter<Step>);

struct ScriptedBody(std::vec::IntoIter<Step>, Option<u64>);

#[derive(Debug)]
struct Failed;

impl<B> Service<Request<B>> for Scripted {
    type Response = Response<ScriptedBody>;
    type Error = Failed;
    type Future = ScriptedFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> ScriptedFuture {
        assert!(!self.0.panics_in_call, "scripted panic in call");
        let steps = self.0.future.clone().into_iter();
        ScriptedFuture(self.0.clone(), steps)
    }
}

impl Future for ScriptedFuture {
    type Output = Result<Response<ScriptedBody>, Failed>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.1.next() {
            Some(Step::Panic) => panic!("scripted panic in the future"),
            Some(Step::Fail) => Poll::Ready(Err(Failed)),
            Some(Step::Go) => {
                let mut response = Response::builder().status(self.0.status);
                for (name, value) in &self.0.headers {
                    response = response.header(*name, value);
                }
                let body = ScriptedBody(self.0.body.clone().into_iter(), self.0.exact);
                Poll::Ready(Ok(response.body(body).expect("a valid response")))
            }
            Some(Step::Pending) | None => Poll::Pending,
        }
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = Failed;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failed>>> {
        match self.0.next() {
            Some(Step::Pending) => Poll::Pending,
            Some(Step::Panic) => panic!("scripted panic in the body"),
            Some(Step::Fail) => Poll::Ready(Some(Err(Failed))),
            Some(Step::Go) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"12345"))))),
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.1.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

struct Bench {
    registry: Registry,
    layer: HttpMetricsLayer,
    clock: ManualClock,
    drain: Drain,
}

impl Bench {
    fn new() -> Self {
        Self::with(HttpOptions::new())
    }

    fn with(options: HttpOptions) -> Self {
        let (registry, clock, drain) = (Registry::new(), ManualClock::new(), Drain::new());
        let layer = HttpMetricsLayer::new(&Meter::new(&registry), clock.clock(), drain.clone(), options);
        Self { registry, layer: layer.expect("valid options"), clock, drain }
    }

    /// Runs one request for at most so many polls of the future and of the body, then drops what is left of it.
    fn run(&self, method: Method, script: &Script, future_polls: usize, body_polls: usize) {
        let mut service = HttpLayer::new(TraceLayer::new(), self.layer.clone()).layer(Scripted(script.clone()));
        let request = Request::builder().method(method).body(()).expect("a valid request");
        // What unwinds here would end a connection's task; the measurement must survive it.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let mut cx = Context::from_waker(Waker::noop());
            let mut future = Box::pin(service.call(request));
            let answered = (0..future_polls).find_map(|_| match future.as_mut().poll(&mut cx) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => None,
            });
            let Some(Ok(response)) = answered else {
                return;
            };
            self.clock.advance(Duration::from_secs(1));
            let mut body = Box::pin(response.into_body());
            for _ in 0..body_polls {
                if let Poll::Ready(None | Some(Err(_))) = body.as_mut().poll_frame(&mut cx) {
                    break;
                }
            }
        }));
    }

    fn finished(&self) -> Vec<(String, String, f64)> {
        let snapshot = self.registry.snapshot();
        let family = snapshot.family("api_requests_total").expect("registered");
        let mut rows: Vec<_> = family
            .series
            .iter()
            .filter(|series| series.value.as_f64() > 0.0)
            .map(|series| {
                let label = |name| series.pairs().into_iter().find(|(n, _)| *n == name).expect("present").1;
                (label("status"), label("outcome"), series.value.as_f64())
            })
            .collect();
        rows.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
        rows
    }
}

fn in_flight(snapshot: &Snapshot) -> f64 {
    snapshot.sum("api_in_flight_requests", &[]).unwrap_or_default()
}
