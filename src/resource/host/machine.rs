//! What `/proc` says of the machine.

use std::time::Duration;

use super::{HostFamilies, Machine, Memory};
use crate::metrics::{CollectFailure, Collection};
use crate::resource::bounded::{Bounded, MOST};
use crate::resource::files::{ReadError, Root};
use crate::resource::text::{keyed, keyed_kibibytes, number, ticks, words};
use crate::resource::{disks, pressure};

/// In the order of `/proc/stat`. What guests use is part of `user` and `nice` already.
const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];

/// The files that are read for a [`Machine`].
pub(super) struct Texts {
    stat: String,
    memory: String,
    load: String,
    disks: String,
    pressure: Vec<pressure::Pressure>,
}

impl Texts {
    pub(super) fn read(root: &Root) -> Result<Self, ReadError> {
        Ok(Self {
            stat: root.read("proc/stat")?,
            memory: root.read("proc/meminfo")?,
            load: root.find("proc/loadavg").unwrap_or_default(),
            disks: root.find("proc/diskstats").unwrap_or_default(),
            pressure: pressure::read(root, |resource| format!("proc/pressure/{resource}")),
        })
    }

    pub(super) fn parse(&self) -> Machine<'_> {
        let memory = |key| keyed_kibibytes(&self.memory, key);
        let disks = disks::all(&self.disks).filter(|disk| disks::is_whole(disk.name));
        Machine {
            cpu: cpu(&self.stat),
            processors: processors(&self.stat),
            booted: keyed(&self.stat, "btime"),
            memory: Memory {
                total: memory("MemTotal"),
                available: memory("MemAvailable"),
                free: memory("MemFree"),
                buffers: memory("Buffers"),
                cached: memory("Cached"),
                swap_total: memory("SwapTotal"),
                swap_free: memory("SwapFree"),
            },
            load: load(&self.load),
            disks: Bounded::first(MOST, disks),
            pressure: self.pressure.clone(),
        }
    }
}

/// The line of all processors together.
fn cpu(stat: &str) -> Vec<(&'static str, Duration)> {
    let times = words(stat, "cpu").into_iter().flatten().map_while(number).map(ticks);
    MODES.into_iter().zip(times).collect()
}

/// Each has a line that begins with `cpu` and its number.
fn processors(stat: &str) -> u64 {
    let is_one =
        |line: &&str| line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    // The cast widens.
    stat.lines().filter(is_one).count() as u64
}

/// `0.42 0.36 0.30 2/512 12345`
fn load(text: &str) -> Option<[f64; 3]> {
    let mut averages = text.split(' ').map(|word| word.parse().ok().filter(|average: &f64| average.is_finite()));
    Some([averages.next()??, averages.next()??, averages.next()??])
}

/// Reads the machine, and the network, and gives them.
pub(super) fn collect(families: &HostFamilies, root: &Root, collection: &mut Collection) -> Result<(), CollectFailure> {
    let texts = Texts::read(root)?;
    families.give_machine(collection, &texts.parse());
    let omitted = families.network.give(collection, root)?;
    families.give_omitted(collection, "interface", omitted);
    Ok(())
}
