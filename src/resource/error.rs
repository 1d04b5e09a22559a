//! Why the numbers of the surroundings cannot be had.

use crate::error::InvalidValue;
use crate::metrics::{CollectorError, DefinitionError};

/// What can keep the numbers of a service's surroundings from being registered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// The name of a credential breaks a rule.
    #[error(transparent)]
    Name(#[from] InvalidValue),
    /// A metric of ours clashes with another of the registry.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// A collector of ours clashes with another of the registry.
    #[error(transparent)]
    Collector(#[from] CollectorError),
}
