//! The thread that writes. It never logs, and whatever the sink does, nobody but this thread waits for it.

use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::DropReason;
use super::queue::{Batch, WAKE_BYTES, mark_writer_thread};
use crate::log::core::Core;

/// Pauses between attempts at a sink that may recover: the first, doubled up to the last. Chosen: a full disk is asked
/// ten times a second, a full pipe a thousand times.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(100);

/// What the buffer keeps after a burst. Chosen: several batches.
const KEPT_BYTES: usize = 4 * WAKE_BYTES;

/// Writes batch after batch until the log stops.
pub(in crate::log) fn run(core: &Arc<Core>, sink: Box<dyn Write + Send>) {
    mark_writer_thread();
    // Dropped last, so that nobody waits for a writer that has ended, however it ended.
    let _finished = Finished(core);
    let mut writer = Writer { core, sink: Fenced(Some(sink)), position: Position::LineStart };
    let mut batch = Batch::default();
    while core.queue.next_batch(&mut batch) {
        if let Some(untold) = batch.untold {
            core.tell(untold, &mut batch.bytes);
        }
        writer.write(&batch);
        batch.bytes.clear();
        batch.bytes.shrink_to(KEPT_BYTES);
    }
}

struct Finished<'a>(&'a Core);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        let left = self.0.queue.finished();
        self.0.instruments.dropped(DropReason::Stopped).add(left);
    }
}

struct Writer<'a> {
    core: &'a Core,
    sink: Fenced,
    position: Position,
}

/// Where the sink stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    LineStart,
    /// A line was begun and given up: the next one must not be glued to it.
    InsideLine,
}

impl Writer<'_> {
    fn write(&mut self, batch: &Batch) {
        let (mut done, mut unsettled) = (0, batch.lines);
        if self.write_all(&batch.bytes, &mut done, &mut unsettled).is_err() {
            if done > 0 && batch.bytes[done - 1] != b'\n' {
                self.position = Position::InsideLine;
            }
            let dropped = self.core.instruments.dropped(DropReason::IoError);
            self.core.queue.lost(unsettled, batch.untold, || dropped.add(unsettled));
        } else if self.sink.flush().is_err() {
            self.core.instruments.write_errors.increment();
        }
    }

    fn write_all(&mut self, bytes: &[u8], done: &mut usize, unsettled: &mut u64) -> Result<(), GaveUp> {
        if self.position == Position::InsideLine {
            self.attempt(b"\n")?;
            self.position = Position::LineStart;
        }
        while *done < bytes.len() {
            let end = *done + chunk_len(&bytes[*done..]);
            while *done < end {
                let taken = self.attempt(&bytes[*done..end])?;
                let lines = count_lines(&bytes[*done..*done + taken]);
                *done += taken;
                *unsettled -= lines;
                // The cast widens a count of bytes in memory.
                self.core.instruments.bytes.add(taken as u64);
                self.core.queue.wrote(taken, lines);
            }
        }
        Ok(())
    }

    /// Makes the sink take some bytes: waits for one that may recover, gives up on one that will not.
    fn attempt(&mut self, bytes: &[u8]) -> Result<usize, GaveUp> {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.sink.write(bytes) {
                Ok(0) => ErrorKind::WriteZero,
                Ok(taken) => return Ok(taken.min(bytes.len())),
                Err(error) => error.kind(),
            };
            if error == ErrorKind::Interrupted {
                continue;
            }
            self.core.instruments.write_errors.increment();
            if !may_recover(error) || !self.core.queue.pause(pause) {
                return Err(GaveUp);
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}

struct GaveUp;

/// The whole lines of up to 64 KiB that are written at once, so that progress is seen while a slow sink takes a large
/// batch.
fn chunk_len(bytes: &[u8]) -> usize {
    match bytes.get(..WAKE_BYTES) {
        None => bytes.len(),
        Some(most) => most.iter().rposition(|byte| *byte == b'\n').map_or(WAKE_BYTES, |last| last + 1),
    }
}

/// How many lines end in these bytes: in steps whose counts fit a byte, which the compiler does many bytes at a time.
fn count_lines(bytes: &[u8]) -> u64 {
    bytes.chunks(255).map(|chunk| u64::from(chunk.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>())).sum()
}

/// A disk is emptied and a pipe is read again; a closed pipe stays closed.
fn may_recover(error: ErrorKind) -> bool {
    matches!(error, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// A sink whose panics are errors, also when it is dropped.
struct Fenced(Option<Box<dyn Write + Send>>);

impl Fenced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call(|sink| sink.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.call(|sink| sink.flush())
    }

    fn call<R>(&mut self, call: impl FnOnce(&mut dyn Write) -> io::Result<R>) -> io::Result<R> {
        let Some(sink) = &mut self.0 else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        catch_unwind(AssertUnwindSafe(|| call(sink.as_mut()))).unwrap_or_else(|payload| {
            // Dropping a payload could panic again.
            std::mem::forget(payload);
            Err(ErrorKind::Other.into())
        })
    }
}

impl Drop for Fenced {
    fn drop(&mut self) {
        let sink = self.0.take();
        let _ = catch_unwind(AssertUnwindSafe(move || drop(sink))).map_err(std::mem::forget);
    }
}
