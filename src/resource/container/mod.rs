//! The container, or any other cgroup, that this process is in: what it uses, and what it may.
//!
//! Numbers are those of the whole cgroup, other processes in it included, since it is the cgroup that is throttled and
//! killed. A machine's root cgroup has no limits and is no container, so there is nothing to show of it.

mod instruments;
mod locate;
mod surroundings;
mod v1;
mod v2;

use std::time::Duration;

use self::instruments::ContainerFamilies;
use self::locate::{Hierarchy, locate};
pub(super) use self::surroundings::Surroundings;
use super::bounded::{Bounded, MOST};
use super::disks;
use super::error::ResourceError;
use super::files::Root;
use super::pressure::Pressure;
use super::text::{limit, number};
use crate::metrics::{CollectFailure, Collection, Meter};

/// What is known of the cgroup.
#[derive(Clone, Debug, Default, PartialEq)]
struct Container {
    memory: Memory,
    cpu: Cpu,
    pids: Option<u64>,
    /// None if there is no limit.
    pids_limit: Option<u64>,
    pressure: Vec<Pressure>,
    io: Bounded<DeviceIo>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Memory {
    usage_bytes: Option<u64>,
    /// What cannot be taken back at once: usage without the pages of files that were not used lately.
    working_set_bytes: Option<u64>,
    /// The smallest of the cgroup's and those above it; none if there is none.
    limit_bytes: Option<u64>,
    limit_hits: Option<u64>,
    oom_kills: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Cpu {
    usage: Option<Duration>,
    user: Option<Duration>,
    system: Option<Duration>,
    /// The smallest of the cgroup's and those above it; none if there is none.
    limit_cores: Option<f64>,
    periods: Option<u64>,
    throttled_periods: Option<u64>,
    throttled: Option<Duration>,
}

/// What a cgroup asked of one disk.
#[derive(Clone, Debug, Default, PartialEq)]
struct DeviceIo {
    /// Its name, or `major:minor` if it has none here.
    device: String,
    read_bytes: u64,
    written_bytes: u64,
    reads: u64,
    writes: u64,
}

impl Memory {
    /// Of version 1 and 2 alike.
    fn working_set(usage: Option<u64>, inactive_file: Option<u64>) -> Option<u64> {
        // The two are read one after the other, so the second may be the larger one.
        Some(usage?.saturating_sub(inactive_file?))
    }
}

impl Cpu {
    /// How many processors a quota is good for in each period; none for `max` and -1.
    fn cores(quota: &str, period: &str) -> Option<f64> {
        let (quota, period) = (limit(quota)?, number(period).filter(|period| *period > 0)?);
        // Exact for any times that are set.
        Some(quota as f64 / period as f64)
    }
}

/// Reads the cgroup; `None` if this process is in the machine's own.
fn read(root: &Root) -> Option<Container> {
    let mut container = match locate(root)? {
        Hierarchy::V1(folders) => v1::read(root, &folders),
        Hierarchy::V2(folders) => v2::read(root, &folders),
    };
    let disks = root.find("proc/diskstats").unwrap_or_default();
    for io in &mut container.io.kept {
        if let Some(disk) = disks::all(&disks).find(|disk| disk.has_number(&io.device)) {
            disk.name.clone_into(&mut io.device);
        }
    }
    Some(container)
}

/// Registers the collector of the container. The interfaces of a machine are not a container's.
pub(super) fn register(meter: &Meter, root: &Root, surroundings: Surroundings) -> Result<(), ResourceError> {
    let (families, root) = (ContainerFamilies::register(meter)?, root.clone());
    let collect = move |collection: &mut Collection| -> Result<(), CollectFailure> {
        if let Some(container) = read(&root) {
            families.give(collection, &container);
        }
        if surroundings == Surroundings::Container {
            let omitted = families.network.give(collection, &root)?;
            families.give_omitted(collection, "interface", omitted);
        }
        Ok(())
    };
    Ok(meter.collector("cgroup", collect)?)
}
