//! The metrics of the machine.

use std::time::Duration;

use super::{FileSystem, Machine};
use crate::metrics::{Collected, Collection, Definition, DefinitionError, LabelValue, Meter, Unit};
use crate::resource::give::give_whole;
use crate::resource::network::{Definitions, NetworkFamilies, network_definitions};
use crate::resource::pressure::{PressureFamilies, pressure_definitions};

static CPU: Definition = Definition::counter(
    "host_cpu_seconds_total",
    "Time of all processors together, by what they did: user, nice, system, idle, iowait, irq, softirq, steal.",
)
.labels(&["mode"])
.unit(Unit::Seconds);

static PROCESSORS: Definition = Definition::gauge_absent_until_set("host_processors", "Processors that are online.");

static BOOTED: Definition =
    Definition::gauge_absent_until_set("host_boot_timestamp_seconds", "When the machine started, in Unix seconds.")
        .unit(Unit::Seconds);

static MEMORY_TOTAL: Definition =
    Definition::gauge_absent_until_set("host_memory_total_bytes", "Memory of the machine.").unit(Unit::Bytes);

static MEMORY_AVAILABLE: Definition = Definition::gauge_absent_until_set(
    "host_memory_available_bytes",
    "Memory that programs could have without swapping, as the kernel estimates it.",
)
.unit(Unit::Bytes);

static MEMORY_FREE: Definition =
    Definition::gauge_absent_until_set("host_memory_free_bytes", "Memory that is used for nothing at all.")
        .unit(Unit::Bytes);

static MEMORY_BUFFERS: Definition =
    Definition::gauge_absent_until_set("host_memory_buffers_bytes", "Memory that holds blocks of disks.")
        .unit(Unit::Bytes);

static MEMORY_CACHED: Definition =
    Definition::gauge_absent_until_set("host_memory_cached_bytes", "Memory that holds pages of files.")
        .unit(Unit::Bytes);

static SWAP_TOTAL: Definition =
    Definition::gauge_absent_until_set("host_swap_total_bytes", "Swap space of the machine.").unit(Unit::Bytes);

static SWAP_FREE: Definition =
    Definition::gauge_absent_until_set("host_swap_free_bytes", "Swap space that is not used.").unit(Unit::Bytes);

static LOAD: Definition = Definition::gauge_absent_until_set(
    "host_load_average",
    "Tasks that run or wait to, or wait for a disk, averaged over 1, 5 and 15 minutes.",
)
.labels(&["minutes"]);

static DISK_READS: Definition =
    Definition::counter("host_disk_reads_total", "Requests to read that a disk completed.").labels(&["device"]);

static DISK_READ_BYTES: Definition =
    Definition::counter("host_disk_read_bytes_total", "Bytes read from a disk.").labels(&["device"]).unit(Unit::Bytes);

static DISK_READ_TIME: Definition = Definition::counter(
    "host_disk_read_time_seconds_total",
    "Time that requests to read took, added up over those under way at once.",
)
.labels(&["device"])
.unit(Unit::Seconds);

static DISK_WRITES: Definition =
    Definition::counter("host_disk_writes_total", "Requests to write that a disk completed.").labels(&["device"]);

static DISK_WRITTEN_BYTES: Definition =
    Definition::counter("host_disk_written_bytes_total", "Bytes written to a disk.")
        .labels(&["device"])
        .unit(Unit::Bytes);

static DISK_WRITE_TIME: Definition = Definition::counter(
    "host_disk_write_time_seconds_total",
    "Time that requests to write took, added up over those under way at once.",
)
.labels(&["device"])
.unit(Unit::Seconds);

static DISK_BUSY: Definition =
    Definition::counter("host_disk_io_time_seconds_total", "Time in which a disk had anything to do.")
        .labels(&["device"])
        .unit(Unit::Seconds);

