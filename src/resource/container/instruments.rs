//! The metrics of the container.

use std::time::Duration;

use super::Container;
use crate::metrics::{Collected, Collection, Definition, DefinitionError, LabelValue, Meter, Unit};
use crate::resource::give::{give, give_whole};
use crate::resource::network::{Definitions, NetworkFamilies, network_definitions};
use crate::resource::pressure::{PressureFamilies, pressure_definitions};

static MEMORY_USAGE: Definition = Definition::gauge_absent_until_set(
    "cgroup_memory_usage_bytes",
    "Memory that the cgroup has in use, pages of files that could be taken back included.",
)
.unit(Unit::Bytes);

static WORKING_SET: Definition = Definition::gauge_absent_until_set(
    "cgroup_memory_working_set_bytes",
    "Memory of the cgroup that cannot be taken back at once: usage without file pages that were not used lately.",
)
.unit(Unit::Bytes);

static MEMORY_LIMIT: Definition = Definition::gauge_absent_until_set(
    "cgroup_memory_limit_bytes",
    "Memory that the cgroup may use before something in it is killed; absent without a limit.",
)
.unit(Unit::Bytes);

static MEMORY_LIMIT_HITS: Definition = Definition::counter(
    "cgroup_memory_limit_hits_total",
    "Times that the cgroup was at its limit of memory and had to give some back first.",
);

static OOM_KILLS: Definition =
    Definition::counter("cgroup_oom_kills_total", "Processes of the cgroup that were killed for want of memory.");

static CPU_USAGE: Definition =
    Definition::counter("cgroup_cpu_usage_seconds_total", "Processor time of the cgroup.").unit(Unit::Seconds);

static CPU_USER: Definition = Definition::counter(
    "cgroup_cpu_user_seconds_total",
    "Processor time of the cgroup that its programs used themselves.",
)
.unit(Unit::Seconds);

static CPU_SYSTEM: Definition = Definition::counter(
    "cgroup_cpu_system_seconds_total",
    "Processor time of the cgroup that the kernel used for its programs.",
)
.unit(Unit::Seconds);

static CPU_LIMIT: Definition = Definition::gauge_absent_until_set(
    "cgroup_cpu_limit_cores",
    "Processors that the cgroup may use before it is throttled; absent without a limit.",
);

static PERIODS: Definition =
    Definition::counter("cgroup_cpu_periods_total", "Periods in which the cgroup ran under a limit of processor time.");

static THROTTLED_PERIODS: Definition = Definition::counter(
    "cgroup_cpu_throttled_periods_total",
    "Periods in which the cgroup used its share up and had to stand still.",
);

static THROTTLED: Definition = Definition::counter(
    "cgroup_cpu_throttled_seconds_total",
    "Time that the cgroup had to stand still, added up over processors.",
)
.unit(Unit::Seconds);

static PIDS: Definition = Definition::gauge_absent_until_set("cgroup_pids", "Processes and threads in the cgroup.");

static PIDS_LIMIT: Definition = Definition::gauge_absent_until_set(
    "cgroup_pids_limit",
    "Processes and threads that may be in the cgroup; absent without a limit.",
);

static PRESSURE: [Definition; 2] = pressure_definitions!("cgroup", "cgroup");

static READ_BYTES: Definition =
    Definition::counter("cgroup_io_read_bytes_total", "Bytes that the cgroup read from a disk.")
        .labels(&["device"])
        .unit(Unit::Bytes);

static WRITTEN_BYTES: Definition =
    Definition::counter("cgroup_io_written_bytes_total", "Bytes that the cgroup wrote to a disk.")
        .labels(&["device"])
        .unit(Unit::Bytes);

static READS: Definition =
    Definition::counter("cgroup_io_reads_total", "Requests of the cgroup to read from a disk.").labels(&["device"]);

static WRITES: Definition =
    Definition::counter("cgroup_io_writes_total", "Requests of the cgroup to write to a disk.").labels(&["device"]);

static OMITTED: Definition = Definition::gauge_absent_until_set(
    "cgroup_omitted",
    "Disks and interfaces that are left out because there are more than 64 of their kind.",
)
.labels(&["kind"]);

static NETWORK: Definitions = network_definitions!("container", "in the container's network");

