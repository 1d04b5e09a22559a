//! Why a collector is not registered.

use std::time::Duration;

use crate::error::InvalidValue;
use crate::metrics::definition::DefinitionError;

/// A collector that cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CollectorError {
    /// Its name breaks a rule.
    #[error(transparent)]
    Name(#[from] InvalidValue),
    /// The registry has a collector of that name.
    #[error("collector {name:?} is registered already: give one of them another name")]
    Taken {
        /// The name.
        name: String,
    },
    /// Nobody reads the registry, because the numbers go to a recorder of the host's.
    #[error(
        "collector {name:?} would never run, because the numbers go to a recorder of the host's: record what it measures with handles"
    )]
    NeverRuns {
        /// The name.
        name: String,
    },
    /// It asks another process, and there is no Tokio runtime to do so on.
    #[error("collector {name:?} needs a Tokio runtime: register it within one")]
    NoRuntime {
        /// The name.
        name: String,
    },
    /// What it gives would be too old to be shown before it may run again.
    #[error(
        "collector {name:?} may run every {interval:?}, but its values are shown for {fresh_for:?} only: let them stay longer than that"
    )]
    StaleBetweenRuns {
        /// The collector's name.
        name: String,
        /// The least time between two of its runs.
        interval: Duration,
        /// How long its values are shown.
        fresh_for: Duration,
    },
    /// The metrics that tell of collectors clash with others of the registry.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
}
