//! What is counted of requests.

use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, Meter, Unit};

static RESPONSE_TIME: Definition = Definition::histogram(
    "api_response_time_seconds",
    "Time until the response head: the service's own time. Upgrades and event streams stay out.",
)
.unit(Unit::Seconds)
.labels(&["method", "route", "status_class"]);

static STARTED: Definition = Definition::counter("api_requests_started_total", "Requests that reached the service.")
    .labels(&["method", "route"]);

static FINISHED: Definition = Definition::counter(
    "api_requests_total",
    "Requests finished, at the end of the response body, by exact status (none without a response head) and outcome.",
)
.labels(&["method", "route", "status", "outcome"]);

static ERRORS: Definition = Definition::counter(
    "api_errors_total",
    "Requests finished with an outcome that is the service's fault: server_error, failed, body_failed, panicked.",
)
.labels(&["method", "route", "status", "outcome"]);

static IN_FLIGHT: Definition =
    Definition::gauge("api_in_flight_requests", "Requests started and not finished.").labels(&["method", "route"]);

static EVENT_STREAMS_ENDED: Definition = Definition::counter(
    "api_event_streams_ended_total",
    "Event streams that were ended because the process closed; their clients connect anew elsewhere.",
);

/// The families of requests, registered.
#[derive(Clone, Debug)]
pub(super) struct HttpInstruments {
    pub(super) response_time: Family<Histogram, 3>,
    pub(super) started: Family<Counter, 2>,
    pub(super) finished: Family<Counter, 4>,
    pub(super) errors: Family<Counter, 4>,
    pub(super) in_flight: Family<Gauge, 2>,
    pub(super) event_streams_ended: Counter,
}

impl HttpInstruments {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            response_time: meter.histogram(&RESPONSE_TIME)?,
            started: meter.counter(&STARTED)?,
            finished: meter.counter(&FINISHED)?,
            errors: meter.counter(&ERRORS)?,
            in_flight: meter.gauge(&IN_FLIGHT)?,
            event_streams_ended: meter.counter(&EVENT_STREAMS_ENDED)?.series([]),
        })
    }
}
