//! The bounded buffer between those who log and the thread that writes.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::Level;

use super::chunks::Chunks;
use super::{CHUNK_BYTES, DropReason, Flushed};

/// A batch is written once it is an eighth of the budget, within these bounds. Measured: to wake the writer costs who logs as
/// much as ten lines, and larger batches no longer stay in a processor's own cache.
const LEAST_RIPE_BYTES: usize = CHUNK_BYTES;
const MOST_RIPE_BYTES: usize = 4 * CHUNK_BYTES;

/// A batch is written once its first line is this old. Chosen: what a killed process may lose.
const GATHER: Duration = Duration::from_millis(5);

/// Lines on their way to the sink. Locks are held for a copy of one line, or to swap two buffers.
#[derive(Debug)]
pub(in crate::log) struct Queue {
    budget: usize,
    /// A batch of so many bytes is written at once.
    ripe_bytes: usize,
    state: Mutex<State>,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes whoever waits for lines to be settled.
    progress: Condvar,
}

#[derive(Debug, Default)]
struct State {
    buffer: Vec<u8>,
    chunks: Chunks,
    buffered_lines: u64,
    /// Bytes that the writer has taken and the sink has not; they count against the budget.
    in_flight: usize,
    /// Invariant: `accepted = written + lost + buffered_lines + lines in flight`.
    accepted: u64,
    written: u64,
    lost: u64,
    /// Lines that were never accepted.
    refused: u64,
    untold: Untold,
    reopening: Reopening,
    phase: Phase,
    nap: Nap,
    /// Whether somebody waits for everything accepted so far.
    hurry: Hurry,
    sink: SinkState,
}

/// Trouble that no line in the log tells of yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::log) struct Untold {
    /// Lines that found no room.
    pub(in crate::log) buffer_full: u64,
    /// Lines that the sink refused.
    pub(in crate::log) io_error: u64,
    /// What failed and cost no line.
    pub(in crate::log) upkeep_errors: u64,
}

impl Untold {
    /// Whether it is reason enough to write, though nobody logs: a file whose upkeep fails would fail again with it.
    fn has_lines(self) -> bool {
        self.buffer_full + self.io_error > 0
    }
}

/// Whether somebody asked for the sink to be opened anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reopening {
    #[default]
    No,
    Asked,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Running,
    /// Takes no more lines and writes those that it has.
    Stopping,
    /// Writes nothing more.
    Stopped,
}

/// What the writer sleeps for, so that producers wake it only then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Nap {
    #[default]
    Awake,
    /// For a first line.
    UntilLine,
    /// For a full batch, or the end of the interval.
    UntilFull,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hurry {
    #[default]
    No,
    Flush,
}

/// Whether the sink took what it was given last. A failing one is not woken only to be told of its failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SinkState {
    #[default]
    Working,
    Failing,
}

/// What the writer took at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) chunks: Chunks,
    /// Lines not settled yet.
    pub(super) lines: u64,
    /// What the batch's last line tells of, if it has such a line.
    pub(super) untold: Option<Untold>,
    /// Whether the sink is to be opened anew before these lines.
    pub(super) reopening: Reopening,
}

impl Batch {
    /// Makes room for the next one, in the same memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.chunks.clear();
    }
}

thread_local! {
    static WRITES: Cell<bool> = const { Cell::new(false) };
}

/// Marks this thread as one whose own lines are refused.
pub(super) fn mark_writer_thread() {
    WRITES.set(true);
}

/// Whether this thread writes for some log. `const` and without a destructor, so it is there to the thread's end.
pub(in crate::log) fn is_writer_thread() -> bool {
    WRITES.get()
}

impl Queue {
    pub(in crate::log) fn new(budget: usize) -> Self {
        let ripe_bytes = (budget / 8).clamp(LEAST_RIPE_BYTES, MOST_RIPE_BYTES);
        Self { budget, ripe_bytes, state: Mutex::default(), work: Condvar::new(), progress: Condvar::new() }
    }

