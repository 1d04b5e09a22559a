//! Why nobody can be told.

use std::io;
use std::path::PathBuf;

use crate::error::InvalidValue;
use crate::metrics::DefinitionError;

/// Why a delivery could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// A name or a setting breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// A route or a fallback names a destination that there is not.
    #[error("{wanted_by} names the destination {name:?}, which there is not: add it with `destination`")]
    UnknownDestination {
        /// The name.
        name: String,
        /// What names it.
        wanted_by: &'static str,
    },
    /// No alert would go anywhere.
    #[error("there is no route: add one with `route`, such as those of Route::of_the_guide")]
    NoRoute,
    /// Several replicas would each tell the same, and the first for which it is over would say that it is over.
    #[error(
        "{destination:?} believes the last that speaks, so several replicas cannot each tell it: push to an Alertmanager, share a lease (Replicas::Leased), or run one replica"
    )]
    NeedsOneReplica {
        /// The name of the destination.
        destination: String,
    },
    /// A lease is asked for on the runtime that this is called in, and there is none.
    #[error("a lease needs a Tokio runtime: build the delivery inside of one")]
    NoRuntime,
    /// The spool cannot be used.
    #[error("the spool {} cannot be used: it must be a file of its own that can be written, for one process", path.display())]
    Spool {
        /// Its path.
        path: PathBuf,
        /// What the system said: `WouldBlock` if another process has it, `InvalidData` if the file is no spool.
        source: io::Error,
    },
    /// The delivery's metrics clash with registered ones.
    #[error("the metrics of alerts cannot be registered")]
    Metrics(#[from] DefinitionError),
    /// The system gave no thread or runtime to tell people on.
    #[error("a thread that tells people of alerts cannot be started: allow the process one more for each destination")]
    Spawn(#[source] io::Error),
}
