//! The machine: processors, memory, load, disks, file systems, network, under the names of node-exporter with `host` for
//! `node` where the two measure the same.

mod instruments;
mod machine;
mod space;

use std::sync::Arc;
use std::time::Duration;

use self::instruments::HostFamilies;
use super::bounded::Bounded;
use super::disks::Disk;
use super::error::ResourceError;
use super::files::Root;
use super::pressure::Pressure;
use crate::metrics::{Collection, Meter};

/// What is known of the machine, but for its file systems and network.
#[derive(Debug, PartialEq)]
struct Machine<'t> {
    /// By mode, added up over processors.
    cpu: Vec<(&'static str, Duration)>,
    processors: u64,
    /// In Unix seconds.
    booted: Option<u64>,
    memory: Memory,
    /// Averages over 1, 5 and 15 minutes.
    load: Option<[f64; 3]>,
    disks: Bounded<Disk<'t>>,
    pressure: Vec<Pressure>,
}

/// In bytes.
#[derive(Debug, PartialEq)]
struct Memory {
    total: Option<u64>,
    available: Option<u64>,
    free: Option<u64>,
    buffers: Option<u64>,
    cached: Option<u64>,
    swap_total: Option<u64>,
    swap_free: Option<u64>,
}

/// A file system and where it is mounted.
#[derive(Debug, PartialEq)]
struct FileSystem {
    mount: String,
    kind: String,
    is_read_only: bool,
    /// None if the system did not tell.
    space: Option<Space>,
}

/// In bytes, and in numbers of files.
#[derive(Debug, PartialEq)]
struct Space {
    size: u64,
    free: u64,
    /// To those who are not the superuser.
    available: u64,
    files: u64,
    files_free: u64,
}

/// Registers the collectors of the machine. File systems have one of their own, since one that hangs keeps whoever asks.
pub(super) fn register(meter: &Meter, root: &Root) -> Result<(), ResourceError> {
    let (families, of_space) = {
        let families = Arc::new(HostFamilies::register(meter)?);
        (Arc::clone(&families), families)
    };
    let (root, of_mounts) = (root.clone(), root.clone());
    meter.collector("host", move |collection: &mut Collection| machine::collect(&families, &root, collection))?;
    let collect = move |collection: &mut Collection| space::collect(&of_space, &of_mounts, collection);
    Ok(meter.collector("host-filesystems", collect)?)
}
