//! The Tokio runtime: what its workers do, and which of them is kept from doing it.
//!
//! What stable Tokio tells of itself is enough to say how busy each worker is, how much waits and which worker does not
//! come back. How long the workers' own queues are and what the threads for blocking do it tells only with
//! `tokio_unstable`, and so the time of all polls; that of a service's own kinds of task is measured around them.

mod instruments;
mod progress;
mod task;
mod watch;

use tokio::runtime::Handle;

use self::instruments::RuntimeFamilies;
pub(super) use self::instruments::StallInstruments;
pub(super) use self::task::TaskFamily;
pub use self::task::{MeasuredTask, TaskKind};
pub(super) use self::watch::Watch;
use super::error::ResourceError;
use crate::metrics::{CollectFailure, Collection, Meter};

/// Registers the collector of a runtime.
pub(super) fn register(meter: &Meter, runtime: &Handle) -> Result<(), ResourceError> {
    let (families, metrics) = (RuntimeFamilies::register(meter)?, runtime.metrics());
    let collect = move |collection: &mut Collection| -> Result<(), CollectFailure> {
        families.give(collection, &metrics);
        Ok(())
    };
    Ok(meter.collector("runtime", collect)?)
}
