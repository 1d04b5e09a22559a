//! One request and its response: opened once, finished exactly once, whatever happens in between.

use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;

use super::labels::Outcome;
use super::ledger::Ledger;
use super::passage::Passage;
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

    /// Runs code of the service that has the request: that passing the layer once more makes no second exchange of it.
    pub(super) fn run_service<T>(&mut self, code: impl FnOnce() -> T) -> T {
        let _passing = Passage::of(&self.ledger.common, self.context.as_ref()).enter();
        self.run(code)
    }

    /// Runs code of the service: with the request's trace context, and so that a panic is told from a cancellation.
    pub(super) fn run<T>(&mut self, code: impl FnOnce() -> T) -> T {
        let _entered = self.enter();
        self.running = true;
        let value = code();
        self.running = false;
        value
    }

    /// The context is entered only if it is not the present one already, as it is below the trace layer.
    fn enter(&self) -> Option<Entered> {
        let own = self.context.as_ref()?;
        (!trace::is_current(own)).then(|| own.enter())
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
            Answer::Body | Answer::EventStream => {}
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
