//! Cgroups of version 2.

use super::locate::V2;
use super::{Bounded, Container, Cpu, DeviceIo, MOST, Memory};
use crate::resource::files::Root;
use crate::resource::pressure;
use crate::resource::text::{keyed, keyed_micros, limit, number};

pub(super) fn read(root: &Root, folders: &V2) -> Container {
    let file = |name: &str| root.find(&format!("{}/{name}", folders.own)).unwrap_or_default();
    // The limits of a cgroup and of those above it hold together.
    let limits = |name: &str| -> Vec<String> {
        folders.with_parents.iter().filter_map(|folder| root.find(&format!("{folder}/{name}"))).collect()
    };
    Container {
        memory: {
            let (usage, events) = (number(&file("memory.current")), file("memory.events"));
            Memory {
                usage_bytes: usage,
                working_set_bytes: Memory::working_set(usage, keyed(&file("memory.stat"), "inactive_file")),
                limit_bytes: limits("memory.max").iter().filter_map(|text| limit(text)).min(),
                limit_hits: keyed(&events, "max"),
                oom_kills: keyed(&events, "oom_kill"),
            }
        },
        cpu: {
            let stat = file("cpu.stat");
            Cpu {
                usage: keyed_micros(&stat, "usage_usec"),
                user: keyed_micros(&stat, "user_usec"),
                system: keyed_micros(&stat, "system_usec"),
                limit_cores: limits("cpu.max").iter().filter_map(|text| cores(text)).min_by(f64::total_cmp),
                periods: keyed(&stat, "nr_periods"),
                throttled_periods: keyed(&stat, "nr_throttled"),
                throttled: keyed_micros(&stat, "throttled_usec"),
            }
        },
        pids: number(&file("pids.current")),
        pids_limit: limits("pids.max").iter().filter_map(|text| limit(text)).min(),
        pressure: pressure::read(root, |resource| format!("{}/{resource}.pressure", folders.own)),
        io: Bounded::first(MOST, file("io.stat").lines().filter_map(io)),
    }
}

/// `200000 100000` are two cores.
fn cores(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    Cpu::cores(quota, period)
}

/// `254:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`; a device that was not used has only its name.
fn io(line: &str) -> Option<DeviceIo> {
    let (device, amounts) = line.split_once(' ')?;
    let amount = |key: &str| {
        let mut words = amounts.split_whitespace();
        words.find_map(|word| number(word.strip_prefix(key)?.strip_prefix('=')?))
    };
    Some(DeviceIo {
        device: device.to_owned(),
        read_bytes: amount("rbytes")?,
        written_bytes: amount("wbytes")?,
        reads: amount("rios")?,
        writes: amount("wios")?,
    })
}
