//! Cgroups of version 1.

use std::time::Duration;

use super::locate::V1;
use super::{Bounded, Container, Cpu, DeviceIo, MOST, Memory};
use crate::resource::files::Root;
use crate::resource::text::{keyed, known_limit, limit, number, ticks};

pub(super) fn read(root: &Root, folders: &V1) -> Container {
    let file = |folder: &Option<String>, name: &str| {
        folder.as_ref().and_then(|folder| root.find(&format!("{folder}/{name}"))).unwrap_or_default()
    };
    let memory = |name: &str| file(&folders.memory, name);
    let cpu = |name: &str| file(&folders.cpu, name);
    let accounting = |name: &str| file(&folders.cpu_accounting, name);
    Container {
        memory: {
            let (usage, stat) = (number(&memory("memory.usage_in_bytes")), memory("memory.stat"));
            let limits = [
                limit(&memory("memory.limit_in_bytes")),
                keyed(&stat, "hierarchical_memory_limit").and_then(known_limit),
            ];
            Memory {
                usage_bytes: usage,
                working_set_bytes: Memory::working_set(usage, keyed(&stat, "total_inactive_file")),
                limit_bytes: limits.into_iter().flatten().min(),
                limit_hits: number(&memory("memory.failcnt")),
                oom_kills: keyed(&memory("memory.oom_control"), "oom_kill"),
            }
        },
        cpu: {
            let (stat, used) = (cpu("cpu.stat"), accounting("cpuacct.stat"));
            Cpu {
                usage: number(&accounting("cpuacct.usage")).map(Duration::from_nanos),
                user: keyed(&used, "user").map(ticks),
                system: keyed(&used, "system").map(ticks),
                limit_cores: Cpu::cores(&cpu("cpu.cfs_quota_us"), &cpu("cpu.cfs_period_us")),
                periods: keyed(&stat, "nr_periods"),
                throttled_periods: keyed(&stat, "nr_throttled"),
                throttled: keyed(&stat, "throttled_time").map(Duration::from_nanos),
            }
        },
        pids: number(&file(&folders.pids, "pids.current")),
        pids_limit: limit(&file(&folders.pids, "pids.max")),
        // Version 1 keeps none.
        pressure: Vec::new(),
        io: {
            let bytes = file(&folders.block_io, "blkio.throttle.io_service_bytes");
            let requests = file(&folders.block_io, "blkio.throttle.io_serviced");
            Bounded::first(MOST, io(&bytes, &requests).into_iter())
        },
    }
}

/// Lines such as `254:0 Read 4096`, of bytes and of requests.
fn io(bytes: &str, requests: &str) -> Vec<DeviceIo> {
    let mut devices: Vec<DeviceIo> = Vec::new();
    let mut note = |text: &str, set: fn(&mut DeviceIo, &str, u64)| {
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let (Some(device), Some(direction), Some(amount)) =
                (words.next(), words.next(), words.next().and_then(number))
            else {
                continue;
            };
            let at = devices.iter().position(|known| known.device == device).unwrap_or_else(|| {
                devices.push(DeviceIo { device: device.to_owned(), ..DeviceIo::default() });
                devices.len() - 1
            });
            set(&mut devices[at], direction, amount);
        }
    };
    note(bytes, |io, direction, amount| match direction {
        "Read" => io.read_bytes = amount,
        "Write" => io.written_bytes = amount,
        _ => {}
    });
    note(requests, |io, direction, amount| match direction {
        "Read" => io.reads = amount,
        "Write" => io.writes = amount,
        _ => {}
    });
    devices
}
