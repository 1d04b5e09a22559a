//! What a `Monitoring` gives a gRPC server.

use axum::Router;

use super::Monitoring;

impl Monitoring {
    /// The standard health service of gRPC, `grpc.health.v1.Health` with `Check`, `List` and `Watch`, for the router that
    /// serves the other calls; tonic's routes are such a router too (`Routes::into_axum_router`).
    ///
    /// | service | `SERVING` |
    /// |---|---|
    /// | `""` | while `/health/ready` is 200 |
    /// | the name of a check | while it is healthy or degraded; `UNKNOWN` while its status is |
    ///
    /// Once the process drains all are `NOT_SERVING`, whatever the checks say. Another name is `NOT_FOUND` for `Check`
    /// and `SERVICE_UNKNOWN` for `Watch`. A watch tells the latest status and ends with `UNAVAILABLE` when the process
    /// closes; there are at most 1,000 at once, and more are refused with `RESOURCE_EXHAUSTED`.
    ///
    /// Answers come from memory, over HTTP/2 only, and are not measured.
    ///
    /// ```no_run
    /// # async fn run(monitoring: aistm7_monitoring::Monitoring, listener: tokio::net::TcpListener, calls: axum::Router)
    /// # -> Result<(), aistm7_monitoring::monitoring::ServeError> {
    /// let app = calls.merge(monitoring.grpc_health_routes()).layer(monitoring.http_layer());
    /// monitoring.serve(listener, app).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn grpc_health_routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        self.0.grpc_health.routes()
    }
}
