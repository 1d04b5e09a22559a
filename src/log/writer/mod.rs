//! From a finished line to the sink, without anybody waiting for the sink.
//!
//! ```text
//! any thread: push (one lock, one copy) -> buffer of each sink, bounded in bytes
//! its thread: swap at 256 KiB or after 5 ms -> write, 64 KiB at a time -> settled: written or lost
//!                                               '-> what was dropped meanwhile is told by one WARN line
//! ```

mod chunks;
mod file;
mod queue;
mod sink;
mod standard;
mod target;
mod thread;

#[cfg(test)]
mod tests;

pub use file::{Every, FileSink};
pub(super) use queue::{Queue, Untold, is_writer_thread};
pub use sink::Sink;
pub(super) use thread::start;

/// What is written at once, in whole lines. Measured: larger writes save no time, and a pipe holds as much.
const CHUNK_BYTES: usize = 64 * 1024;

/// What became of the lines of a log since it started. `written + lost` is the number of lines made, for each sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "it tells whether lines were lost"]
pub struct Flushed {
    /// Lines that the sink took.
    pub written: u64,
    /// Lines dropped for want of room, refused by the sink, or not yet taken by it when the deadline came.
    pub lost: u64,
}

/// Why a line was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DropReason {
    /// The share of the buffer that its level may fill was full.
    BufferFull,
    /// The sink refused it.
    IoError,
    /// The log had stopped, or stopped before the sink took it.
    Stopped,
    /// It was logged by the sink itself: writing it would make the sink log again.
    WriterThread,
}

impl DropReason {
    /// Every reason, in the order of their counters.
    pub(super) const ALL: [Self; 4] = [Self::BufferFull, Self::IoError, Self::Stopped, Self::WriterThread];

    /// The value of the `reason` label.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::BufferFull => "buffer_full",
            Self::IoError => "io_error",
            Self::Stopped => "stopped",
            Self::WriterThread => "writer_thread",
        }
    }
}
