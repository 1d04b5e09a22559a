//! The metrics of the runtime.

use std::time::Duration;

use tokio::runtime::RuntimeMetrics;

use crate::metrics::{
    Collected, Collection, Counter, Definition, DefinitionError, Family, Gauge, Histogram, LabelValue, Meter, Unit,
};
use crate::resource::give::give_whole;

static WORKERS: Definition = Definition::gauge_absent_until_set("tokio_workers", "Worker threads of the runtime.");

static TASKS: Definition =
    Definition::gauge_absent_until_set("tokio_alive_tasks", "Tasks of the runtime that have not ended.");

static QUEUE: Definition = Definition::gauge_absent_until_set(
    "tokio_global_queue_depth",
    "Tasks that wait for any worker of the runtime, beside those that wait for a certain one.",
);

static BUSY: Definition = Definition::counter(
    "tokio_worker_busy_seconds_total",
    "Time in which a worker of the runtime ran tasks; its rate is the share of time that the worker was busy.",
)
.labels(&["worker"])
.unit(Unit::Seconds);

static PARKS: Definition = Definition::counter(
    "tokio_worker_parks_total",
    "Times that a worker of the runtime went to sleep because nothing was to be done.",
)
.labels(&["worker"]);

static STALLS: Definition = Definition::counter(
    "tokio_worker_stalls_total",
    "Times that a worker of the runtime did not come back from its tasks for too long: one of them blocked it.",
)
.labels(&["worker"]);

static STALL_DURATION: Definition = Definition::histogram(
    "tokio_worker_stall_duration_seconds",
    "Time that a worker of the runtime did not come back from its tasks, of the times that were too long and are over.",
)
.unit(Unit::Seconds)
.edges(&[0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0]);

static STALLED: Definition = Definition::gauge(
    "tokio_workers_stalled",
    "Workers of the runtime that have not come back from their tasks for too long and still do not.",
);

/// The families of what the runtime tells when asked.
pub(super) struct RuntimeFamilies {
    workers: Collected<f64, 0>,
    tasks: Collected<f64, 0>,
    queue: Collected<f64, 0>,
    busy: Collected<Duration, 1>,
    parks: Collected<u64, 1>,
}

impl RuntimeFamilies {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            workers: meter.collected(&WORKERS)?,
            tasks: meter.collected(&TASKS)?,
            queue: meter.collected(&QUEUE)?,
            busy: meter.collected(&BUSY)?,
            parks: meter.collected(&PARKS)?,
        })
    }

    pub(super) fn give(&self, collection: &mut Collection, runtime: &RuntimeMetrics) {
        // The casts widen.
        give_whole(collection, &self.workers, [], Some(runtime.num_workers() as u64));
        give_whole(collection, &self.tasks, [], Some(runtime.num_alive_tasks() as u64));
        give_whole(collection, &self.queue, [], Some(runtime.global_queue_depth() as u64));
        // Where there are no atomics of 64 bits, Tokio does not count these.
        #[cfg(target_has_atomic = "64")]
        for worker in 0..runtime.num_workers() {
            let label = worker_label(worker);
            collection.set(&self.busy, [label.clone()], runtime.worker_total_busy_duration(worker));
            collection.set(&self.parks, [label], runtime.worker_park_count(worker));
        }
    }
}

/// Workers are numbered from 0.
fn worker_label(worker: usize) -> LabelValue {
    LabelValue::capped(worker.to_string())
}

/// The handles of what the watch finds.
pub(in crate::resource) struct StallInstruments {
    stalls: Family<Counter, 1>,
    duration: Histogram,
    stalled: Gauge,
}

impl StallInstruments {
    pub(in crate::resource) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            stalls: meter.counter(&STALLS)?,
            duration: meter.histogram(&STALL_DURATION)?.series([]),
            stalled: meter.gauge(&STALLED)?.series([]),
        })
    }

    /// The counter of each worker, which exist from here on.
    pub(super) fn of_workers(&self, workers: usize) -> Vec<Counter> {
        (0..workers).map(|worker| self.stalls.series([worker_label(worker)])).collect()
    }

    pub(super) fn ended_after(&self, duration: Duration) {
        self.duration.record_duration(duration);
    }

    pub(super) fn are_stalled(&self, workers: usize) {
        // Exact for any number of threads.
        self.stalled.set(workers as f64);
    }
}
