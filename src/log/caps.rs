//! How long lines and their strings may become.

use crate::error::InvalidValue;

/// How long a line and each string in it may become, in bytes of JSON.
///
/// What is longer is cut between characters, and the line says so: see the [module](super).
///
/// ```
/// use aistm7_monitoring::log::{Caps, LogOptions};
///
/// // An agent that reads files, not the standard output of a container, takes longer lines.
/// let caps = Caps::new().line_bytes(256 * 1024).string_bytes(64 * 1024);
/// let options = LogOptions::new("risk-analysis").caps(caps);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    pub(super) line: usize,
    pub(super) string: usize,
}

impl Caps {
    /// 16,000 bytes. Container runtimes split lines at 16 KiB (16,384) and add a frame of their own, so this keeps a
    /// margin.
    pub const DEFAULT_LINE_BYTES: usize = 16_000;

    /// 1,000,000 bytes. CloudWatch Logs takes events of 1,048,576 bytes, 26 of them its own; agents add a frame too.
    pub const MAX_LINE_BYTES: usize = 1_000_000;

    /// 2,048 bytes: what every line says takes 300 of them.
    pub const MIN_LINE_BYTES: usize = 2_048;

    /// 4 KiB. Chosen: three such strings and the message fit into a line of the default length.
    pub const DEFAULT_STRING_BYTES: usize = 4 * 1024;

    /// 64 bytes: the longest number, and all that is written in place of a value, are shorter.
    pub const MIN_STRING_BYTES: usize = 64;

    /// The defaults.
    pub const fn new() -> Self {
        Self { line: Self::DEFAULT_LINE_BYTES, string: Self::DEFAULT_STRING_BYTES }
    }

    /// The longest line, its newline included: [`Caps::MIN_LINE_BYTES`] to [`Caps::MAX_LINE_BYTES`]. A log's budget
    /// must have room for four such lines.
    #[must_use]
    pub const fn line_bytes(self, line: usize) -> Self {
        Self { line, ..self }
    }

    /// The longest string, message or structured value: [`Caps::MIN_STRING_BYTES`] to a third of a line.
    #[must_use]
    pub const fn string_bytes(self, string: usize) -> Self {
        Self { string, ..self }
    }

    pub(super) fn check(self) -> Result<(), InvalidValue> {
        if !(Self::MIN_LINE_BYTES..=Self::MAX_LINE_BYTES).contains(&self.line) {
            return Err(InvalidValue::new("log line cap in bytes", self.line, "2048 to 1000000"));
        }
        if !(Self::MIN_STRING_BYTES..=self.line / 3).contains(&self.string) {
            return Err(InvalidValue::new("log string cap in bytes", self.string, "64 to a third of the line cap"));
        }
        Ok(())
    }

    /// For a backtrace: it, the longest string and what every line says fit into a line together.
    pub(super) const fn backtrace(self) -> usize {
        self.line / 2
    }
}

impl Default for Caps {
    fn default() -> Self {
        Self::new()
    }
}
