//! One of the places where a log's lines go, with a buffer and an account of its own: one that stands still costs the
//! others nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::Level;

use super::instruments::SinkInstruments;
use super::line::Layout;
use super::writer::{DropReason, Flushed, Queue};

#[derive(Debug)]
pub(super) struct Output {
    pub(super) layout: Layout,
    pub(super) queue: Queue,
    pub(super) instruments: SinkInstruments,
    /// How much had been written when a panic last waited in vain.
    stalled_at: AtomicU64,
}

/// No count of lines.
const NOT_STALLED: u64 = u64::MAX;

impl Output {
    pub(super) fn new(layout: Layout, queue: Queue, instruments: SinkInstruments) -> Self {
        Self { layout, queue, instruments, stalled_at: AtomicU64::new(NOT_STALLED) }
    }

    /// Takes a line; what it does not take is counted.
    pub(super) fn push(&self, level: Level, line: &[u8]) -> Result<(), DropReason> {
        let pushed = self.queue.push(level, line);
        if let Err(reason) = pushed {
            self.instruments.dropped(reason).increment();
        }
        pushed
    }

    /// Waits for its lines, but not again while the sink stands still: a process that panics again and again must not
    /// wait each time.
    pub(super) fn flush_unless_stalled(&self, patience: Duration) {
        let (now, under_way) = self.queue.flush(Duration::ZERO);
        // Ordering: a hint; a stale one costs one more wait.
        if under_way == 0 || self.stalled_at.load(Ordering::Relaxed) == now.written {
            return;
        }
        let (then, under_way) = self.queue.flush(patience);
        let stalled_at = if under_way > 0 { then.written } else { NOT_STALLED };
        self.stalled_at.store(stalled_at, Ordering::Relaxed);
    }

    /// Takes no more lines and waits for those it has; what it gives up is counted.
    pub(super) fn stop(&self, patience: Duration) {
        let given_up = self.queue.stop(patience);
        self.instruments.dropped(DropReason::Stopped).add(given_up);
    }
}

impl std::iter::Sum for Flushed {
    fn sum<I: Iterator<Item = Self>>(accounts: I) -> Self {
        accounts
            .fold(Self::default(), |sum, next| Self { written: sum.written + next.written, lost: sum.lost + next.lost })
    }
}
