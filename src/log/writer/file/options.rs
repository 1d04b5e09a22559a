//! How a log file is set up.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::error::InvalidValue;
use crate::log::writer::CHUNK_BYTES;

/// A file that a log is appended to.
///
/// - It is created when there is a first line, with the folders that are missing, readable by its owner and group.
/// - Before each write the log looks whether the name still means this file. So a file that was moved or removed is
///   followed by a new one without a signal, one that was truncated is written on from its start, and of several
///   processes with one file, each follows the one that rotated it. A symbolic link stays where it is.
/// - What is rotated is renamed to `name.20250122T103000.123Z`, the UTC time of the rotation, and no file is ever
///   replaced by that. Pipes and devices are written to and never rotated.
/// - A line is never divided between two files, nor glued to one that a killed process left behind.
/// - A full disk is waited for. A file that cannot be opened costs the lines meanwhile, counted as `io_error`. One that
///   cannot be rotated or replaced is written on, counted in `log_write_errors_total` and told in the log, and tried again
///   after ten seconds.
///
/// Lines are handed to the system, so they survive the process, not the machine.
///
/// ```
/// use aistm7_monitoring::log::{Every, FileSink, Log, LogOptions, Sink};
/// use aistm7_monitoring::metrics::{Meter, Registry};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("orders.log");
/// let file = FileSink::new(&path).rotate_at_bytes(100 * 1024 * 1024).rotate_every(Every::Day).keep(14);
/// let log = Log::start(LogOptions::new("orders").sink(Sink::File(file)), &Meter::new(&Registry::new()))?;
/// log.emit(tracing::Level::INFO, "started", &[]);
/// drop(log);
/// assert!(std::fs::read_to_string(path)?.ends_with("\"details\":{}}\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSink {
    pub(super) path: PathBuf,
    pub(super) at_bytes: Option<u64>,
    pub(super) every: Option<Every>,
    pub(super) keep: Option<usize>,
}

/// When a log file is old, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Every {
    /// At each full hour.
    Hour,
    /// At each midnight.
    Day,
}

impl Every {
    /// The number of the hour or day. Times before 1970 are in the first.
    pub(super) fn number(self, wall: SystemTime) -> u64 {
        let length: u64 = match self {
            Self::Hour => 3_600,
            Self::Day => 86_400,
        };
        wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs() / length
    }
}

impl FileSink {
    /// 64 KiB: what is written at once fits, so a file is only ever larger if one line is.
    // The cast widens a small constant.
    pub const MIN_ROTATE_BYTES: u64 = CHUNK_BYTES as u64;

    /// A file that grows on. What rotates it from outside may move it or remove it; see
    /// [`Log::reopen`](crate::log::Log::reopen) for what else it may want.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), at_bytes: None, every: None, keep: None }
    }

    /// Rotates before the file would be larger than this, at least [`FileSink::MIN_ROTATE_BYTES`]. Default: never.
    #[must_use]
    pub fn rotate_at_bytes(self, bytes: u64) -> Self {
        Self { at_bytes: Some(bytes), ..self }
    }

    /// Rotates before the first line of a new hour or day. Default: never.
    #[must_use]
    pub fn rotate_every(self, every: Every) -> Self {
        Self { every: Some(every), ..self }
    }

    /// Deletes the oldest rotated files beyond this many, after each rotation. Default: all are kept. Only names that a
    /// rotation gives are looked at, so what was compressed or renamed since stays.
    #[must_use]
    pub fn keep(self, files: usize) -> Self {
        Self { keep: Some(files), ..self }
    }

    pub(in crate::log) fn check(&self) -> Result<(), InvalidValue> {
        if self.path.file_name().is_none() {
            return Err(InvalidValue::new("log file", self.path.display(), "a path that ends in a file's name"));
        }
        match self.at_bytes {
            Some(bytes) if bytes < Self::MIN_ROTATE_BYTES => {
                Err(InvalidValue::new("size of a log file in bytes", bytes, "at least 65536"))
            }
            _ => Ok(()),
        }
    }
}
