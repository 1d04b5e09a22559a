//! Pressure stall information: how long tasks waited for a resource.

use std::time::Duration;

use super::files::Root;
use super::give::give;
use super::text::words;
use crate::metrics::{Collected, Collection, Definition, DefinitionError, Meter, Unit};

/// What the kernel tells of, by the name in its files.
const RESOURCES: [&str; 3] = ["cpu", "io", "memory"];

/// How long tasks have waited for one resource.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pressure {
    pub(super) resource: &'static str,
    /// At least one of them did.
    pub(super) waiting: Duration,
    /// All of them did, so that nothing was done.
    pub(super) stalled: Option<Duration>,
}

/// The definitions for the machine or a cgroup: that at least one task waits, and that all do.
macro_rules! pressure_definitions {
    ($prefix:literal, $whose:literal) => {
        [
            $crate::resource::pressure::by_resource(
                concat!($prefix, "_pressure_waiting_seconds_total"),
                concat!("Time in which at least one task of the ", $whose, " waited for a resource: cpu, io, memory."),
            ),
            $crate::resource::pressure::by_resource(
                concat!($prefix, "_pressure_stalled_seconds_total"),
                concat!("Time in which every task of the ", $whose, " waited for a resource: cpu, io, memory."),
            ),
        ]
    };
}

pub(super) use pressure_definitions;

pub(super) const fn by_resource(name: &'static str, help: &'static str) -> Definition {
    Definition::counter(name, help).labels(&["resource"]).unit(Unit::Seconds)
}

/// The families of the machine or a cgroup.
pub(super) struct PressureFamilies {
    waiting: Collected<Duration, 1>,
    stalled: Collected<Duration, 1>,
}

impl PressureFamilies {
    pub(super) fn register(
        meter: &Meter,
        [waiting, stalled]: &'static [Definition; 2],
    ) -> Result<Self, DefinitionError> {
        Ok(Self { waiting: meter.collected(waiting)?, stalled: meter.collected(stalled)? })
    }

    pub(super) fn give(&self, collection: &mut Collection, pressures: &[Pressure]) {
        for pressure in pressures {
            collection.set(&self.waiting, [pressure.resource.into()], pressure.waiting);
            give(collection, &self.stalled, [pressure.resource.into()], pressure.stalled);
        }
    }
}

/// Reads the file of each resource, which `file` names; kernels that do not keep them have none.
pub(super) fn read(root: &Root, file: impl Fn(&str) -> String) -> Vec<Pressure> {
    let of = |resource| parse(resource, &root.find(&file(resource))?);
    RESOURCES.into_iter().filter_map(of).collect()
}

/// Lines such as `some avg10=0.00 avg60=0.00 avg300=0.00 total=512`.
fn parse(resource: &'static str, text: &str) -> Option<Pressure> {
    let total = |line| {
        let micros = words(text, line)?.find_map(|word| word.strip_prefix("total="))?.parse().ok()?;
        Some(Duration::from_micros(micros))
    };
    Some(Pressure { resource, waiting: total("some")?, stalled: total("full") })
}
