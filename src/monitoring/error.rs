//! What can keep a `Monitoring` from being built or served.

use std::net::SocketAddr;

use crate::error::InvalidValue;
use crate::metrics::DefinitionError;

/// Why [`MonitoringBuilder::build`](super::MonitoringBuilder::build) refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A name, address or other value, from code or from the environment, breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// A metric's definition breaks a rule or clashes with another.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// An option of the request metrics breaks a rule.
    #[cfg(feature = "http")]
    #[error(transparent)]
    Http(#[from] crate::http::HttpOptionsError),
    /// There is no recorder to report to.
    #[cfg(feature = "metrics-exporter-prometheus")]
    #[error(
        "report_to names the global recorder of the metrics facade and there is none: install the exporter before build, or give its recorder to report_to"
    )]
    NoRecorder,
    /// A setting needs the numbers that another sends away.
    #[cfg(feature = "metrics-exporter-prometheus")]
    #[error(
        "{setting} needs the numbers in our own registry and report_to sends them to the host's recorder: leave out one of the two"
    )]
    NeedsRegistry {
        /// The builder's method that set it.
        setting: &'static str,
    },
    /// The steps of the way out do not fit the platform's termination grace.
    #[error(
        "the drain delay of {drain_delay:?} does not fit the termination grace of {termination_grace:?}: shorten one or lengthen the other"
    )]
    DrainDelay {
        /// How long requests would still be served.
        drain_delay: std::time::Duration,
        /// When the platform kills the process.
        termination_grace: std::time::Duration,
    },
    /// Names of labels break a rule.
    #[cfg(feature = "business")]
    #[error(transparent)]
    Declare(#[from] crate::business::DeclareError),
    /// The checks could not be started.
    #[cfg(feature = "health")]
    #[error(transparent)]
    Health(#[from] crate::health::HealthError),
    /// The log could not be started.
    #[cfg(feature = "log")]
    #[error(transparent)]
    Log(#[from] crate::log::LogError),
    /// The numbers of the surroundings cannot be had.
    #[cfg(feature = "resource")]
    #[error(transparent)]
    Resource(#[from] crate::resource::ResourceError),
    /// The export could not be set up.
    #[cfg(feature = "otlp")]
    #[error(transparent)]
    Otlp(#[from] crate::otlp::OtlpError),
}

/// Why a listener could not be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: choose a free port and an address of this machine")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address is none.
    #[error(transparent)]
    Address(#[from] InvalidValue),
    /// The process cannot listen for SIGTERM and SIGINT.
    #[error("cannot listen for SIGTERM and SIGINT")]
    Signals(#[source] std::io::Error),
}
