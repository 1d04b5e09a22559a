//! What can be wrong with a list of checks.

use crate::error::InvalidValue;
use crate::metrics::DefinitionError;

/// Why health could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// A check's name breaks the rule of names.
    #[error(transparent)]
    InvalidName(#[from] InvalidValue),
    /// A check's name is that of an answer under `/health/`.
    #[error("check name {name:?} is taken by /health/{name}: give the check another name")]
    ReservedName {
        /// The name.
        name: String,
    },
    /// Two checks have one name.
    #[error("check name {name:?} is given twice: give one of the checks another name")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A setting of a check breaks a rule.
    #[error("check {check:?} cannot run as set: {invalid}")]
    InvalidOption {
        /// The check's name.
        check: String,
        /// Which setting, and its rule.
        invalid: InvalidValue,
    },
    /// The metrics of the checks clash with others of the registry.
    #[error("the metrics of the checks cannot be registered")]
    Metrics(#[from] DefinitionError),
    /// There are checks and nothing to drive them.
    #[error("checks need a Tokio runtime to run on: build inside one, such as below #[tokio::main]")]
    NoRuntime,
    /// The system gave no thread for the schedule.
    #[error("the thread that schedules the checks cannot be started")]
    Thread(#[source] std::io::Error),
}
