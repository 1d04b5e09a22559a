//! Why nothing can be exported.

use std::io;

use crate::error::InvalidValue;
use crate::metrics::DefinitionError;
use crate::transport::EndpointError;

/// Why an export could not be set up. No variant shows a header's value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// A setting, from code or from the environment, breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// The collector cannot be spoken to as it is named.
    #[error("{setting} names no collector that can be spoken to")]
    Endpoint {
        /// The setting or variable that names it.
        setting: &'static str,
        /// What is wrong with it.
        source: EndpointError,
    },
    /// The collector's certificate cannot be read.
    #[error("the file that {setting} names cannot be read")]
    Certificate {
        /// The variable that names the file.
        setting: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The export's metrics clash with registered ones.
    #[error("the metrics of the export cannot be registered")]
    Metrics(#[from] DefinitionError),
    /// The system gave no thread or runtime to export on.
    #[error("the thread that exports cannot be started: allow the process one more thread")]
    Spawn(#[source] io::Error),
}
