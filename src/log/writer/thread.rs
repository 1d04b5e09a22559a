//! The thread that writes. It never logs, and whatever the sink does, nobody but this thread waits for it.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use super::chunks::Chunk;
use super::queue::{Batch, Reopening, mark_writer_thread};
use super::target::{Fenced, Position};
use super::{CHUNK_BYTES, DropReason, Sink};
use crate::log::core::Core;
use crate::log::output::Output;

/// Pauses between attempts at a sink that may recover: the first, doubled up to the last. Chosen: a full disk is asked
/// ten times a second, a full pipe a thousand times.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(100);

/// What the buffer keeps after a burst. Chosen: several batches, so that a burst that goes on does not let go of memory.
const KEPT_BYTES: usize = 16 * CHUNK_BYTES;

/// Starts the thread that writes the lines of one of the log's outputs until the log stops.
pub(in crate::log) fn start(core: &Arc<Core>, output: usize, sink: Sink) -> io::Result<()> {
    let core = Arc::clone(core);
    let thread = std::thread::Builder::new().name("log-writer".to_owned());
    thread.spawn(move || run(&core, &core.outputs[output], sink)).map(drop)
}

fn run(core: &Core, output: &Output, sink: Sink) {
    mark_writer_thread();
    // Dropped last, so that nobody waits for a writer that has ended, however it ended.
    let _finished = Finished(output);
    let mut writer = Writer { output, target: Fenced::new(sink.into_target(core.clock.clone())) };
    let mut batch = Batch::default();
    while output.queue.next_batch(&mut batch) {
        if batch.reopening == Reopening::Asked {
            writer.reopen();
        }
        if let Some(untold) = batch.untold {
            let before = batch.bytes.len();
            core.tell(output, untold, &mut batch.bytes);
            batch.chunks.add(batch.bytes.len() - before);
        }
        writer.write(&batch);
        batch.clear();
        batch.bytes.shrink_to(KEPT_BYTES);
    }
}

struct Finished<'a>(&'a Output);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        let left = self.0.queue.finished();
        self.0.instruments.dropped(DropReason::Stopped).add(left);
    }
}

struct Writer<'a> {
    output: &'a Output,
    target: Fenced,
}

impl Writer<'_> {
    fn reopen(&mut self) {
        if self.target.call(|target| target.reopen()).is_err() {
            self.upkeep_failed(1);
        }
    }

    fn write(&mut self, batch: &Batch) {
        if batch.bytes.is_empty() {
            return;
        }
        let mut unsettled = batch.lines;
        if self.write_all(batch, &mut unsettled).is_err() {
            let dropped = self.output.instruments.dropped(DropReason::IoError);
            self.output.queue.lost(unsettled, batch.untold, || dropped.add(unsettled));
        } else if self.target.call(|target| target.flush()).is_err() {
            self.output.instruments.write_errors.increment();
        }
    }

    fn write_all(&mut self, batch: &Batch, unsettled: &mut u64) -> Result<(), GaveUp> {
        let (mut done, mut end) = (0, 0);
        for chunk in batch.chunks.iter() {
            end += chunk.bytes;
            self.write_chunk(&batch.bytes[..end], chunk, &mut done, unsettled)?;
        }
        Ok(())
    }

    /// Makes the target take what is not `done` of some whole lines, of which the last are `chunk`: waits for one that may
    /// recover, gives up on one that will not.
    fn write_chunk(&mut self, bytes: &[u8], chunk: Chunk, done: &mut usize, unsettled: &mut u64) -> Result<(), GaveUp> {
        let mut pause = FIRST_PAUSE;
        while *done < bytes.len() {
            match self.write_some(bytes, done) {
                Ok(written) => {
                    let lines = if written.len() == chunk.bytes { chunk.lines } else { count_lines(written) };
                    *unsettled -= lines;
                    self.settle(written.len(), lines);
                    pause = FIRST_PAUSE;
                }
                Err(ErrorKind::Interrupted) => {}
                Err(error) => {
                    self.output.instruments.write_errors.increment();
                    if !may_recover(error) || !self.output.queue.pause(pause) {
                        return Err(GaveUp);
                    }
                    pause = (pause * 2).min(LAST_PAUSE);
                }
            }
        }
        Ok(())
    }

    /// One attempt; returns what was taken.
    fn write_some<'b>(&mut self, bytes: &'b [u8], done: &mut usize) -> Result<&'b [u8], ErrorKind> {
        self.align(bytes, done).map_err(|error| error.kind())?;
        let rest = &bytes[*done..];
        let taken = self.target.call(|target| target.write(rest)).map_err(|error| error.kind())?.min(rest.len());
        if taken == 0 {
            return Err(ErrorKind::WriteZero);
        }
        *done += taken;
        Ok(&rest[..taken])
    }

    /// Makes the target ready, and sees to it that a line begins where a line begins: the part of one that was given up
    /// is ended, and a line whose file was taken away is begun again in the next.
    fn align(&mut self, bytes: &[u8], done: &mut usize) -> io::Result<()> {
        let rest = bytes.len() - *done;
        let ready = self.target.call(|target| target.prepare(rest))?;
        self.upkeep_failed(ready.upkeep_errors);
        match (ready.position, Position::LineStart.behind(&bytes[..*done])) {
            (Position::InsideLine, Position::LineStart) => match self.target.call(|target| target.write(b"\n"))? {
                0 => Err(ErrorKind::WriteZero.into()),
                _ => Ok(()),
            },
            (Position::LineStart, Position::InsideLine) => {
                *done = bytes[..*done].iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn settle(&self, bytes: usize, lines: u64) {
        // The cast widens a count of bytes in memory.
        self.output.instruments.bytes.add(bytes as u64);
        self.output.queue.wrote(bytes, lines);
    }

    fn upkeep_failed(&self, errors: u64) {
        if errors > 0 {
            self.output.instruments.write_errors.add(errors);
            self.output.queue.upkeep_failed(errors);
        }
    }
}

struct GaveUp;

/// How many lines end in these bytes, which are a part of a chunk: in steps whose counts fit a byte, which the compiler does many bytes at a time.
fn count_lines(bytes: &[u8]) -> u64 {
    bytes.chunks(255).map(|chunk| u64::from(chunk.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>())).sum()
}

/// A disk is emptied and a pipe is read again; a closed pipe stays closed.
fn may_recover(error: ErrorKind) -> bool {
    matches!(error, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
