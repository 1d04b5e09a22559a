//! The definitions of cache metrics and their families.

use crate::clock::Clock;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, Meter, Unit};
use crate::work::Base;

static REQUESTS: Definition =
    Definition::counter("cache_requests_total", "Look-ups in a cache, by what it said: hit, miss, failed.")
        .labels(&["cache", "result"]);

static INSERTS: Definition =
    Definition::counter("cache_inserts_total", "Values that were put into a cache.").labels(&["cache"]);

static EVICTIONS: Definition = Definition::counter(
    "cache_evictions_total",
    "Entries that a cache let go of by itself, by reason: size (no room), expired.",
)
.labels(&["cache", "reason"]);

static REMOVALS: Definition = Definition::counter(
    "cache_removals_total",
    "Entries that the users of a cache took out, by reason: invalidated, replaced by another value.",
)
.labels(&["cache", "reason"]);

static LOAD_DURATION: Definition = Definition::histogram(
    "cache_load_duration_seconds",
    "Time that it took to get a value which a cache did not have, by outcome.",
)
.unit(Unit::Seconds)
.labels(&["cache", "outcome"])
.edges(LOAD_EDGES);

static ENTRIES: Definition =
    Definition::gauge_absent_until_set("cache_entries", "Entries in a cache, as it counts them when it is asked.")
        .labels(&["cache"]);

static WEIGHTED_SIZE: Definition = Definition::gauge_absent_until_set(
    "cache_weighted_size",
    "Sum of the weights of a cache's entries, in the unit that its capacity has.",
)
.labels(&["cache"]);

static CAPACITY: Definition = Definition::gauge_absent_until_set(
    "cache_capacity",
    "The weighted size that a cache may have; absent if it has no limit.",
)
.labels(&["cache"]);

/// Upper bounds in seconds. Chosen: from a query on the same machine to an upstream that is given up.
const LOAD_EDGES: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) base: Base,
    pub(super) requests: Family<Counter, 2>,
    pub(super) inserts: Family<Counter, 1>,
    pub(super) evictions: Family<Counter, 2>,
    pub(super) removals: Family<Counter, 2>,
    pub(super) load_duration: Family<Histogram, 2>,
    pub(super) entries: Family<Gauge, 1>,
    pub(super) weighted_size: Family<Gauge, 1>,
    pub(super) capacity: Family<Gauge, 1>,
}

impl Instruments {
    pub(super) fn register(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        Ok(Self {
            base: Base::new(meter, clock),
            requests: meter.counter(&REQUESTS)?,
            inserts: meter.counter(&INSERTS)?,
            evictions: meter.counter(&EVICTIONS)?,
            removals: meter.counter(&REMOVALS)?,
            load_duration: meter.histogram(&LOAD_DURATION)?,
            entries: meter.gauge(&ENTRIES)?,
            weighted_size: meter.gauge(&WEIGHTED_SIZE)?,
            capacity: meter.gauge(&CAPACITY)?,
        })
    }
}