    /// Takes a line, or says why not. Never waits for the sink.
    pub(in crate::log) fn push(&self, level: Level, line: &[u8]) -> Result<(), DropReason> {
        let mut state = self.state();
        let verdict = self.admit(&state, level, line.len());
        let wake = match verdict {
            Ok(()) => state.take(line, self.ripe_bytes),
            Err(reason) => {
                state.refused += 1;
                state.untold.buffer_full += u64::from(reason == DropReason::BufferFull);
                false
            }
        };
        drop(state);
        if wake {
            self.work.notify_one();
        }
        verdict
    }

    /// What is worth more finds room when the rest no longer does.
    fn admit(&self, state: &State, level: Level, bytes: usize) -> Result<(), DropReason> {
        if is_writer_thread() {
            return Err(DropReason::WriterThread);
        }
        if state.phase != Phase::Running {
            return Err(DropReason::Stopped);
        }
        let share = match level {
            Level::ERROR => self.budget,
            Level::WARN => self.budget / 4 * 3,
            _ => self.budget / 2,
        };
        if state.buffer.len() + state.in_flight + bytes > share { Err(DropReason::BufferFull) } else { Ok(()) }
    }

    /// Has what was accepted so far written without delay.
    pub(in crate::log) fn hurry(&self) {
        let mut state = self.state();
        if state.settled() < state.accepted {
            state.hurry = Hurry::Flush;
            self.work.notify_one();
        }
    }

    /// Has the sink opened anew before the next write, also if there is nothing to write.
    pub(in crate::log) fn reopen(&self) {
        self.state().reopening = Reopening::Asked;
        self.work.notify_one();
    }

    /// Waits until what was accepted so far is settled, or for `patience`, and reports; with the number of lines that
    /// are still under way.
    pub(in crate::log) fn flush(&self, patience: Duration) -> (Flushed, u64) {
        let mut state = self.state();
        let target = state.accepted;
        // The writer would wait for itself.
        if state.settled() < target && !is_writer_thread() {
            state.hurry = Hurry::Flush;
            self.work.notify_one();
            state = self.until(state, patience, |state| state.settled() >= target || state.phase == Phase::Stopped);
        }
        let unsettled = target.saturating_sub(state.settled());
        (Flushed { written: state.written, lost: state.lost + state.refused + unsettled }, unsettled)
    }

    /// Takes no more lines from now on.
    pub(in crate::log) fn close(&self) {
        let mut state = self.state();
        if state.phase == Phase::Running {
            state.phase = Phase::Stopping;
        }
        self.work.notify_one();
    }

    /// Takes no more lines, writes what there is, and gives up after `patience`. Returns the number of lines given up.
    pub(in crate::log) fn stop(&self, patience: Duration) -> u64 {
        self.close();
        let mut state = self.state();
        if !is_writer_thread() {
            state = self.until(state, patience, |state| state.phase == Phase::Stopped);
        }
        let given_up = state.finish();
        self.work.notify_one();
        given_up
    }

