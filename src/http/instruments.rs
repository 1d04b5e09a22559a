//! What is counted of requests, under the guide's names or OpenTelemetry's.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;

use super::labels::{Outcome, StatusClass};
use super::measures::ResponseKind;
use super::naming::{Naming, UrlScheme};
use super::options::{HttpOptions, Measure};
use super::route::UNMATCHED;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, LabelValue, Meter, Tally, Unit};
use crate::trace::{MeasuredSpan, Target, TraceContext};

static RESPONSE_TIME: Definition = Definition::histogram(
    "api_response_time_seconds",
    "Time until the response head: the service's own time. Upgrades and streams stay out.",
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

static ERRORS: Definition = errors(
    "Requests finished with an outcome that is the service's fault: server_error, failed, body_failed, panicked.",
);

static ERRORS_WITH_GRPC: Definition = errors(
    "Requests finished with an outcome that is the service's fault (server_error, failed, body_failed, panicked), or a \
     status of gRPC that is.",
);

static ERRORS_BY_RULE: Definition = errors("Requests finished in a way that the service's own rule calls an error.");

const fn errors(help: &'static str) -> Definition {
    Definition::counter("api_errors_total", help).labels(&["method", "route", "status", "outcome"])
}

static IN_FLIGHT: Definition =
    Definition::gauge("api_in_flight_requests", "Requests started and not finished.").labels(&["method", "route"]);

static OTEL_DURATION: Definition = Definition::histogram(
    "http_server_request_duration_seconds",
    "Time until the response head, counted when the request is finished. Upgrades and streams stay out.",
)
.unit(Unit::Seconds)
.labels(&["http_request_method", "http_route", "http_response_status_code", "url_scheme", "error_type"]);

static OTEL_ACTIVE: Definition = Definition::gauge("http_server_active_requests", "Requests started and not finished.")
    .labels(&["http_request_method", "url_scheme"]);

/// A route and method, as labels.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) method: LabelValue,
    pub(super) route: LabelValue,
}

impl Account {
    /// A request as a span: the context's own.
    pub(super) fn span<'a>(&'a self, context: &'a TraceContext, ending: Ending, took: Duration) -> MeasuredSpan<'a> {
        let Ending { status, outcome, verdict } = ending;
        MeasuredSpan {
            context,
            span_id: context.span_id(),
            parent: context.parent_span_id(),
            took,
            method: self.method.as_str(),
            target: match self.route.as_str() {
                UNMATCHED => Target::Unmatched,
                route => Target::Route(route),
            },
            status,
            failure: (verdict == Verdict::Error).then(|| outcome.as_str()),
        }
    }
}

/// Labels of the service's own, with their values.
pub(super) type FurtherLabels = [(&'static str, LabelValue)];

/// How a request ended, as far as series tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) status: Option<StatusCode>,
    pub(super) outcome: Outcome,
    pub(super) verdict: Verdict,
}

/// What the rule of errors says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    Error,
}

/// The families that every request is in.
pub(super) enum HttpInstruments {
    Api(ApiFamilies),
    OpenTelemetry(OpenTelemetryFamilies),
}

pub(super) struct ApiFamilies {
    response_time: Family<Histogram, 3>,
    started: Family<Counter, 2>,
    finished: Family<Counter, 4>,
    errors: Family<Counter, 4>,
    in_flight: Family<Gauge, 2>,
}

pub(super) struct OpenTelemetryFamilies {
    duration: Family<Histogram, 5>,
    active: Family<Gauge, 2>,
    /// By method: routes share them.
    tallies: Mutex<HashMap<LabelValue, Tally>>,
    scheme: UrlScheme,
}

/// The handles of one way to end.
pub(super) enum Finished {
    Counted {
        finished: Counter,
        error: Option<Counter>,
    },
    /// The time to the head is recorded when all is known.
    Timed(Histogram),
}

