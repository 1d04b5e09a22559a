//! What a log's handle, its layers and its writer share.

use tracing::Level;

use super::encode::{self, Recorded};
use super::escape::Fit;
use super::fields::Fields;
use super::instruments::Instruments;
use super::line::{Head, Layout};
use super::scratch::{self, Scratch};
use super::visitor::insert_text;
use super::writer::{DropReason, Queue, Untold};
use crate::clock::Clock;
use crate::diagnostics::Diagnostics;
use crate::redact::{REDACTED, is_sensitive_name};
use crate::trace::{self, TraceId};

/// Makes lines and hands them to the queue. It does not keep the writer alive: only the log's handles do.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) layout: Layout,
    pub(super) clock: Clock,
    pub(super) queue: Queue,
    pub(super) instruments: Instruments,
    pub(super) diagnostics: Diagnostics,
}

impl Core {
    /// Makes a line of the scratch's message and fields and hands it over.
    pub(super) fn submit(&self, level: Level, trace: Option<TraceId>, scratch: &mut Scratch) -> Result<(), DropReason> {
        self.compose(level, trace, scratch);
        let pushed = self.queue.push(level, &scratch.line);
        if let Err(reason) = pushed {
            self.instruments.dropped(reason).increment();
        }
        pushed
    }

    /// A line of our own, in the ambient trace.
    pub(super) fn emit(&self, level: Level, message: &str, details: &[(&str, &str)]) {
        // What is dropped is counted.
        let _ = self.emit_with(level, message, |fields| {
            for (name, value) in details {
                insert_text(fields, name, if is_sensitive_name(name) { REDACTED } else { value });
            }
        });
    }

    /// As [`Core::emit`], with any fields.
    pub(super) fn emit_with(
        &self,
        level: Level,
        message: &str,
        fill: impl FnOnce(&mut Fields),
    ) -> Result<(), DropReason> {
        let trace = trace::current().map(|context| context.trace_id());
        scratch::with(|scratch| {
            scratch.message.set(&Recorded::Text(message));
            fill(&mut scratch.fields);
            self.submit(level, trace, scratch)
        })
    }

    /// The line that tells of dropped lines. For the writer, which puts it into its batch.
    pub(super) fn tell(&self, untold: Untold, batch: &mut Vec<u8>) {
        scratch::with(|scratch| {
            scratch.message.set(&Recorded::Text("log lines were dropped"));
            for (reason, count) in
                [(DropReason::BufferFull, untold.buffer_full), (DropReason::IoError, untold.io_error)]
            {
                if count > 0 {
                    scratch.fields.insert(reason.as_str(), |out| encode::value(out, &Recorded::U64(count)));
                }
            }
            self.compose(Level::WARN, None, scratch);
            batch.extend_from_slice(&scratch.line);
        });
    }

    fn compose(&self, level: Level, trace: Option<TraceId>, scratch: &mut Scratch) {
        let head = Head { wall: self.clock.wall(), level, trace };
        if self.layout.compose(head, scratch) == Fit::Cut {
            self.instruments.truncated.increment();
        }
        self.instruments.lines(level).increment();
    }
}