static SPACE_SIZE: Definition =
    Definition::gauge_absent_until_set("host_filesystem_size_bytes", "Size of a file system, by where it is mounted.")
        .labels(&["mount", "fstype"])
        .unit(Unit::Bytes);

static SPACE_FREE: Definition = Definition::gauge_absent_until_set(
    "host_filesystem_free_bytes",
    "Space of a file system that is free, what is kept for the superuser included.",
)
.labels(&["mount", "fstype"])
.unit(Unit::Bytes);

static SPACE_AVAILABLE: Definition = Definition::gauge_absent_until_set(
    "host_filesystem_available_bytes",
    "Space of a file system that is free to everybody.",
)
.labels(&["mount", "fstype"])
.unit(Unit::Bytes);

static FILES: Definition = Definition::gauge_absent_until_set(
    "host_filesystem_files",
    "Files that a file system can have; 0 if it has no such number.",
)
.labels(&["mount", "fstype"]);

static FILES_FREE: Definition = Definition::gauge_absent_until_set(
    "host_filesystem_files_free",
    "Files that can still be created in a file system; 0 if it has no such number.",
)
.labels(&["mount", "fstype"]);

static READ_ONLY: Definition = Definition::gauge_absent_until_set(
    "host_filesystem_read_only",
    "1 if nothing can be written to a file system, else 0.",
)
.labels(&["mount", "fstype"]);

static UNREADABLE: Definition = Definition::gauge_absent_until_set(
    "host_filesystem_error",
    "1 if a file system does not tell how full it is, else 0.",
)
.labels(&["mount", "fstype"]);

static PRESSURE: [Definition; 2] = pressure_definitions!("host", "machine");

static OMITTED: Definition = Definition::gauge_absent_until_set(
    "host_omitted",
    "Disks, interfaces and mounts that are left out because there are more than 64 of their kind.",
)
.labels(&["kind"]);

static NETWORK: Definitions = network_definitions!("host", "of the machine");

/// The registered families.
pub(super) struct HostFamilies {
    cpu: Collected<Duration, 1>,
    processors: Collected<f64, 0>,
    booted: Collected<f64, 0>,
    memory_total: Collected<f64, 0>,
    memory_available: Collected<f64, 0>,
    memory_free: Collected<f64, 0>,
    memory_buffers: Collected<f64, 0>,
    memory_cached: Collected<f64, 0>,
    swap_total: Collected<f64, 0>,
    swap_free: Collected<f64, 0>,
    load: Collected<f64, 1>,
    disk_reads: Collected<u64, 1>,
    disk_read_bytes: Collected<u64, 1>,
    disk_read_time: Collected<Duration, 1>,
    disk_writes: Collected<u64, 1>,
    disk_written_bytes: Collected<u64, 1>,
    disk_write_time: Collected<Duration, 1>,
    disk_busy: Collected<Duration, 1>,
    space_size: Collected<f64, 2>,
    space_free: Collected<f64, 2>,
    space_available: Collected<f64, 2>,
    files: Collected<f64, 2>,
    files_free: Collected<f64, 2>,
    read_only: Collected<f64, 2>,
    unreadable: Collected<f64, 2>,
    pressure: PressureFamilies,
    omitted: Collected<f64, 1>,
    pub(super) network: NetworkFamilies,
}

