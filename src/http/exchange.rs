//! One request and its response: opened once, finished exactly once, whatever happens in between.

use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;

use super::labels::Outcome;
use super::ledger::Ledger;
use super::passage::{Passage, Passing};
use super::response::Answer;
use crate::trace::{self, Entered, TraceContext};

/// The measurement of one request. It moves from the service to its future to the response body; whoever holds it
/// last finishes it, by dropping it if nothing better is known.
pub(super) struct Exchange {
    ledger: Arc<Ledger>,
    began: Instant,
    context: Option<TraceContext>,
    stage: Stage,
    /// Whether code of the service runs right now: a drop meanwhile is its unwinding.
    running: bool,
}

/// Code of the service runs, until [`Exchange::leave`]; if this is dropped elsewhere, the code panicked.
///
/// A guard beside the code and not a function around it, because a closure would move request and response once more.
#[must_use = "what is not left counts as a panic"]
pub(super) struct Running {
    _entered: Option<Entered>,
    _passing: Option<Passing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No response head yet.
    Waiting,
    /// The head is out, the body is not.
    Answering(StatusCode),
    Finished,
}

impl Exchange {
    pub(super) fn begin(ledger: Arc<Ledger>, context: Option<TraceContext>) -> Self {
        ledger.begin();
        let began = ledger.common.clock.now();
        Self { ledger, began, context, stage: Stage::Waiting, running: false }
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Enters the service with its request: passing the layer once more in there makes no second exchange of it.
    #[inline]
    pub(super) fn enter_service(&mut self) -> Running {
        let passing = Passage::of(&self.ledger.common, self.context.as_ref()).enter();
        Running { _passing: Some(passing), ..self.enter() }
    }

    /// Enters code of the service: with the request's trace context, and so that a panic is told from a cancellation.
    #[inline]
    pub(super) fn enter(&mut self) -> Running {
        self.running = true;
        // Below the trace layer it is the present one already.
        let entered = self.context.as_ref().filter(|own| !trace::is_current(own)).map(TraceContext::enter);
        Running { _entered: entered, _passing: None }
    }

    /// The code came to its end.
    #[inline]
    pub(super) fn leave(&mut self, running: Running) {
        drop(running);
        self.running = false;
    }

    /// The response head is there.
    pub(super) fn answer(&mut self, status: StatusCode, answer: Answer) {
        if answer.tells_the_services_speed() {
            self.record_head(Some(status));
        }
        self.stage = Stage::Answering(status);
        match answer {
            Answer::Upgrade => self.finish(Outcome::Upgraded),
            Answer::HeadOnly => self.complete(),
            Answer::Body(_) | Answer::EventStream => {}
        }
    }

    /// The whole response is out.
    pub(super) fn complete(&mut self) {
        if let Stage::Answering(status) = self.stage {
            self.finish(Outcome::of_complete(status));
        }
    }

    /// The end, with an outcome that is known. Only the first end counts.
    pub(super) fn finish(&mut self, outcome: Outcome) {
        let status = match std::mem::replace(&mut self.stage, Stage::Finished) {
            Stage::Finished => return,
            Stage::Waiting => {
                self.record_head(None);
                None
            }
            Stage::Answering(status) => Some(status),
        };
        self.ledger.end(status, outcome);
    }

    fn record_head(&self, status: Option<StatusCode>) {
        let time = self.ledger.common.clock.now().saturating_duration_since(self.began);
        self.ledger.head(status, time, self.context.as_ref());
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
