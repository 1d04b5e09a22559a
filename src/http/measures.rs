//! What is measured of a request's end only where the service asks for it, and of its long answers.

use std::collections::HashMap;
use std::time::Duration;

use http::StatusCode;

use super::chain::Chain;
use super::grpc::{Grpc, GrpcStatus};
use super::instruments::{Account, Ending, Verdict, http_route, status_code, with_edges};
use super::labels::{Outcome, StatusClass};
use super::naming::{Naming, UrlScheme};
use super::options::{HttpOptions, Measure};
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, Meter, Tally, Unit};
use crate::trace::TraceContext;

static COMPLETE: Definition = Definition::histogram(
    "api_response_complete_seconds",
    "Time until the end of the response body, the client's pace included, of responses that were sent in full.",
)
.unit(Unit::Seconds)
.labels(&["method", "route", "status_class"]);

static RESPONSE_BYTES: Definition = Definition::histogram(
    "api_response_body_bytes",
    "Bytes of response bodies as they were sent, without framing; one sample a response, of 0 if it had no body.",
)
.unit(Unit::Bytes)
.labels(&["method", "route", "status_class"])
.edges(BODY_EDGES);

static REQUEST_BYTES: Definition = Definition::histogram(
    "api_request_body_bytes",
    "Bytes of request bodies as they were read, without framing; one sample a request, of 0 if nothing was read.",
)
.unit(Unit::Bytes)
.labels(&["method", "route"])
.edges(BODY_EDGES);

static OTEL_RESPONSE_BYTES: Definition = Definition::histogram(
    "http_server_response_body_size_bytes",
    "Bytes of response bodies as they were sent, without framing; one sample a response, of 0 if it had no body.",
)
.unit(Unit::Bytes)
.labels(&["http_request_method", "http_route", "http_response_status_code", "url_scheme"])
.edges(BODY_EDGES);

static OTEL_REQUEST_BYTES: Definition = Definition::histogram(
    "http_server_request_body_size_bytes",
    "Bytes of request bodies as they were read, without framing; one sample a request, of 0 if nothing was read.",
)
.unit(Unit::Bytes)
.labels(&["http_request_method", "http_route", "url_scheme"])
.edges(BODY_EDGES);

static GRPC: Definition = Definition::counter(
    "api_grpc_requests_total",
    "Responses of gRPC that ended, by the status in their trailers or head; none if they ended without one.",
)
.labels(&["route", "grpc_status"]);

static OBJECTIVE: Definition =
    Definition::gauge("api_objective_seconds", "The declared limit of the time until the response head.")
        .unit(Unit::Seconds)
        .labels(&["route"]);

static OBJECTIVE_REQUESTS: Definition = Definition::counter(
    "api_objective_requests_total",
    "Requests that a latency objective is about: all but streams, upgrades and those given up before the limit.",
)
.labels(&["route"]);

static OBJECTIVE_MET: Definition =
    Definition::counter("api_objective_met_total", "Requests answered within the declared limit that were no errors.")
        .labels(&["route"]);

static ACTIVE_STREAMS: Definition = Definition::gauge(
    "api_active_streams",
    "Responses being sent that go on as long as both sides please: event streams, and those of declared routes.",
)
.labels(&["method", "route"]);

static STREAM_DURATION: Definition =
    Definition::histogram("api_stream_duration_seconds", "How long such responses went on, from their head.")
        .unit(Unit::Seconds)
        .labels(&["method", "route"])
        .edges(STREAM_EDGES);

/// Powers of four from 256 B to 16 MiB: what fits a packet, what does not, and what is an upload.
const BODY_EDGES: &[f64] =
    &[256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0];

/// From a failed attempt to a trading day.
const STREAM_EDGES: &[f64] = &[1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0];

/// The families that every layer has for streams, and those that its options ask for.
pub(super) struct Measures {
    active_streams: Family<Gauge, 2>,
    stream_duration: Family<Histogram, 2>,
    complete: Option<Family<Histogram, 3>>,
    response_bytes: Option<ResponseBytes>,
    grpc: Option<Family<Counter, 2>>,
    objectives: HashMap<String, Objective>,
}

