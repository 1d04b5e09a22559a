//! The metrics of the process.

use std::time::Duration;

use super::Process;
use crate::metrics::{Collected, Collection, Definition, DefinitionError, Meter, Unit};
use crate::resource::give::{give, give_whole};

static CPU: Definition =
    Definition::counter("process_cpu_seconds_total", "Processor time of the process, its own and the kernel's for it.")
        .unit(Unit::Seconds);

static OPEN_FDS: Definition = Definition::gauge_absent_until_set("process_open_fds", "Open file descriptors.");

static MAX_FDS: Definition = Definition::gauge_absent_until_set(
    "process_max_fds",
    "How many file descriptors may be open; absent without a limit.",
);

static VIRTUAL: Definition =
    Definition::gauge_absent_until_set("process_virtual_memory_bytes", "Addresses that the process has reserved.")
        .unit(Unit::Bytes);

static VIRTUAL_MAX: Definition = Definition::gauge_absent_until_set(
    "process_virtual_memory_max_bytes",
    "How much the process may reserve; absent without a limit.",
)
.unit(Unit::Bytes);

static RESIDENT: Definition =
    Definition::gauge_absent_until_set("process_resident_memory_bytes", "Memory that the process has in use.")
        .unit(Unit::Bytes);

static STARTED: Definition =
    Definition::gauge_absent_until_set("process_start_time_seconds", "When the process started, in Unix seconds.")
        .unit(Unit::Seconds);

static THREADS: Definition = Definition::gauge_absent_until_set("process_threads", "Threads of the process.");

static MINOR_FAULTS: Definition =
    Definition::counter("process_minor_page_faults_total", "Page faults of the process that were settled in memory.");

static MAJOR_FAULTS: Definition =
    Definition::counter("process_major_page_faults_total", "Page faults of the process that had to read storage.");

static STORAGE_READ: Definition = Definition::counter(
    "process_storage_read_bytes_total",
    "Bytes that storage had to read for the process; what was in memory is not counted.",
)
.unit(Unit::Bytes);

static STORAGE_WRITTEN: Definition = Definition::counter(
    "process_storage_written_bytes_total",
    "Bytes that the process has written and storage will have to write.",
)
.unit(Unit::Bytes);

/// The registered families.
pub(super) struct ProcessFamilies {
    cpu: Collected<Duration, 0>,
    open_fds: Collected<f64, 0>,
    max_fds: Collected<f64, 0>,
    virtual_bytes: Collected<f64, 0>,
    virtual_max_bytes: Collected<f64, 0>,
    resident_bytes: Collected<f64, 0>,
    started: Collected<f64, 0>,
    threads: Collected<f64, 0>,
    minor_faults: Collected<u64, 0>,
    major_faults: Collected<u64, 0>,
    storage_read_bytes: Collected<u64, 0>,
    storage_written_bytes: Collected<u64, 0>,
}

impl ProcessFamilies {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            cpu: meter.collected(&CPU)?,
            open_fds: meter.collected(&OPEN_FDS)?,
            max_fds: meter.collected(&MAX_FDS)?,
            virtual_bytes: meter.collected(&VIRTUAL)?,
            virtual_max_bytes: meter.collected(&VIRTUAL_MAX)?,
            resident_bytes: meter.collected(&RESIDENT)?,
            started: meter.collected(&STARTED)?,
            threads: meter.collected(&THREADS)?,
            minor_faults: meter.collected(&MINOR_FAULTS)?,
            major_faults: meter.collected(&MAJOR_FAULTS)?,
            storage_read_bytes: meter.collected(&STORAGE_READ)?,
            storage_written_bytes: meter.collected(&STORAGE_WRITTEN)?,
        })
    }

    pub(super) fn give(&self, collection: &mut Collection, process: &Process) {
        give(collection, &self.cpu, [], process.cpu);
        give_whole(collection, &self.open_fds, [], process.open_fds);
        give_whole(collection, &self.max_fds, [], process.max_fds);
        give_whole(collection, &self.virtual_bytes, [], process.virtual_bytes);
        give_whole(collection, &self.virtual_max_bytes, [], process.virtual_max_bytes);
        give_whole(collection, &self.resident_bytes, [], process.resident_bytes);
        give(collection, &self.started, [], process.started);
        give_whole(collection, &self.threads, [], process.threads);
        give(collection, &self.minor_faults, [], process.minor_faults);
        give(collection, &self.major_faults, [], process.major_faults);
        give(collection, &self.storage_read_bytes, [], process.storage_read_bytes);
        give(collection, &self.storage_written_bytes, [], process.storage_written_bytes);
    }
}