impl HttpInstruments {
    /// Registers the families, with further edges for the latency where there are objectives.
    pub(super) fn register(meter: &Meter, options: &HttpOptions) -> Result<Self, DefinitionError> {
        let edges = &options.objective_edges();
        let errors = match options.errors {
            Some(_) => &ERRORS_BY_RULE,
            None if options.measures.contains(&Measure::Grpc) => &ERRORS_WITH_GRPC,
            None => &ERRORS,
        };
        Ok(match options.naming {
            Naming::Api => Self::Api(ApiFamilies {
                response_time: with_edges(meter, &RESPONSE_TIME, edges)?,
                started: meter.counter(&STARTED)?,
                finished: meter.counter(&FINISHED)?,
                errors: meter.counter(errors)?,
                in_flight: meter.gauge(&IN_FLIGHT)?,
            }),
            Naming::OpenTelemetry(scheme) => Self::OpenTelemetry(OpenTelemetryFamilies {
                duration: with_edges(meter, &OTEL_DURATION, edges)?,
                active: meter.gauge(&OTEL_ACTIVE)?,
                tallies: Mutex::default(),
                scheme,
            }),
        })
    }

    pub(super) fn in_flight(&self, account: &Account) -> Tally {
        match self {
            Self::Api(families) => families.in_flight.tally([account.method.clone(), account.route.clone()]),
            Self::OpenTelemetry(families) => {
                let mut tallies = families.tallies.lock().unwrap_or_else(PoisonError::into_inner);
                let method = account.method.clone();
                let open = || families.active.tally([method.clone(), families.scheme.as_str().into()]);
                tallies.entry(method.clone()).or_insert_with(open).clone()
            }
        }
    }

    pub(super) fn started(&self, account: &Account) -> Option<Counter> {
        match self {
            Self::Api(families) => Some(families.started.series([account.method.clone(), account.route.clone()])),
            Self::OpenTelemetry(_) => None,
        }
    }

    /// Where the time to the head is recorded as soon as the head is there.
    pub(super) fn response_time(
        &self,
        account: &Account,
        class: StatusClass,
        further: &FurtherLabels,
    ) -> Option<Histogram> {
        match self {
            Self::Api(families) => {
                let labels = [account.method.clone(), account.route.clone(), class.as_str().into()];
                Some(families.response_time.series_with(labels, further))
            }
            Self::OpenTelemetry(_) => None,
        }
    }

    /// Whether responses of a kind are counted when they end: OpenTelemetry has its latency histogram only, from which
    /// upgrades and streams stay out.
    pub(super) fn counts(&self, kind: ResponseKind) -> bool {
        matches!(self, Self::Api(_)) || kind == ResponseKind::Finite
    }

    pub(super) fn finished(&self, account: &Account, ending: Ending, further: &FurtherLabels) -> Finished {
        match self {
            Self::Api(families) => {
                let status = ending.status.map_or("none".into(), |status| LabelValue::capped(status.as_str()));
                let labels = [account.method.clone(), account.route.clone(), status, ending.outcome.as_str().into()];
                let error = ending.verdict == Verdict::Error;
                Finished::Counted {
                    error: error.then(|| families.errors.series_with(labels.clone(), further)),
                    finished: families.finished.series_with(labels, further),
                }
            }
            Self::OpenTelemetry(families) => {
                let labels = [
                    account.method.clone(),
                    http_route(account),
                    status_code(ending.status),
                    families.scheme.as_str().into(),
                    error_type(ending),
                ];
                Finished::Timed(families.duration.series_with(labels, further))
            }
        }
    }
}

/// A host's recorder has its buckets already, which is no matter unless there are further edges.
pub(super) fn with_edges<const N: usize>(
    meter: &Meter,
    definition: &Definition,
    edges: &[f64],
) -> Result<Family<Histogram, N>, DefinitionError> {
    if edges.is_empty() { meter.histogram(definition) } else { meter.histogram_with(definition, edges) }
}

/// OpenTelemetry has no route where none matched, and so an empty value, which is an absent label.
pub(super) fn http_route(account: &Account) -> LabelValue {
    if account.route.as_str() == UNMATCHED { "".into() } else { account.route.clone() }
}

pub(super) fn status_code(status: Option<StatusCode>) -> LabelValue {
    status.map_or("".into(), |status| LabelValue::capped(status.as_str()))
}

/// The status of errors that have one which says so, else the outcome; nothing for what went well.
fn error_type(ending: Ending) -> LabelValue {
    match (ending.outcome, ending.verdict) {
        (Outcome::Ok | Outcome::ClientError | Outcome::ServerError, Verdict::Error) => status_code(ending.status),
        (Outcome::Cancelled | Outcome::Aborted, _) | (_, Verdict::Error) => ending.outcome.as_str().into(),
        (_, Verdict::Fine) => "".into(),
    }
}
