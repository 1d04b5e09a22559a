//! What a log's handle, its layers and its writer share.

use std::time::{Duration, SystemTime};

use tracing::{Event, Level};

use super::callsite::{Site, Sites};
use super::control::{Limiter, Source, Summary, Tallies};
use super::encode::Recorded;
use super::escape::Fit;
use super::fields::Fields;
use super::instruments::Instruments;
use super::line::Head;
use super::output::Output;
use super::rules::Rules;
use super::scratch::{self, Message, Scratch};
use super::visitor::{Own, Visitor};
use super::writer::{DropReason, Flushed, Untold};
use crate::clock::Clock;
use crate::diagnostics::Diagnostics;
use crate::trace::{self, TraceId};

/// Makes lines and hands them to the queues. It does not keep the writer alive: only the log's handles do.
#[derive(Debug)]
pub(super) struct Core {
    /// At least one; those of one layout stand together, so that a line is put together once for all of them.
    pub(super) outputs: Vec<Output>,
    pub(super) rules: Rules,
    pub(super) sites: Sites,
    pub(super) clock: Clock,
    pub(super) instruments: Instruments,
    /// `None` if callsites may repeat themselves as they like.
    pub(super) limiter: Option<Limiter>,
    pub(super) tallies: Tallies,
    pub(super) diagnostics: Diagnostics,
}

impl Core {
    /// Takes down fields under this log's rules.
    pub(super) fn visitor<'a>(
        &'a self,
        site: &'a Site,
        fields: &'a mut Fields,
        message: &'a mut Message,
    ) -> Visitor<'a> {
        Visitor { site, rules: &self.rules, fields, message, diagnostics: &self.diagnostics }
    }

    /// Makes a line of the scratch's message and fields and hands it over. An error says that no output took it.
    pub(super) fn submit(&self, head: Head, scratch: &mut Scratch) -> Result<(), DropReason> {
        let (mut fit, mut taken, mut composed) = (Fit::Whole, Err(DropReason::Stopped), None);
        for output in &self.outputs {
            if composed != Some(&output.layout) {
                scratch.line.clear();
                if output.layout.compose(head, scratch, self.rules.caps.line) == Fit::Cut {
                    fit = Fit::Cut;
                }
                composed = Some(&output.layout);
            }
            let pushed = output.push(head.level, &scratch.line);
            taken = taken.or(pushed);
        }
        self.count(head, fit);
        taken
    }

    /// Counts why an event is a line.
    pub(super) fn note(&self, event: &Event<'_>, wall: SystemTime, message: &Message, fields: &Fields) {
        if *event.metadata().level() <= Level::WARN {
            self.tallies.noted(&Source::of(event), wall, &message.bytes, fields);
        }
    }

    /// What was counted lately.
    pub(super) fn summary(&self) -> Summary {
        self.tallies.summary(self.clock.wall())
    }

    /// Waits until every output has taken the lines accepted so far, at most for `deadline`, and adds their accounts up.
    pub(super) fn flush(&self, deadline: Duration) -> Flushed {
        self.outputs.iter().for_each(|output| output.queue.hurry());
        self.in_turn(deadline, |output, left| output.queue.flush(left).0).sum()
    }

    /// As [`Core::flush`], but waits for no output that stood still the last time.
    pub(super) fn flush_unless_stalled(&self, deadline: Duration) {
        self.outputs.iter().for_each(|output| output.queue.hurry());
        self.in_turn(deadline, Output::flush_unless_stalled).for_each(drop);
    }

    /// Takes no more lines and waits for those accepted, at most for `deadline`.
    pub(super) fn stop(&self, deadline: Duration) {
        self.end_holding_back();
        self.outputs.iter().for_each(|output| output.queue.close());
        self.in_turn(deadline, Output::stop).for_each(drop);
    }

    /// Does something with one output after the other, which work meanwhile, each with what is left of the time.
    fn in_turn<R>(&self, time: Duration, work: impl Fn(&Output, Duration) -> R) -> impl Iterator<Item = R> {
        let until = self.clock.now() + time;
        self.outputs.iter().map(move |output| work(output, until.saturating_duration_since(self.clock.now())))
    }

    /// A line of our own, in the ambient trace.
    pub(super) fn emit(&self, level: Level, message: &str, details: &[(&str, &str)]) {
        let trace = trace::current().map(|context| context.trace_id());
        // What is dropped is counted.
        let _ = self.emit_with(level, message, trace, |own| {
            for (name, value) in details {
                own.text(name, value);
            }
        });
    }

    /// As [`Core::emit`], with any trace and fields.
    pub(super) fn emit_with(
        &self,
        level: Level,
        message: &str,
        trace: Option<TraceId>,
        fill: impl FnOnce(&mut Own<'_>),
    ) -> Result<(), DropReason> {
        scratch::with(|scratch| {
            scratch.message.set(&Recorded::Text(message), &self.rules);
            fill(&mut Own { fields: &mut scratch.fields, rules: &self.rules });
            let source = Source::own(level, message);
            let head = Head { wall: self.clock.wall(), level, trace };
            self.tallies.noted(&source, head.wall, &scratch.message.bytes, &scratch.fields);
            self.submit(head, scratch)
        })
    }

    /// The line that tells an output's readers of its trouble. For its writer, which puts it into its batch.
    pub(super) fn tell(&self, output: &Output, untold: Untold, batch: &mut Vec<u8>) {
        let dropped = untold.buffer_full + untold.io_error;
        scratch::with(|scratch| {
            let message = if dropped > 0 { "log lines were dropped" } else { "log file was not rotated or replaced" };
            scratch.message.set(&Recorded::Text(message), &self.rules);
            let mut own = Own { fields: &mut scratch.fields, rules: &self.rules };
            for (name, count) in [
                (DropReason::BufferFull.as_str(), untold.buffer_full),
                (DropReason::IoError.as_str(), untold.io_error),
                ("upkeep_errors", untold.upkeep_errors),
            ] {
                if count > 0 {
                    own.count(name, count);
                }
            }
            let head = Head { wall: self.clock.wall(), level: Level::WARN, trace: None };
            let fit = output.layout.compose(head, scratch, self.rules.caps.line);
            self.count(head, fit);
            self.tallies.noted(&Source::own(head.level, message), head.wall, message.as_bytes(), &scratch.fields);
            batch.extend_from_slice(&scratch.line);
        });
    }

    fn count(&self, head: Head, fit: Fit) {
        if fit == Fit::Cut {
            self.instruments.truncated.increment();
        }
        self.instruments.lines(head.level).increment();
        self.tallies.made(head.level, head.wall);
    }
}
