//! The file itself, as the writer's thread has it open.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::options::FileSink;
use super::rotated;
use crate::clock::Clock;
use crate::log::writer::target::{Position, Ready, Target};

/// How long a file that could not be rotated or replaced is written on before the next attempt. Chosen: soon for a
/// person who repairs it, and few lines that tell of it.
const RETRY: Duration = Duration::from_secs(10);

/// How long another process may take to end the line that it writes. Chosen: far longer than one write of 64 KiB takes.
const SECOND_LOOK: Duration = Duration::from_millis(5);

/// Owner and group: logs tell of customers, and agents that ship them are of the group.
const MODE: u32 = 0o640;

/// A log file that follows its name.
pub(in crate::log::writer) struct LogFile {
    options: FileSink,
    clock: Clock,
    open: Option<Open>,
    /// Until then the open file is taken as it is.
    resting_until: Option<Instant>,
}

impl LogFile {
    pub(in crate::log::writer) fn new(options: FileSink, clock: Clock) -> Self {
        Self { options, clock, open: None, resting_until: None }
    }

    /// Sees to it that what is open is what should be written to next; says how much of that went wrong.
    fn keep_up(&mut self, bytes: usize) -> io::Result<(&Open, u64)> {
        let mut errors = 0;
        if !self.is_resting() {
            errors += self.follow()?;
            errors += self.rotate_if_due(bytes);
            self.resting_until = (errors > 0).then(|| self.clock.now() + RETRY);
        }
        // Following has opened it, or failed.
        let open = self.open.as_ref().ok_or(ErrorKind::NotFound)?;
        Ok((open, errors))
    }

    fn is_resting(&self) -> bool {
        self.open.is_some() && self.resting_until.is_some_and(|until| self.clock.now() < until)
    }

    /// Opens what the name stands for, if that is not open already.
    fn follow(&mut self) -> io::Result<u64> {
        let path = &self.options.path;
        if self.open.as_mut().is_some_and(|open| open.is_still(path)) { Ok(0) } else { self.open_anew() }
    }

    /// A file that cannot be replaced is written on while anybody can still read it.
    fn open_anew(&mut self) -> io::Result<u64> {
        match Open::at(&self.options.path, self.clock.wall()) {
            Ok(open) => {
                self.open = Some(open);
                Ok(0)
            }
            Err(_) if self.open.as_ref().is_some_and(Open::has_a_name) => Ok(1),
            Err(error) => {
                self.open = None;
                Err(error)
            }
        }
    }

    fn rotate_if_due(&mut self, bytes: usize) -> u64 {
        let now = self.clock.wall();
        match &self.open {
            Some(open) if is_due(&self.options, open, bytes, now) => self.rotate(now),
            _ => 0,
        }
    }

    fn rotate(&mut self, now: SystemTime) -> u64 {
        // Behind a symbolic link it is the file that is rotated, not the link.
        let rotated = fs::canonicalize(&self.options.path).and_then(|file| {
            rotated::set_aside(&file, now)?;
            Ok(file)
        });
        let file = match rotated {
            Ok(file) => file,
            // Somebody else moved it away in between, which is as good.
            Err(error) if error.kind() == ErrorKind::NotFound => return self.open_anew().unwrap_or(1),
            Err(_) => return 1,
        };
        // What cannot be opened anew is written on under its new name.
        let opened = self.open_anew().unwrap_or(1);
        let deleted = self.options.keep.map_or(Ok(()), |keep| rotated::delete_oldest(&file, keep));
        opened + u64::from(deleted.is_err())
    }
}

/// A file is rotated between two lines, and only one that has lines.
fn is_due(options: &FileSink, open: &Open, bytes: usize, now: SystemTime) -> bool {
    if open.kind == Kind::Other || open.length == 0 || open.position != Position::LineStart {
        return false;
    }
    // The cast widens a count of bytes in memory.
    let too_large = options.at_bytes.is_some_and(|most| open.length.saturating_add(bytes as u64) > most);
    let too_old = options.every.is_some_and(|every| every.number(open.begun) < every.number(now));
    too_large || too_old
}

impl Target for LogFile {
    fn prepare(&mut self, bytes: usize) -> io::Result<Ready> {
        let (open, upkeep_errors) = self.keep_up(bytes)?;
        Ok(Ready { position: open.position, upkeep_errors })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let open = self.open.as_mut().ok_or(ErrorKind::NotFound)?;
        let taken = open.file.write(bytes)?;
        open.position = open.position.behind(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.resting_until = None;
        match self.open_anew()? {
            0 => Ok(()),
            _ => Err(ErrorKind::Other.into()),
        }
    }
}

/// Whether it makes sense to rotate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Regular,
    /// A pipe or a device.
    Other,
}

struct Open {
    file: File,
    /// Device and number: what the name has to stand for.
    identity: (u64, u64),
    kind: Kind,
    /// As it was when it was last looked at.
    length: u64,
    position: Position,
    /// When its lines begin, or when it was last written before this process.
    begun: SystemTime,
}

impl Open {
    fn at(path: &Path, now: SystemTime) -> io::Result<Self> {
        let file = append_to(path)?;
        let metadata = file.metadata()?;
        let kind = if metadata.is_file() { Kind::Regular } else { Kind::Other };
        let is_continued = kind == Kind::Regular && metadata.len() > 0;
        Ok(Self {
            file,
            identity: identity(&metadata),
            kind,
            length: metadata.len(),
            position: if is_continued { position_at_end(path) } else { Position::LineStart },
            begun: if is_continued { metadata.modified().unwrap_or(now) } else { now },
        })
    }

    /// Whether the path stands for this file.
    fn is_still(&mut self, path: &Path) -> bool {
        let Ok(metadata) = fs::metadata(path) else { return false };
        if self.length > metadata.len() {
            // It was truncated, so that the next byte is a line's first.
            self.position = Position::LineStart;
        }
        self.length = metadata.len();
        self.identity == identity(&metadata)
    }

    fn has_a_name(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(MODE);
    match (options.open(path), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            options.open(path)
        }
        (opened, _) => opened,
    }
}

/// Whether a process that was killed left a part of a line. Another one that is in the midst of a write ends its line
/// before the second look. A file that may not be read is taken to be whole.
fn position_at_end(path: &Path) -> Position {
    let look = || {
        let mut last = [b'\n'];
        let _ = File::open(path).and_then(|file| file.read_at(&mut last, file.metadata()?.len().saturating_sub(1)));
        Position::LineStart.behind(&last)
    };
    match look() {
        Position::LineStart => Position::LineStart,
        Position::InsideLine => {
            std::thread::sleep(SECOND_LOOK);
            look()
        }
    }
}
