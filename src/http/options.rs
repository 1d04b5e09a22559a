//! What a service chooses of its request metrics. Nothing of it costs a request anything unless it is chosen.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::access_log::AccessLog;
use super::custom_labels::{CustomLabel, Source};
use super::head::{RequestEnd, RequestHead, ResponseHead, RouteLabel};
use super::methods::KnownMethods;
use super::naming::{Naming, UrlScheme};
use crate::error::InvalidValue;
use crate::metrics::DefinitionError;
use crate::trace::SpanSink;

pub(super) type ErrorRule = Box<dyn Fn(&RequestEnd) -> bool + Send + Sync>;
pub(super) type Skip = Box<dyn for<'r> Fn(RequestHead<'r>) -> bool + Send + Sync>;

/// How requests are measured. The default is the `api_*` family of every route, under axum's templates.
///
/// ```
/// use std::time::Duration;
///
/// use aistm7_monitoring::http::HttpOptions;
///
/// let options = HttpOptions::new()
///     .unmeasured("/internal/{part}")
///     .streaming("/prices/live")
///     .objective("/orders/{id}", Duration::from_millis(300))
///     .response_body_bytes()
///     .request_label("tier", ["free", "paid"], |request| request.headers.get("x-tier")?.to_str().ok());
/// ```
#[must_use = "options do nothing until a layer is built with them"]
#[derive(Default)]
pub struct HttpOptions {
    pub(super) unmeasured: Vec<String>,
    pub(super) streaming: Vec<String>,
    pub(super) skips: Vec<Skip>,
    pub(super) methods: Option<Result<KnownMethods, InvalidValue>>,
    pub(super) route_label: Option<Arc<dyn RouteLabel>>,
    pub(super) labels: Vec<CustomLabel>,
    pub(super) errors: Option<ErrorRule>,
    pub(super) measures: Vec<Measure>,
    pub(super) objectives: Vec<(String, Duration)>,
    pub(super) naming: Naming,
    pub(super) access_log: Option<AccessLog>,
    pub(super) spans: Option<Arc<dyn SpanSink>>,
}

/// What is measured only if it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Complete,
    ResponseBytes,
    Grpc,
}

/// Why a layer could not be built with its options.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpOptionsError {
    /// A label, method, limit or share breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// A family's name is taken, or cannot get the edges of an objective.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
}