/// The registered families.
pub(super) struct ContainerFamilies {
    memory_usage: Collected<f64, 0>,
    working_set: Collected<f64, 0>,
    memory_limit: Collected<f64, 0>,
    memory_limit_hits: Collected<u64, 0>,
    oom_kills: Collected<u64, 0>,
    cpu_usage: Collected<Duration, 0>,
    cpu_user: Collected<Duration, 0>,
    cpu_system: Collected<Duration, 0>,
    cpu_limit: Collected<f64, 0>,
    periods: Collected<u64, 0>,
    throttled_periods: Collected<u64, 0>,
    throttled: Collected<Duration, 0>,
    pids: Collected<f64, 0>,
    pids_limit: Collected<f64, 0>,
    pressure: PressureFamilies,
    read_bytes: Collected<u64, 1>,
    written_bytes: Collected<u64, 1>,
    reads: Collected<u64, 1>,
    writes: Collected<u64, 1>,
    omitted: Collected<f64, 1>,
    pub(super) network: NetworkFamilies,
}

impl ContainerFamilies {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            memory_usage: meter.collected(&MEMORY_USAGE)?,
            working_set: meter.collected(&WORKING_SET)?,
            memory_limit: meter.collected(&MEMORY_LIMIT)?,
            memory_limit_hits: meter.collected(&MEMORY_LIMIT_HITS)?,
            oom_kills: meter.collected(&OOM_KILLS)?,
            cpu_usage: meter.collected(&CPU_USAGE)?,
            cpu_user: meter.collected(&CPU_USER)?,
            cpu_system: meter.collected(&CPU_SYSTEM)?,
            cpu_limit: meter.collected(&CPU_LIMIT)?,
            periods: meter.collected(&PERIODS)?,
            throttled_periods: meter.collected(&THROTTLED_PERIODS)?,
            throttled: meter.collected(&THROTTLED)?,
            pids: meter.collected(&PIDS)?,
            pids_limit: meter.collected(&PIDS_LIMIT)?,
            pressure: PressureFamilies::register(meter, &PRESSURE)?,
            read_bytes: meter.collected(&READ_BYTES)?,
            written_bytes: meter.collected(&WRITTEN_BYTES)?,
            reads: meter.collected(&READS)?,
            writes: meter.collected(&WRITES)?,
            omitted: meter.collected(&OMITTED)?,
            network: NetworkFamilies::register(meter, &NETWORK)?,
        })
    }

    pub(super) fn give(&self, collection: &mut Collection, container: &Container) {
        let Container { memory, cpu, .. } = container;
        give_whole(collection, &self.memory_usage, [], memory.usage_bytes);
        give_whole(collection, &self.working_set, [], memory.working_set_bytes);
        give_whole(collection, &self.memory_limit, [], memory.limit_bytes);
        give(collection, &self.memory_limit_hits, [], memory.limit_hits);
        give(collection, &self.oom_kills, [], memory.oom_kills);
        give(collection, &self.cpu_usage, [], cpu.usage);
        give(collection, &self.cpu_user, [], cpu.user);
        give(collection, &self.cpu_system, [], cpu.system);
        give(collection, &self.cpu_limit, [], cpu.limit_cores);
        give(collection, &self.periods, [], cpu.periods);
        give(collection, &self.throttled_periods, [], cpu.throttled_periods);
        give(collection, &self.throttled, [], cpu.throttled);
        give_whole(collection, &self.pids, [], container.pids);
        give_whole(collection, &self.pids_limit, [], container.pids_limit);
        self.pressure.give(collection, &container.pressure);
        for io in &container.io.kept {
            let device = LabelValue::capped(&io.device);
            collection.set(&self.read_bytes, [device.clone()], io.read_bytes);
            collection.set(&self.written_bytes, [device.clone()], io.written_bytes);
            collection.set(&self.reads, [device.clone()], io.reads);
            collection.set(&self.writes, [device], io.writes);
        }
        self.give_omitted(collection, "disk", container.io.omitted);
    }

    pub(super) fn give_omitted(&self, collection: &mut Collection, kind: &'static str, omitted: usize) {
        // The cast widens.
        give_whole(collection, &self.omitted, [kind.into()], Some(omitted as u64));
    }
}
