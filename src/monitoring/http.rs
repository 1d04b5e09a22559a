//! What a `Monitoring` gives for requests.

use super::Monitoring;
use crate::clock::Clock;
use crate::drain::Drain;
use crate::http::{HttpLayer, HttpMetricsLayer, ResponseHeaders, TraceLayer};
use crate::metrics::{DefinitionError, Meter};

/// The layers of one monitoring.
pub(super) struct Http {
    pub(super) metrics: HttpMetricsLayer,
    pub(super) trace: TraceLayer,
}

impl Http {
    pub(super) fn register(
        meter: &Meter,
        clock: &Clock,
        drain: &Drain,
        unmeasured: Vec<String>,
        headers: ResponseHeaders,
    ) -> Result<Self, DefinitionError> {
        let metrics = HttpMetricsLayer::new(meter, clock.clone(), drain.clone(), unmeasured)?;
        Ok(Self { metrics, trace: TraceLayer::new().response_headers(headers) })
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

    /// Only the trace context.
    pub fn trace_layer(&self) -> TraceLayer {
        self.0.http.trace.clone()
    }
}
