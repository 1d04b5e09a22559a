//! A log in a file: opened when there is something to write, followed by its name, rotated by size and time.
//!
//! ```text
//! before each write: is the name still our file? -> no: open anew (moved, removed, or never opened)
//!                    at a line's start, too large or too old? -> rename to name.<UTC time>, open anew, delete the oldest
//! ```

mod log_file;
mod options;
mod rotated;

#[cfg(test)]
mod tests;

pub(super) use log_file::LogFile;
pub use options::{Every, FileSink};