impl HttpOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands out every request of a sampled trace as a span.
    #[cfg(feature = "otlp")]
    pub(crate) fn spans(mut self, spans: Option<Arc<dyn SpanSink>>) -> Self {
        self.spans = spans;
        self
    }

    /// Where those spans go.
    pub(crate) fn span_sink(&self) -> Option<Arc<dyn SpanSink>> {
        self.spans.clone()
    }

    /// Leaves a route out, by its template.
    pub fn unmeasured(mut self, template: impl Into<String>) -> Self {
        self.unmeasured.push(template.into());
        self
    }

    /// Leaves out the requests that a rule names, such as the probes of a load balancer. It runs for every request.
    pub fn skip(mut self, rule: impl for<'r> Fn(RequestHead<'r>) -> bool + Send + Sync + 'static) -> Self {
        self.skips.push(Box::new(rule));
        self
    }

    /// Says that the successful responses of a route, by its template, go on as long as both sides please. As event
    /// streams do by themselves, they then stay out of the latency and are shown by `api_active_streams` and
    /// `api_stream_duration_seconds`.
    pub fn streaming(mut self, template: impl Into<String>) -> Self {
        self.streaming.push(template.into());
        self
    }

    /// Names the routes of a router that is not axum's; see [`RouteLabel`].
    pub fn route_label(mut self, label: impl RouteLabel) -> Self {
        self.route_label = Some(Arc::new(label));
        self
    }

    /// The methods that are label values, in place of the usual ones; any other is `_OTHER`. At most 40.
    ///
    /// With [`Monitoring`](crate::Monitoring), `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` overrides it: names with commas
    /// in between. Default: those of RFC 9110, `PATCH` and `QUERY`.
    pub fn known_methods<'a>(mut self, methods: impl IntoIterator<Item = &'a str>) -> Self {
        self.methods = Some(KnownMethods::list(methods));
        self
    }

    /// Adds a label to the counters of finished requests and to the latency, read from the request.
    ///
    /// Its values are the declared ones, `none` where the rule says `None`, and `_other` for anything else, which is
    /// counted as `unknown_label_value`. What the rule returns is only compared. All labels together may have 64
    /// combinations of values; each has series of its own for every route and method, at 0 from its first request on.
    pub fn request_label(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = &'static str>,
        value: impl for<'r> Fn(RequestHead<'r>) -> Option<&'r str> + Send + Sync + 'static,
    ) -> Self {
        self.label(name, values, Source::Request(Arc::new(value)))
    }

    /// As [`HttpOptions::request_label`], read from the response's head; `none` without one.
    pub fn response_label(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = &'static str>,
        value: impl for<'r> Fn(ResponseHead<'r>) -> Option<&'r str> + Send + Sync + 'static,
    ) -> Self {
        self.label(name, values, Source::Response(Arc::new(value)))
    }

    fn label(mut self, name: &'static str, values: impl IntoIterator<Item = &'static str>, source: Source) -> Self {
        self.labels.push(CustomLabel { name, values: values.into_iter().collect(), source });
        self
    }

    /// Says which ends are errors, in place of [`RequestEnd::is_error`]. Outcomes stay what they are.
    ///
    /// ```
    /// use aistm7_monitoring::http::HttpOptions;
    ///
    /// // A service that answers 503 on purpose while it sheds load.
    /// let options = HttpOptions::new()
    ///     .errors(|end| end.is_error() && end.status.is_none_or(|status| status.as_u16() != 503));
    /// ```
    pub fn errors(mut self, rule: impl Fn(&RequestEnd) -> bool + Send + Sync + 'static) -> Self {
        self.errors = Some(Box::new(rule));
        self
    }

    /// Also measures the time to the end of the body, `api_response_complete_seconds`: the client's pace included, of
    /// responses that were sent in full. Cost: one more look at the clock.
    pub fn response_complete(self) -> Self {
        self.measure(Measure::Complete)
    }

    /// Also measures the bytes of response bodies as they were sent, `api_response_body_bytes`: one sample a response,
    /// of 0 if it had no body, of what was sent until then if it was aborted. Inside of this layer a compression layer
    /// has done its work already; outside it has not.
    pub fn response_body_bytes(self) -> Self {
        self.measure(Measure::ResponseBytes)
    }

    /// Also reads the status of gRPC from trailers and heads, for responses that say that they are `application/grpc`:
    /// `api_grpc_requests_total`. A status that is the server's fault makes the request an error, although its HTTP
    /// status is 200.
    pub fn grpc(self) -> Self {
        self.measure(Measure::Grpc)
    }

    fn measure(mut self, measure: Measure) -> Self {
        self.measures.push(measure);
        self
    }

    /// Declares how long the head of a route's responses may take. The limit becomes a bucket edge of the whole latency
    /// family; `api_objective_requests_total{route}` and `api_objective_met_total{route}` count from 0.
    ///
    /// Streams and upgrades do not count, nor do requests that were given up before the limit. Errors never meet it.
    pub fn objective(mut self, template: impl Into<String>, limit: Duration) -> Self {
        self.objectives.push((template.into(), limit));
        self
    }

    /// Shows requests under the names of OpenTelemetry's semantic conventions instead of `api_*`; `docs/metrics.md` has
    /// the table. The scheme is that by which clients reach the service.
    pub fn open_telemetry(mut self, scheme: UrlScheme) -> Self {
        self.naming = Naming::OpenTelemetry(scheme);
        self
    }

    /// Writes one event a finished request; see [`AccessLog`]. Default: none.
    pub fn access_log(mut self, log: AccessLog) -> Self {
        self.access_log = Some(log);
        self
    }

    /// The limits of objectives, as bucket edges in seconds.
    pub(super) fn objective_edges(&self) -> Vec<f64> {
        self.objectives.iter().map(|(_, limit)| limit.as_secs_f64()).collect()
    }

    pub(super) fn check(&self) -> Result<(), InvalidValue> {
        self.access_log.as_ref().map_or(Ok(()), AccessLog::check)?;
        for (position, (route, limit)) in self.objectives.iter().enumerate() {
            if limit.is_zero() {
                return Err(InvalidValue::new("objective of route", route, "a limit above zero"));
            }
            if self.objectives[..position].iter().any(|(earlier, _)| earlier == route) {
                return Err(InvalidValue::new("objective of route", route, "one limit a route"));
            }
        }
        Ok(())
    }

    /// Everything that can be asked for, under either names, so that an exporter of the host knows every histogram.
    #[cfg(feature = "metrics-exporter-prometheus")]
    pub(crate) fn everything() -> [Self; 2] {
        let all = || Self::new().response_complete().response_body_bytes().grpc();
        [all(), all().open_telemetry(UrlScheme::Http)]
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("unmeasured", &self.unmeasured)
            .field("streaming", &self.streaming)
            .field("measures", &self.measures)
            .field("objectives", &self.objectives)
            .field("naming", &self.naming)
            .field("access_log", &self.access_log)
            .finish_non_exhaustive()
    }
}
