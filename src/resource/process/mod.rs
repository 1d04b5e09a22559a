//! This process: what it uses, under the names that Prometheus' client libraries share.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod instruments;
#[cfg(target_os = "linux")]
mod linux;

use std::time::Duration;

#[cfg(not(target_os = "linux"))]
use self::elsewhere::Reader;
use self::instruments::ProcessFamilies;
#[cfg(target_os = "linux")]
use self::linux::Reader;
use super::error::ResourceError;
use super::files::Root;
use crate::metrics::{CollectFailure, Collection, Meter};

/// What is known of the process.
#[derive(Clone, Debug, Default, PartialEq)]
struct Process {
    cpu: Option<Duration>,
    open_fds: Option<u64>,
    /// None if there is no limit.
    max_fds: Option<u64>,
    virtual_bytes: Option<u64>,
    /// None if there is no limit.
    virtual_max_bytes: Option<u64>,
    resident_bytes: Option<u64>,
    /// In Unix seconds.
    started: Option<f64>,
    threads: Option<u64>,
    minor_faults: Option<u64>,
    major_faults: Option<u64>,
    /// From and to storage, which is less than what the process reads and writes.
    storage_read_bytes: Option<u64>,
    storage_written_bytes: Option<u64>,
}

/// Registers the collector of the process.
pub(super) fn register(meter: &Meter, root: &Root) -> Result<(), ResourceError> {
    let (families, mut reader) = (ProcessFamilies::register(meter)?, Reader::new(root));
    let collect = move |collection: &mut Collection| -> Result<(), CollectFailure> {
        families.give(collection, &reader.read()?);
        Ok(())
    };
    Ok(meter.collector("process", collect)?)
}
