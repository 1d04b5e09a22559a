//! Batch jobs: when they ran and must have run again, how they ended, how far they are.
//!
//! ```text
//! Timer (RAII) -> Runs: BatchOutcome, started, last success -> deadline (moves forward on success only)
//! items        -> counters by outcome -> what this run has done of what it expects -> progress, time left
//! ```

#[cfg(feature = "schedule")]
mod cron;
mod outcome;
mod progress;
mod runs;
#[cfg(feature = "schedule")]
mod schedule;
#[cfg(feature = "terminal")]
mod terminal;
#[cfg(test)]
mod tests;

pub use outcome::BatchOutcome;
pub use progress::BatchProgress;
pub use runs::Batches;
#[cfg(feature = "schedule")]
pub use schedule::Schedule;
#[cfg(feature = "terminal")]
pub use terminal::TerminalProgress;