enum ResponseBytes {
    Api(Family<Histogram, 3>),
    OpenTelemetry(Family<Histogram, 4>, UrlScheme),
}

/// Where the bytes of request bodies are recorded.
#[derive(Clone)]
pub(super) enum RequestBytes {
    Api(Family<Histogram, 2>),
    OpenTelemetry(Family<Histogram, 3>, UrlScheme),
}

/// A latency objective and how it is met.
#[derive(Clone)]
struct Objective {
    limit: Duration,
    requests: Counter,
    met: Counter,
}

/// What is known of a request once it is over.
pub(super) struct Measured {
    pub(super) ending: Ending,
    /// Time until the head; until the end if there was none.
    pub(super) head_after: Duration,
    pub(super) kind: ResponseKind,
    /// Bytes of the body that were handed out.
    pub(super) sent: u64,
    pub(super) grpc: Grpc,
}

/// How a response goes on after its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseKind {
    /// It ends by itself.
    Finite,
    /// It goes on as long as both sides please.
    Stream,
    Upgrade,
}

impl Measures {
    pub(super) fn register(meter: &Meter, options: &HttpOptions) -> Result<Self, DefinitionError> {
        let asks = |measure| options.measures.contains(&measure);
        let edges = options.objective_edges();
        Ok(Self {
            active_streams: meter.gauge(&ACTIVE_STREAMS)?,
            stream_duration: meter.histogram(&STREAM_DURATION)?,
            complete: asks(Measure::Complete).then(|| with_edges(meter, &COMPLETE, &edges)).transpose()?,
            response_bytes: asks(Measure::ResponseBytes)
                .then(|| ResponseBytes::register(meter, options.naming))
                .transpose()?,
            grpc: asks(Measure::Grpc).then(|| meter.counter(&GRPC)).transpose()?,
            objectives: Objective::register(meter, &options.objectives)?,
        })
    }

    /// Whether responses are looked at for a status of gRPC.
    pub(super) fn reads_grpc(&self) -> bool {
        self.grpc.is_some()
    }

    /// The streams of a route and method, with both series at 0.
    pub(super) fn streams(&self, account: &Account) -> Streams {
        let labels = || [account.method.clone(), account.route.clone()];
        Streams { active: self.active_streams.tally(labels()), duration: self.stream_duration.series(labels()) }
    }

    /// `None` where nothing was asked for, which is the usual case.
    pub(super) fn of(&self, account: &Account) -> Option<Box<RouteMeasures>> {
        let objective = self.objectives.get(account.route.as_str()).cloned();
        let any = self.complete.is_some() || self.response_bytes.is_some() || self.grpc.is_some();
        (any || objective.is_some()).then(|| {
            Box::new(RouteMeasures {
                complete: Chain::default(),
                response_bytes: Chain::default(),
                grpc: Chain::default(),
                objective,
            })
        })
    }
}

/// Handles of what was asked for, of one route and method.
pub(super) struct RouteMeasures {
    complete: Chain<StatusClass, Histogram>,
    response_bytes: Chain<StatusCode, Histogram>,
    grpc: Chain<Option<GrpcStatus>, Counter>,
    objective: Option<Objective>,
}

impl RouteMeasures {
    /// The request is over. `took` tells how long it took, for which a clock may have to be read.
    pub(super) fn record(
        &self,
        families: &Measures,
        account: &Account,
        measured: &Measured,
        took: impl FnOnce() -> Duration,
        context: Option<&TraceContext>,
    ) {
        let Ending { status, outcome, .. } = measured.ending;
        if let Some(objective) = &self.objective {
            objective.judge(measured);
        }
        let Some(status) = status else { return };
        if let (Some(family), ResponseKind::Finite, true) = (&families.complete, measured.kind, outcome.is_complete()) {
            let class = StatusClass::of(Some(status));
            let histogram = self.complete.get_or_insert_with(class, |class| {
                family.series([account.method.clone(), account.route.clone(), class.as_str().into()])
            });
            histogram.record_duration_in(took(), context);
        }
        if let (Some(family), true) = (&families.response_bytes, measured.kind != ResponseKind::Upgrade) {
            let histogram = self.response_bytes.get_or_insert_with(status, |status| family.series(account, *status));
            // The cast is exact below 8 PiB.
            histogram.record(measured.sent as f64);
        }
        if let (Some(family), true) = (&families.grpc, measured.grpc != Grpc::No) {
            let said = self.grpc.get_or_insert_with(measured.grpc.status(), |said| {
                family.series([account.route.clone(), said.map_or("none", GrpcStatus::as_str).into()])
            });
            said.increment();
        }
    }
}

