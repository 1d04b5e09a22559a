//! Standard output and standard error, as the process has them at each write.

use std::io::{self, Write};

/// Standard output.
///
/// It is locked anew for every write, so no line is mixed with one of the host's `println!`, and both stay possible.
/// The write goes past [`io::Stdout`], which keeps a buffer and says of a closed descriptor that it took everything.
pub(super) struct StandardOutput;

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(io::stdout().lock(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard error, as [`StandardOutput`].
pub(super) struct StandardError;

impl Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(io::stderr().lock(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
