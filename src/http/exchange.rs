//! One request and its response: opened once, finished exactly once, whatever happens in between.

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode};

use super::access_log::{Finish, Noted};
use super::custom_labels::Combination;
use super::grpc::Grpc;
use super::head::{RequestEnd, RequestHead, ResponseHead};
use super::hold::LedgerHold;
use super::instruments::Ending;
use super::labels::Outcome;
use super::ledger::Ledger;
use super::measures::{Measured, ResponseKind};
use super::methods::Asked;
use super::passage::{Passage, Passing};
use super::response::Answer;
use crate::clock::Moment;
use crate::trace::{self, Entered, TraceContext};

/// The measurement of one request. It moves from the service to its future to the response body; whoever holds it
/// last finishes it, by dropping it if nothing better is known.
pub(super) struct Exchange {
    ledger: LedgerHold,
    began: Moment,
    context: Option<TraceContext>,
    pub(super) asked: Asked,
    labels: Combination,
    stage: Stage,
    /// Bytes of the response body so far.
    sent: u64,
    grpc: Grpc,
    /// For the access log.
    noted: Option<Box<Noted>>,
    /// Whether code of the service runs right now: a drop meanwhile is its unwinding.
    running: bool,
}

/// Code of the service runs while this lives. Unless [`Exchange::leave`] follows, it panicked.
///
/// A guard beside the code and not a function around it, because a closure would move request and response once more.
#[must_use = "the code runs while this lives"]
pub(super) struct Running<P = ()> {
    _entered: Option<Entered>,
    _passing: P,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No response head yet.
    Waiting,
    /// The head is out, the body is not.
    Answering(Head),
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: StatusCode,
    after: Duration,
    kind: ResponseKind,
}

impl Exchange {
    pub(super) fn begin(ledger: LedgerHold, request: RequestHead<'_>, context: Option<TraceContext>) -> Self {
        let common = &ledger.common;
        let labels = common.labels.of_request(request);
        let noted = common.access_log.as_ref().and_then(|log| log.note(request));
        ledger.begin();
        Self {
            began: common.clock.moment(),
            context,
            asked: Asked::by(request.method),
            labels,
            stage: Stage::Waiting,
            sent: 0,
            grpc: Grpc::No,
            noted,
            running: false,
            ledger,
        }
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Enters the service with its request: passing the layer once more in there makes no second exchange of it.
    #[inline]
    pub(super) fn enter_service(&mut self) -> Running<Passing> {
        let passing = Passage::of(&self.ledger.common, self.context.as_ref()).enter();
        self.enter_with(passing)
    }

    /// Enters code of the service: with the request's trace context, and so that a panic is told from a cancellation.
    #[inline]
    pub(super) fn enter(&mut self) -> Running {
        self.enter_with(())
    }

    #[inline]
    fn enter_with<P>(&mut self, passing: P) -> Running<P> {
        self.running = true;
        Running { _entered: self.enter_context(), _passing: passing }
    }

    /// Enters the request's trace context only, for what is dropped: a panic was told before.
    #[inline]
    pub(super) fn enter_context(&self) -> Option<Entered> {
        // Below the trace layer it is the present one already.
        self.context.as_ref().filter(|own| !trace::is_current(own)).map(TraceContext::enter)
    }

    /// The code came to its end.
    #[inline]
    pub(super) fn leave(&mut self) {
        self.running = false;
    }

    /// The same, for who gives the exchange away.
    #[inline]
    pub(super) fn left(mut self) -> Self {
        self.leave();
        self
    }

    /// The response head is there.
    pub(super) fn answer<B>(&mut self, answer: Answer, response: &Response<B>) {
        let (ledger, status) = (&self.ledger, response.status());
        let (after, kind) = (self.took(), answer.kind(status, ledger.answers));
        self.labels = ledger.common.labels.of_response(self.labels, ResponseHead::of(response));
        if ledger.common.measures.reads_grpc() {
            self.grpc = Grpc::of_head(response.headers());
        }
        // The head of an upgrade or a stream says nothing about the work behind it.
        match kind {
            ResponseKind::Finite => ledger.head(Some(status), self.labels, after, self.context.as_ref()),
            ResponseKind::Stream => ledger.begin_stream(),
            ResponseKind::Upgrade => {}
        }
        self.stage = Stage::Answering(Head { status, after, kind });
        match answer {
            Answer::Upgrade => self.finish(Outcome::Upgraded),
            Answer::HeadOnly => self.complete(),
            Answer::Body(_) | Answer::EventStream => {}
        }
    }

    /// A part of the body is handed out.
    pub(super) fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
    }

    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        self.grpc = self.grpc.of_trailers(trailers);
    }

    /// The whole response is out.
    pub(super) fn complete(&mut self) {
        if let Stage::Answering(head) = self.stage {
            self.finish(Outcome::of_complete(head.status));
        }
    }

    /// The end, with an outcome that is known. Only the first end counts.
    pub(super) fn finish(&mut self, outcome: Outcome) {
        let context = self.context.as_ref();
        let (status, head_after, kind) = match std::mem::replace(&mut self.stage, Stage::Finished) {
            Stage::Finished => return,
            Stage::Waiting => {
                let after = self.took();
                self.ledger.head(None, self.labels, after, context);
                (None, after, ResponseKind::Finite)
            }
            Stage::Answering(head) => (Some(head.status), head.after, head.kind),
        };
        if kind == ResponseKind::Stream {
            self.ledger.end_stream(self.took().saturating_sub(head_after), context);
        }
        let verdict = self.ledger.verdict(RequestEnd { status, outcome, grpc: self.grpc.status() });
        let ending = Ending { status, outcome, verdict };
        let measured = Measured { ending, head_after, kind, sent: self.sent, grpc: self.grpc };
        self.ledger.end(&measured, self.labels, || self.took(), context);
        if let Some(log) = &self.ledger.common.access_log {
            let noted = self.noted.as_deref();
            log.finish(&Finish { account: &self.ledger.account, measured: &measured, context, noted }, || self.took());
        }
        if let Some(spans) = &self.ledger.common.spans
            && let Some(context) = context.filter(|context| context.flags().sampled)
        {
            spans.ended(&self.ledger.account.span(context, ending, self.took()));
        }
    }

    fn took(&self) -> Duration {
        self.ledger.common.clock.since(self.began)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.finish(match (self.running, self.stage) {
            (true, _) => Outcome::Panicked,
            (false, Stage::Waiting) => Outcome::Cancelled,
            (false, _) => Outcome::Aborted,
        });
    }
}