impl HostFamilies {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            cpu: meter.collected(&CPU)?,
            processors: meter.collected(&PROCESSORS)?,
            booted: meter.collected(&BOOTED)?,
            memory_total: meter.collected(&MEMORY_TOTAL)?,
            memory_available: meter.collected(&MEMORY_AVAILABLE)?,
            memory_free: meter.collected(&MEMORY_FREE)?,
            memory_buffers: meter.collected(&MEMORY_BUFFERS)?,
            memory_cached: meter.collected(&MEMORY_CACHED)?,
            swap_total: meter.collected(&SWAP_TOTAL)?,
            swap_free: meter.collected(&SWAP_FREE)?,
            load: meter.collected(&LOAD)?,
            disk_reads: meter.collected(&DISK_READS)?,
            disk_read_bytes: meter.collected(&DISK_READ_BYTES)?,
            disk_read_time: meter.collected(&DISK_READ_TIME)?,
            disk_writes: meter.collected(&DISK_WRITES)?,
            disk_written_bytes: meter.collected(&DISK_WRITTEN_BYTES)?,
            disk_write_time: meter.collected(&DISK_WRITE_TIME)?,
            disk_busy: meter.collected(&DISK_BUSY)?,
            space_size: meter.collected(&SPACE_SIZE)?,
            space_free: meter.collected(&SPACE_FREE)?,
            space_available: meter.collected(&SPACE_AVAILABLE)?,
            files: meter.collected(&FILES)?,
            files_free: meter.collected(&FILES_FREE)?,
            read_only: meter.collected(&READ_ONLY)?,
            unreadable: meter.collected(&UNREADABLE)?,
            pressure: PressureFamilies::register(meter, &PRESSURE)?,
            omitted: meter.collected(&OMITTED)?,
            network: NetworkFamilies::register(meter, &NETWORK)?,
        })
    }

    pub(super) fn give_machine(&self, collection: &mut Collection, machine: &Machine<'_>) {
        for (mode, time) in &machine.cpu {
            collection.set(&self.cpu, [(*mode).into()], *time);
        }
        give_whole(collection, &self.processors, [], Some(machine.processors));
        give_whole(collection, &self.booted, [], machine.booted);
        let memory = &machine.memory;
        give_whole(collection, &self.memory_total, [], memory.total);
        give_whole(collection, &self.memory_available, [], memory.available);
        give_whole(collection, &self.memory_free, [], memory.free);
        give_whole(collection, &self.memory_buffers, [], memory.buffers);
        give_whole(collection, &self.memory_cached, [], memory.cached);
        give_whole(collection, &self.swap_total, [], memory.swap_total);
        give_whole(collection, &self.swap_free, [], memory.swap_free);
        for (minutes, average) in ["1", "5", "15"].into_iter().zip(machine.load.into_iter().flatten()) {
            collection.set(&self.load, [minutes.into()], average);
        }
        for disk in &machine.disks.kept {
            let device = || [LabelValue::capped(disk.name)];
            collection.set(&self.disk_reads, device(), disk.read.completed);
            collection.set(&self.disk_read_bytes, device(), disk.read.bytes);
            collection.set(&self.disk_read_time, device(), disk.read.time);
            collection.set(&self.disk_writes, device(), disk.write.completed);
            collection.set(&self.disk_written_bytes, device(), disk.write.bytes);
            collection.set(&self.disk_write_time, device(), disk.write.time);
            collection.set(&self.disk_busy, device(), disk.busy);
        }
        self.give_omitted(collection, "disk", machine.disks.omitted);
        self.pressure.give(collection, &machine.pressure);
    }

    pub(super) fn give_file_system(&self, collection: &mut Collection, system: &FileSystem) {
        let labels = || [LabelValue::capped(&system.mount), LabelValue::capped(&system.kind)];
        let flag = |is_set: bool| f64::from(u8::from(is_set));
        collection.set(&self.read_only, labels(), flag(system.is_read_only));
        collection.set(&self.unreadable, labels(), flag(system.space.is_none()));
        let Some(space) = &system.space else {
            return;
        };
        for (family, value) in [
            (&self.space_size, space.size),
            (&self.space_free, space.free),
            (&self.space_available, space.available),
            (&self.files, space.files),
            (&self.files_free, space.files_free),
        ] {
            give_whole(collection, family, labels(), Some(value));
        }
    }

    pub(super) fn give_omitted(&self, collection: &mut Collection, kind: &'static str, omitted: usize) {
        // The cast widens.
        give_whole(collection, &self.omitted, [kind.into()], Some(omitted as u64));
    }
}