    /// Waits for lines and swaps them into `batch`, whose bytes were settled; `false` when it is time to end.
    pub(super) fn next_batch(&self, batch: &mut Batch) -> bool {
        let mut state = self.state();
        state.in_flight = 0;
        while !state.has_work() {
            if state.phase != Phase::Running {
                return false;
            }
            state.nap = Nap::UntilLine;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.is_ripe(self.ripe_bytes) {
            state.nap = Nap::UntilFull;
            state = self
                .work
                .wait_timeout_while(state, GATHER, |state| !state.is_ripe(self.ripe_bytes))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        if state.phase == Phase::Stopped {
            return false;
        }
        state.nap = Nap::Awake;
        state.hurry = Hurry::No;
        batch.clear();
        std::mem::swap(&mut state.buffer, &mut batch.bytes);
        std::mem::swap(&mut state.chunks, &mut batch.chunks);
        batch.lines = std::mem::take(&mut state.buffered_lines);
        state.in_flight = batch.bytes.len();
        batch.reopening = std::mem::take(&mut state.reopening);
        // A batch that only opens the sink anew has no line.
        let tells = state.untold.has_lines() || batch.lines > 0 && state.untold != Untold::default();
        batch.untold = tells.then(|| std::mem::take(&mut state.untold));
        if batch.untold.is_some() {
            batch.lines += 1;
            state.accepted += 1;
        }
        true
    }

    /// The sink took `bytes`, in which `lines` ended.
    pub(super) fn wrote(&self, bytes: usize, lines: u64) {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(bytes);
        state.sink = SinkState::Working;
        if state.phase != Phase::Stopped {
            state.written += lines;
        }
        drop(state);
        self.progress.notify_all();
    }

    /// The sink refused `lines`; `untold` is what a line among them would have told. `count` is called before anybody
    /// who waits for these lines goes on, unless they were settled already by giving up.
    pub(super) fn lost(&self, lines: u64, untold: Option<Untold>, count: impl FnOnce()) {
        let mut state = self.state();
        state.in_flight = 0;
        state.sink = SinkState::Failing;
        if state.phase == Phase::Stopped {
            return;
        }
        count();
        state.lost += lines;
        // The line that tells of others is not told of itself.
        state.untold.io_error += lines - u64::from(untold.is_some());
        if let Some(again) = untold {
            state.untold.buffer_full += again.buffer_full;
            state.untold.io_error += again.io_error;
            state.untold.upkeep_errors += again.upkeep_errors;
        }
        drop(state);
        self.progress.notify_all();
    }

    /// Something failed that cost no line. It is told with the next lines.
    pub(super) fn upkeep_failed(&self, errors: u64) {
        self.state().untold.upkeep_errors += errors;
    }

    /// Pauses before another attempt; `false` if nobody waits for one any more.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        let state = self.state();
        let state = self.work.wait_timeout_while(state, pause, |state| state.phase != Phase::Stopped);
        state.unwrap_or_else(PoisonError::into_inner).0.phase != Phase::Stopped
    }

    /// The writer has ended. Returns the number of lines that it left behind.
    pub(super) fn finished(&self) -> u64 {
        let left = self.state().finish();
        self.progress.notify_all();
        left
    }

    fn until<'a>(
        &self,
        state: MutexGuard<'a, State>,
        patience: Duration,
        done: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        self.progress
            .wait_timeout_while(state, patience, |state| !done(state))
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns whether the writer has to be woken.
    fn take(&mut self, line: &[u8], ripe_bytes: usize) -> bool {
        self.buffer.extend_from_slice(line);
        self.chunks.add(line.len());
        self.buffered_lines += 1;
        self.accepted += 1;
        let wake = match self.nap {
            Nap::Awake => false,
            Nap::UntilLine => true,
            Nap::UntilFull => self.buffer.len() >= ripe_bytes,
        };
        if wake {
            // One call is enough.
            self.nap = Nap::Awake;
        }
        wake
    }

    fn settled(&self) -> u64 {
        self.written + self.lost
    }

    fn has_work(&self) -> bool {
        let to_tell = self.untold.has_lines() && self.sink == SinkState::Working;
        !self.buffer.is_empty() || self.phase != Phase::Stopped && (to_tell || self.reopening == Reopening::Asked)
    }

    fn is_ripe(&self, ripe_bytes: usize) -> bool {
        self.buffer.len() >= ripe_bytes
            || self.hurry == Hurry::Flush
            || self.reopening == Reopening::Asked
            || self.phase != Phase::Running
    }

    /// Whatever is not settled is lost now; returns how many lines that are.
    fn finish(&mut self) -> u64 {
        let given_up = self.accepted - self.settled();
        self.lost += given_up;
        self.phase = Phase::Stopped;
        self.buffer = Vec::new();
        self.chunks.clear();
        self.buffered_lines = 0;
        given_up
    }
}