impl ResponseBytes {
    fn register(meter: &Meter, naming: Naming) -> Result<Self, DefinitionError> {
        Ok(match naming {
            Naming::Api => Self::Api(meter.histogram(&RESPONSE_BYTES)?),
            Naming::OpenTelemetry(scheme) => Self::OpenTelemetry(meter.histogram(&OTEL_RESPONSE_BYTES)?, scheme),
        })
    }

    fn series(&self, account: &Account, status: StatusCode) -> Histogram {
        let method = account.method.clone();
        match self {
            Self::Api(family) => {
                family.series([method, account.route.clone(), StatusClass::of(Some(status)).as_str().into()])
            }
            Self::OpenTelemetry(family, scheme) => {
                family.series([method, http_route(account), status_code(Some(status)), scheme.as_str().into()])
            }
        }
    }
}

impl RequestBytes {
    pub(super) fn register(meter: &Meter, naming: Naming) -> Result<Self, DefinitionError> {
        Ok(match naming {
            Naming::Api => Self::Api(meter.histogram(&REQUEST_BYTES)?),
            Naming::OpenTelemetry(scheme) => Self::OpenTelemetry(meter.histogram(&OTEL_REQUEST_BYTES)?, scheme),
        })
    }

    pub(super) fn series(&self, account: &Account) -> Histogram {
        match self {
            Self::Api(family) => family.series([account.method.clone(), account.route.clone()]),
            Self::OpenTelemetry(family, scheme) => {
                family.series([account.method.clone(), http_route(account), scheme.as_str().into()])
            }
        }
    }
}

impl Objective {
    /// Those of all routes, their counters at 0. The families exist only where there are any.
    fn register(meter: &Meter, declared: &[(String, Duration)]) -> Result<HashMap<String, Self>, DefinitionError> {
        if declared.is_empty() {
            return Ok(HashMap::new());
        }
        let limits: Family<Gauge, 1> = meter.gauge(&OBJECTIVE)?;
        let requests: Family<Counter, 1> = meter.counter(&OBJECTIVE_REQUESTS)?;
        let met: Family<Counter, 1> = meter.counter(&OBJECTIVE_MET)?;
        let objective = |(route, limit): &(String, Duration)| {
            let label = || [crate::metrics::LabelValue::capped(route.as_str())];
            limits.series(label()).set(limit.as_secs_f64());
            let objective = Self { limit: *limit, requests: requests.series(label()), met: met.series(label()) };
            (route.clone(), objective)
        };
        Ok(declared.iter().map(objective).collect())
    }

    /// Who gives up before the limit says nothing of it; who gives up after it has waited too long.
    fn judge(&self, measured: &Measured) {
        let in_time = measured.head_after <= self.limit;
        let given_up = matches!(measured.ending.outcome, Outcome::Cancelled | Outcome::Aborted);
        if measured.kind != ResponseKind::Finite || (given_up && in_time) {
            return;
        }
        self.requests.increment();
        if in_time && measured.ending.verdict == Verdict::Fine {
            self.met.increment();
        }
    }
}

/// The streams of one route and method.
pub(super) struct Streams {
    active: Tally,
    duration: Histogram,
}

impl Streams {
    pub(super) fn begin(&self) {
        self.active.open();
    }

    pub(super) fn end(&self, lasted: Duration, context: Option<&TraceContext>) {
        self.duration.record_duration_in(lasted, context);
        self.active.close();
    }
}
