//! How a log is set up.

use std::io;

use super::caps::Caps;
use super::control::Repeats;
use super::filter::Directives;
use super::redaction::Redaction;
use super::rules::Rules;
use super::writer::Sink;
use crate::clock::Clock;
use crate::error::InvalidValue;
use crate::metrics::DefinitionError;

/// What a log is called, where it goes and what it may use.
#[derive(Debug)]
pub struct LogOptions {
    pub(super) service: String,
    pub(super) clock: Clock,
    pub(super) format: Format,
    pub(super) colour: Colour,
    pub(super) sinks: Vec<Sink>,
    pub(super) directives: Directives,
    pub(super) budget_bytes: usize,
    pub(super) rules: Rules,
    pub(super) repeats: Option<Repeats>,
}

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// [`Format::Text`] when the sink is a terminal, else [`Format::Json`].
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For a person: time, level, message, `key=value`, the start of the trace id. Values keep their escapes, so none
    /// can send the terminal a command.
    Text,
}

/// Whether the level of a text line is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Colour {
    /// When the sink is a terminal.
    #[default]
    Auto,
    /// Never, as `NO_COLOR` asks for.
    Never,
}

impl LogOptions {
    /// 8 MiB: a burst of some 20,000 ordinary lines while the sink takes none. Measured: 600,000 lines in a row from one
    /// thread pass without a drop when the sink is the null device.
    pub const DEFAULT_BUDGET_BYTES: usize = 8 * 1024 * 1024;

    /// 64 KiB: the half of it that INFO may fill holds two of the longest lines, as those are by default.
    pub const MIN_BUDGET_BYTES: usize = 64 * 1024;

    /// A log of `service`: on standard output, JSON unless that is a terminal, INFO and above, 8 MiB of buffer.
    pub fn new(service: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            clock: Clock::system(),
            format: Format::default(),
            colour: Colour::default(),
            sinks: vec![Sink::default()],
            directives: Directives::default(),
            budget_bytes: Self::DEFAULT_BUDGET_BYTES,
            rules: Rules::default(),
            repeats: None,
        }
    }

    /// Where timestamps come from.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// How lines look.
    #[must_use]
    pub fn format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// Whether text lines are coloured.
    #[must_use]
    pub fn colour(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }

    /// Where lines go, in place of standard output and of all that was set before.
    #[must_use]
    pub fn sink(self, sink: Sink) -> Self {
        Self { sinks: vec![sink], ..self }
    }

    /// Where every line goes as well.
    ///
    /// Each sink has a buffer of the whole budget, a thread and an account of its own, so one that stands still costs the
    /// others nothing. What is written and lost is counted for each: of a line that two sinks took, two are written.
    #[must_use]
    pub fn also(mut self, sink: Sink) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Which lines are written.
    #[must_use]
    pub fn directives(self, directives: Directives) -> Self {
        Self { directives, ..self }
    }

    /// How long lines and their strings may become.
    #[must_use]
    pub fn caps(mut self, caps: Caps) -> Self {
        self.rules.caps = caps;
        self
    }

    /// What is hidden besides what the built-in rules for names hide.
    #[must_use]
    pub fn redaction(mut self, redaction: Redaction) -> Self {
        self.rules.redaction = redaction;
        self
    }

    /// How often a callsite may repeat itself. Default: as often as it likes.
    #[must_use]
    pub fn repeats(self, repeats: Repeats) -> Self {
        Self { repeats: Some(repeats), ..self }
    }

    /// How many bytes of lines may wait for each sink, at least [`LogOptions::MIN_BUDGET_BYTES`] and four lines of the
    /// longest kind. DEBUG and INFO may fill half of it, WARN three quarters, ERROR all.
    #[must_use]
    pub fn budget_bytes(self, budget_bytes: usize) -> Self {
        Self { budget_bytes, ..self }
    }
}

/// Why a log could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A setting breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// The log's metrics clash with registered ones.
    #[error("the log's metrics cannot be registered")]
    Metrics(#[from] DefinitionError),
    /// The system gave no thread to write on.
    #[error("the log's writer thread cannot be started: allow the process one more thread")]
    Spawn(#[source] io::Error),
}
