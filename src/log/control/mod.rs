//! What an operator decides while the log runs, and what the log tells of itself when asked.

mod levels;
mod reverting;

#[cfg(test)]
mod tests;

pub use levels::{CurrentLevels, Levels, LevelsError};
