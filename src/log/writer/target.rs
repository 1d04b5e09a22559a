//! What a writer's thread writes to: anything that takes bytes, kept from panicking and from gluing lines together.

use std::io::{self, ErrorKind, Write};

use crate::fence::fenced;

/// Where bytes go. It is called by one thread, which may wait for it.
pub(super) trait Target: Send {
    /// Makes ready for the next `bytes`, which are whole lines or the rest of one.
    fn prepare(&mut self, bytes: usize) -> io::Result<Ready>;

    /// Takes some of the bytes, as [`Write::write`] does.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    fn flush(&mut self) -> io::Result<()>;

    /// Opens anew what its name stands for now.
    fn reopen(&mut self) -> io::Result<()>;
}

/// Where the next byte will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    LineStart,
    /// Behind the part of a line.
    InsideLine,
}

impl Position {
    /// Where one stands behind these bytes.
    pub(super) fn behind(self, bytes: &[u8]) -> Self {
        match bytes.last() {
            None => self,
            Some(b'\n') => Self::LineStart,
            Some(_) => Self::InsideLine,
        }
    }
}

/// A target that takes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) position: Position,
    /// What went wrong while it was made ready and costs no line, such as a file that could not be rotated.
    pub(super) upkeep_errors: u64,
}

/// A target that is there once and for all.
pub(super) struct Stream<W> {
    writer: W,
    position: Position,
}

impl<W> Stream<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer, position: Position::LineStart }
    }
}

impl<W: Write + Send> Target for Stream<W> {
    fn prepare(&mut self, _: usize) -> io::Result<Ready> {
        Ok(Ready { position: self.position, upkeep_errors: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.writer.write(bytes)?.min(bytes.len());
        self.position = self.position.behind(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }

    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A target whose panics are errors, also when it is dropped.
pub(super) struct Fenced(Option<Box<dyn Target>>);

impl Fenced {
    pub(super) fn new(target: Box<dyn Target>) -> Self {
        Self(Some(target))
    }

    /// Calls the target.
    pub(super) fn call<R>(&mut self, call: impl FnOnce(&mut dyn Target) -> io::Result<R>) -> io::Result<R> {
        let Some(target) = &mut self.0 else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        fenced(|| call(target.as_mut())).unwrap_or_else(|| Err(ErrorKind::Other.into()))
    }
}

impl Drop for Fenced {
    fn drop(&mut self) {
        let target = self.0.take();
        let _ = fenced(move || drop(target));
    }
}
