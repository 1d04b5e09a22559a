//! Work on a database that is timed: a future or a stream, ended exactly once whatever happens.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use pin_project_lite::pin_project;

use super::outcome::Outcome;
use crate::clock::{Clock, Moment};
use crate::trace::{self, TraceContext};

/// Where pieces of work are recorded.
pub(super) trait Record {
    fn clock(&self) -> &Clock;

    /// A piece of work has begun.
    fn began(&self) {}

    /// A piece of work has ended, in the trace that it began in.
    fn ended(&self, took: Duration, outcome: Outcome, context: Option<&TraceContext>);
}

pin_project! {
    /// A future or stream that is timed from its first poll.
    pub(super) struct Timed<W, R: Record, C> {
        // First, so that what its drop does is no part of the work.
        run: Run<R>,
        outcome_of: C,
        #[pin]
        work: W,
    }
}

impl<W, R: Record, C> Timed<W, R, C> {
    pub(super) fn new(work: W, to: Arc<R>, outcome_of: C) -> Self {
        Self { run: Run { to, state: State::New }, outcome_of, work }
    }
}

impl<W, R, C> Future for Timed<W, R, C>
where
    W: Future,
    R: Record,
    C: Fn(&W::Output) -> Outcome,
{
    type Output = W::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let output = ready!(this.run.poll(|| this.work.poll(cx)));
        this.run.end((this.outcome_of)(&output));
        Poll::Ready(output)
    }
}

impl<W, R, C> Stream for Timed<W, R, C>
where
    W: Stream,
    R: Record,
    C: Fn(&W::Item) -> Outcome,
{
    type Item = W::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        let item = ready!(this.run.poll(|| this.work.poll_next(cx)));
        match item.as_ref().map(this.outcome_of) {
            None => this.run.end(Outcome::Ok),
            Some(Outcome::Ok) => {}
            // The first error is the query's end, whatever comes after it.
            Some(failed) => this.run.end(failed),
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.work.size_hint()
    }
}

/// One piece of work.
struct Run<R: Record> {
    to: Arc<R>,
    state: State,
}

enum State {
    New,
    Begun {
        at: Moment,
        context: Option<TraceContext>,
        /// Whether code of the work runs right now: a drop meanwhile is its unwinding.
        running: bool,
    },
    Ended,
}

impl<R: Record> Run<R> {
    /// Runs a step of the work.
    #[inline]
    fn poll<T>(&mut self, step: impl FnOnce() -> T) -> T {
        match &mut self.state {
            State::New => {
                self.to.began();
                let at = self.to.clock().moment();
                self.state = State::Begun { at, context: trace::current(), running: true };
            }
            State::Begun { running, .. } => *running = true,
            State::Ended => {}
        }
        let value = step();
        if let State::Begun { running, .. } = &mut self.state {
            *running = false;
        }
        value
    }

    #[inline]
    fn end(&mut self, outcome: Outcome) {
        if let State::Begun { at, context, .. } = std::mem::replace(&mut self.state, State::Ended) {
            let took = self.to.clock().since(at);
            self.to.ended(took, outcome, context.as_ref());
        }
    }
}

impl<R: Record> Drop for Run<R> {
    fn drop(&mut self) {
        match self.state {
            State::Begun { running: true, .. } => self.end(Outcome::Panicked),
            State::Begun { running: false, .. } => self.end(Outcome::Cancelled),
            State::New | State::Ended => {}
        }
    }
}
