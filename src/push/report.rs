//! What became of a run.

use super::error::PushError;

/// The job's own result, and what became of its two pushes.
///
/// ```
/// # use aistm7_monitoring::push::JobReport;
/// fn done(report: JobReport<(), std::io::Error>) -> std::io::Result<()> {
///     if let Err(lost) = &report.at_end {
///         eprintln!("nobody will hear of this run: {lost}");
///     }
///     report.result
/// }
/// ```
#[derive(Debug)]
#[must_use = "it holds the job's own result"]
#[non_exhaustive]
pub struct JobReport<T, E> {
    /// What the job returned.
    pub result: Result<T, E>,
    /// Whether the start was pushed.
    pub at_start: Result<(), PushError>,
    /// Whether the end was pushed.
    pub at_end: Result<(), PushError>,
}
