//! Where lines go.

use std::fmt;
use std::io::{self, IsTerminal, Write};

/// Where a log writes its lines.
#[derive(Default)]
#[non_exhaustive]
pub enum Sink {
    /// The process's standard output, as containers expect it.
    #[default]
    Stdout,
    /// The process's standard error.
    Stderr,
    /// Anything else. It is called on the log's own thread with up to 64 KiB of whole lines at a time; it may block,
    /// fail or panic. What it logs itself is dropped and counted.
    Writer(Box<dyn Write + Send>),
}

impl Sink {
    pub(in crate::log) fn is_terminal(&self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
            Self::Writer(_) => false,
        }
    }

    pub(in crate::log) fn into_writer(self) -> Box<dyn Write + Send> {
        // Standard output is locked anew for every write, so the host's own `println!` stays possible.
        match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::Stderr => Box::new(io::stderr()),
            Self::Writer(writer) => writer,
        }
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdout => "Stdout",
            Self::Stderr => "Stderr",
            Self::Writer(_) => "Writer",
        })
    }
}
