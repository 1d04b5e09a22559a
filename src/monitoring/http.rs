//! What a `Monitoring` gives for requests, and what its builder is told of them.

use super::{Monitoring, MonitoringBuilder};
use crate::clock::Clock;
use crate::drain::Drain;
use crate::http::client::{ClientInstruments, Peer};
use crate::http::{
    AccessLog, HttpLayer, HttpMetricsLayer, HttpOptions, HttpOptionsError, RequestBodyLayer, ResponseHeaders,
    TraceLayer,
};
use crate::metrics::{DefinitionError, Meter};
use crate::trace::TraceOptions;

/// The layers of one monitoring.
pub(super) struct Http {
    pub(super) metrics: HttpMetricsLayer,
    pub(super) trace: TraceLayer,
    clients: ClientInstruments,
}

impl Http {
    pub(super) fn register(
        meter: &Meter,
        clock: &Clock,
        drain: &Drain,
        options: HttpOptions,
        trace: TraceLayer,
    ) -> Result<Self, HttpOptionsError> {
        let spans = options.span_sink();
        let metrics = HttpMetricsLayer::new(meter, clock.clone(), drain.clone(), options)?;
        let clients = ClientInstruments::register_with(meter, clock.clone(), spans)?;
        Ok(Self { metrics, trace, clients })
    }
}

impl MonitoringBuilder {
    /// Which headers responses get if they have none of that name. Default: `x-request-id` and `traceresponse`.
    pub fn response_headers(mut self, headers: ResponseHeaders) -> Self {
        self.response_headers = headers;
        self
    }

    /// Says which callers' traces are continued, and how many of those that begin here are sampled; see
    /// [`TraceOptions`]. Default: all.
    pub fn trace(mut self, options: TraceOptions) -> Self {
        self.trace = Some(options);
        self
    }

    /// Leaves a route out of the request metrics, by its template. The health routes are left out by themselves unless
    /// they are nested under another path.
    pub fn unmeasured(mut self, template: impl Into<String>) -> Self {
        self.http = self.http.unmeasured(template);
        self
    }

    /// Sets what the defaults of the request metrics do not fit: labels, measures, objectives, names.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
    /// use std::time::Duration;
    ///
    /// use aistm7_monitoring::Monitoring;
    ///
    /// let monitoring = Monitoring::builder("orders")
    ///     .http(|http| http.response_body_bytes().objective("/orders/{id}", Duration::from_millis(300)))
    ///     .build()?;
    /// assert!(monitoring.registry().render().contains("api_objective_met_total{route=\"/orders/{id}\"} 0\n"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn http(mut self, configure: impl FnOnce(HttpOptions) -> HttpOptions) -> Self {
        self.http = configure(self.http);
        self
    }

    /// Writes one event a finished request; see [`AccessLog`]. Default: none, since a service
    /// that has one already, or pays for its lines, would be surprised.
    pub fn access_log(mut self, log: AccessLog) -> Self {
        self.http = self.http.access_log(log);
        self
    }
}

impl Monitoring {
    /// Metrics and trace context for every request: apply it last, so that 404s are measured.
    pub fn http_layer(&self) -> HttpLayer {
        HttpLayer::new(self.trace_layer(), self.http_metrics_layer())
    }

    /// Only the metrics.
    pub fn http_metrics_layer(&self) -> HttpMetricsLayer {
        self.0.http.metrics.clone()
    }

    /// The bytes of request bodies as they are read, `api_request_body_bytes`, which exists from the first call on. A
    /// layer by itself because it changes the type of the request's body: apply it inside of
    /// [`Monitoring::http_layer`], where the routes are known.
    ///
    /// # Errors
    /// When the service has registered another metric of that name.
    pub fn request_body_layer(&self) -> Result<RequestBodyLayer, DefinitionError> {
        self.0.http.metrics.request_body_layer()
    }

    /// Only the trace context.
    pub fn trace_layer(&self) -> TraceLayer {
        self.0.http.trace.clone()
    }

    /// A service that this one calls, by a declared name: a layer for its client, so that calls continue the trace and
    /// are timed. Resolve once, keep.
    pub fn client(&self, peer: &'static str) -> Peer {
        self.0.http.clients.peer(peer)
    }
}
