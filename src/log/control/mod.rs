//! What an operator decides while the log runs, and what the log tells of itself when asked.
//!
//! ```text
//! Levels   -> filter of the layer: which callsites are enabled; taken back by a thread when the time is over
//! event    -> Limiter: does it repeat itself? -> told later, by a thread
//!     '----> Tallies: counted by level, callsite and reason -> Summary
//! ```

mod hours;
mod levels;
mod limiter;
mod repeats;
mod reverting;
mod source;
mod summary;
mod tallies;

#[cfg(test)]
mod tests;

pub use levels::{CurrentLevels, Levels, LevelsError};
pub(super) use limiter::{Bucket, Limiter, start_telling};
pub use repeats::Repeats;
pub(super) use source::Source;
pub use summary::{Reason, Site, Summary};
pub(super) use tallies::Tallies;
