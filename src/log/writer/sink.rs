//! Where lines go.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use super::file::{FileSink, LogFile};
use super::standard::{StandardError, StandardOutput};
use super::target::{Stream, Target};
use crate::clock::Clock;
use crate::error::InvalidValue;

/// Where a log writes its lines.
#[derive(Default)]
#[non_exhaustive]
pub enum Sink {
    /// The process's standard output, as containers expect it.
    #[default]
    Stdout,
    /// The process's standard error.
    Stderr,
    /// A file, rotated if asked for.
    File(FileSink),
    /// Anything else. It is called on the log's own thread with up to 64 KiB of whole lines at a time, or one longer
    /// line; it may block, fail or panic. What it logs itself is dropped and counted.
    Writer(Box<dyn Write + Send>),
}

impl Sink {
    /// The value of the `sink` label.
    pub(in crate::log) const fn as_str(&self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::File(_) => "file",
            Self::Writer(_) => "writer",
        }
    }

    pub(in crate::log) fn check(&self) -> Result<(), InvalidValue> {
        match self {
            Self::File(file) => file.check(),
            Self::Stdout | Self::Stderr | Self::Writer(_) => Ok(()),
        }
    }

    pub(in crate::log) fn is_terminal(&self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
            Self::File(_) | Self::Writer(_) => false,
        }
    }

    pub(super) fn into_target(self, clock: Clock) -> Box<dyn Target> {
        match self {
            Self::Stdout => Box::new(Stream::new(StandardOutput)),
            Self::Stderr => Box::new(Stream::new(StandardError)),
            Self::File(options) => Box::new(LogFile::new(options, clock)),
            Self::Writer(writer) => Box::new(Stream::new(writer)),
        }
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
            other => f.write_str(other.as_str()),
        }
    }
}
