//! What a `Monitoring` gives for requests.

use super::Monitoring;
use crate::clock::Clock;
use crate::drain::Drain;
use crate::http::client::{ClientInstruments, Peer};
use crate::http::{HttpLayer, HttpMetricsLayer, HttpOptions, HttpOptionsError, RequestBodyLayer, TraceLayer};
use crate::metrics::{DefinitionError, Meter};

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
