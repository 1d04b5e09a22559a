//! Both layers as one.

use tower_layer::Layer;

use super::metrics_layer::{HttpMetrics, HttpMetricsLayer};
use super::trace_layer::{Trace, TraceLayer};

/// [`TraceLayer`] around [`HttpMetricsLayer`]: the one line that a service adds.
#[derive(Clone, Debug)]
pub struct HttpLayer {
    trace: TraceLayer,
    metrics: HttpMetricsLayer,
}

impl HttpLayer {
    /// Composes the two.
    pub fn new(trace: TraceLayer, metrics: HttpMetricsLayer) -> Self {
        Self { trace, metrics }
    }
}

impl<S> Layer<S> for HttpLayer {
    type Service = Trace<HttpMetrics<S>>;

    fn layer(&self, inner: S) -> Self::Service {
        self.trace.heads(self.metrics.layer(inner))
    }
}
