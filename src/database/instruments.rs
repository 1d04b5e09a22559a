//! The definitions of query and pool metrics, and their families.

use crate::clock::Clock;
use crate::database::DatabaseOptions;
use crate::diagnostics::{Diagnostics, Problem};
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, Meter, Unit};

/// Upper bounds in seconds. Chosen: from a look-up by key beside the server to a report, with the guide's edges between a
/// quarter of a second and one second.
const EDGES: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0];

static QUERY_DURATION: Definition = Definition::histogram(
    "db_query_duration_seconds",
    "Time of queries by outcome: ok, cancelled, panicked, or the class of the error.",
)
.unit(Unit::Seconds)
.labels(&["pool", "operation", "outcome"])
.edges(EDGES);

static ACQUIRE: Definition = Definition::histogram(
    "db_pool_acquire_seconds",
    "Time that requests waited for a connection of the pool, by outcome.",
)
.unit(Unit::Seconds)
.labels(&["pool", "outcome"])
.edges(EDGES);

static CONNECTIONS: Definition =
    Definition::gauge("db_pool_connections", "Open connections of the pool by state: in_use, idle.")
        .labels(&["pool", "state"]);

static MAX: Definition =
    Definition::gauge("db_pool_max_connections", "The most connections that the pool opens.").labels(&["pool"]);

static UTILIZATION: Definition =
    Definition::gauge("db_pool_utilization_ratio", "Share of the connections that the pool may open which are in use.")
        .unit(Unit::Ratio)
        .labels(&["pool"]);

static WAITING: Definition = Definition::gauge_absent_until_set(
    "db_pool_waiting_requests",
    "Requests that wait for a connection of the pool, where its driver tells or acquisitions are measured.",
)
.labels(&["pool"]);

static OPENED: Definition = Definition::counter(
    "db_pool_connections_opened_total",
    "Connections that the pool opened, where its driver or a hook of it tells.",
)
.labels(&["pool"]);

static CLOSED: Definition = Definition::counter(
    "db_pool_connections_closed_total",
    "Connections of the pool that were closed, where it is known how many were opened.",
)
.labels(&["pool"]);

/// What everything of one registration shares.
pub(super) struct Shared {
    pub(super) families: Families,
    pub(super) options: DatabaseOptions,
    pub(super) clock: Clock,
    pub(super) diagnostics: Diagnostics,
}

/// The registered families.
pub(super) struct Families {
    pub(super) query_duration: Family<Histogram, 3>,
    pub(super) acquire: Family<Histogram, 2>,
    pub(super) connections: Family<Gauge, 2>,
    pub(super) max: Family<Gauge, 1>,
    pub(super) utilization: Family<Gauge, 1>,
    pub(super) waiting: Family<Gauge, 1>,
    pub(super) opened: Family<Counter, 1>,
    pub(super) closed: Family<Counter, 1>,
}

impl Shared {
    pub(super) fn register(meter: &Meter, clock: Clock, options: DatabaseOptions) -> Result<Self, DefinitionError> {
        clock.calibrate();
        let families = Families {
            query_duration: meter.histogram(&QUERY_DURATION)?,
            acquire: meter.histogram(&ACQUIRE)?,
            connections: meter.gauge(&CONNECTIONS)?,
            max: meter.gauge(&MAX)?,
            utilization: meter.gauge(&UTILIZATION)?,
            waiting: meter.gauge(&WAITING)?,
            opened: meter.counter(&OPENED)?,
            closed: meter.counter(&CLOSED)?,
        };
        Ok(Self { families, options, clock, diagnostics: meter.diagnostics().clone() })
    }

    /// Counts a line that a subscriber of the host's panicked at.
    pub(super) fn note(&self, told: Option<()>) {
        if told.is_none() {
            self.diagnostics.count(Problem::SubscriberPanicked);
        }
    }
}
