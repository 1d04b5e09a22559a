//! The definitions of queue metrics and their families.

use crate::clock::Clock;
use crate::metrics::{Collected, Counter, Definition, DefinitionError, Family, Gauge, Histogram, Meter, Unit};
use crate::work::Base;

static DEPTH: Definition =
    Definition::gauge("queue_depth", "Items that wait in a queue of this process.").labels(&["queue"]);

static CAPACITY: Definition = Definition::gauge_absent_until_set(
    "queue_capacity",
    "Items that a queue of this process has room for; absent if it has no limit, 0 when nobody receives any more.",
)
.labels(&["queue"]);

static OLDEST_AGE: Definition = Definition::gauge(
    "queue_oldest_age_seconds",
    "How long the item has waited that is longest in a queue of this process; 0 when it is empty.",
)
.unit(Unit::Seconds)
.labels(&["queue"]);

static ENQUEUED: Definition =
    Definition::counter("queue_enqueued_total", "Items that got into a queue.").labels(&["queue"]);

static REJECTED: Definition = Definition::counter(
    "queue_rejected_total",
    "Items that did not get into a queue, by reason: full, closed (nobody receives any more).",
)
.labels(&["queue", "reason"]);

static DROPPED: Definition = Definition::counter(
    "queue_dropped_total",
    "Items that were thrown away with a queue of this process, before anybody received them.",
)
.labels(&["queue"]);

static IN_PROGRESS: Definition =
    Definition::gauge("queue_in_progress", "Items of a queue that this process has received and is working on.")
        .labels(&["queue"]);

static PROCESSED: Definition =
    Definition::counter("queue_processed_total", "Items of a queue that were worked on to the end, by outcome.")
        .labels(&["queue", "outcome"]);

static WAIT: Definition =
    Definition::histogram("queue_wait_seconds", "Time that items were in a queue, until they were received.")
        .unit(Unit::Seconds)
        .labels(&["queue"])
        .edges(WAIT_EDGES);

static WORK: Definition =
    Definition::histogram("queue_work_seconds", "Time that the work on an item of a queue took, by outcome.")
        .unit(Unit::Seconds)
        .labels(&["queue", "outcome"])
        .edges(WORK_EDGES);

static STORED_DEPTH: Definition = Definition::gauge(
    "queue_stored_depth",
    "Items that wait in a queue which is kept in a store, the same from wherever it is asked.",
)
.labels(&["queue"]);

static STORED_OLDEST_AGE: Definition = Definition::gauge(
    "queue_stored_oldest_age_seconds",
    "How long the item has waited that is longest in a queue which is kept in a store; 0 when it is empty.",
)
.unit(Unit::Seconds)
.labels(&["queue"]);

/// Upper bounds in seconds. Chosen: from a hand-over in memory to an hour's backlog.
const WAIT_EDGES: &[f64] =
    &[0.000_1, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0];

/// Upper bounds in seconds. Chosen: from a step in memory to a job of ten minutes.
const WORK_EDGES: &[f64] =
    &[0.000_1, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0];

#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) base: Base,
    pub(super) depth: Family<Gauge, 1>,
    pub(super) capacity: Family<Gauge, 1>,
    pub(super) oldest_age: Family<Gauge, 1>,
    pub(super) enqueued: Family<Counter, 1>,
    pub(super) rejected: Family<Counter, 2>,
    pub(super) dropped: Family<Counter, 1>,
    pub(super) in_progress: Family<Gauge, 1>,
    pub(super) processed: Family<Counter, 2>,
    pub(super) wait: Family<Histogram, 1>,
    pub(super) work: Family<Histogram, 2>,
    pub(super) stored_depth: Collected<f64, 1>,
    pub(super) stored_oldest_age: Collected<f64, 1>,
}

impl Instruments {
    pub(super) fn register(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        Ok(Self {
            base: Base::new(meter, clock),
            depth: meter.gauge(&DEPTH)?,
            capacity: meter.gauge(&CAPACITY)?,
            oldest_age: meter.gauge(&OLDEST_AGE)?,
            enqueued: meter.counter(&ENQUEUED)?,
            rejected: meter.counter(&REJECTED)?,
            dropped: meter.counter(&DROPPED)?,
            in_progress: meter.gauge(&IN_PROGRESS)?,
            processed: meter.counter(&PROCESSED)?,
            wait: meter.histogram(&WAIT)?,
            work: meter.histogram(&WORK)?,
            stored_depth: meter.collected(&STORED_DEPTH)?,
            stored_oldest_age: meter.collected(&STORED_OLDEST_AGE)?,
        })
    }
}
