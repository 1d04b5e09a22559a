//! The last step: everything accepted is written out, and what was lost is said.

use std::time::Duration;

use super::Monitoring;
use super::stop::listen_for_signals;
use crate::drain::Phase;

/// What [`Monitoring::shutdown`] wrote out and what it lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flushed {
    /// Log lines written since the start.
    pub log_lines_written: u64,
    /// Log lines accepted or offered, and not written.
    pub log_lines_lost: u64,
    /// Event streams that were ended because the process closed.
    pub streams_ended: u64,
    /// WebSockets that were closed with 1001 because the process closed.
    pub websockets_closed: u64,
    /// Runs of short-lived jobs that had ended and were still being pushed.
    pub pushes_lost: u64,
    /// Spans and log records that were to be exported and that no collector has taken, since the start.
    pub otlp_items_lost: u64,
}

impl Monitoring {
    /// Resolves when a server of the host's own should stop accepting: at the end of the drain delay that SIGTERM,
    /// SIGINT or [`Monitoring::stop`] begins.
    ///
    /// ```no_run
    /// # async fn run(monitoring: aistm7_monitoring::Monitoring, listener: tokio::net::TcpListener, app: axum::Router)
    /// # -> std::io::Result<()> {
    /// axum::serve(monitoring.listener(listener), app).with_graceful_shutdown(monitoring.shutdown_signal()).await
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn shutdown_signal(&self) -> impl Future<Output = ()> + Send + use<> {
        if let Err(error) = listen_for_signals(&self.0.stop) {
            tracing::error!(error = &error as &dyn std::error::Error, "Cannot listen for SIGTERM and SIGINT");
        }
        let (stop, drain, delay) = (self.0.stop.clone(), self.0.drain.clone(), self.0.stop_times.drain_delay);
        async move { stop.walk(&drain, delay).await }
    }

    /// Waits for pushes of short-lived jobs, sends what is to be exported and writes out the log, for at most `deadline`, and says what became of
    /// everything.
    ///
    /// # Cancellation
    /// Safe; writing and pushing go on in the background.
    pub async fn shutdown(&self, deadline: Duration) -> Flushed {
        self.0.drain.enter(Phase::Closing);
        let snapshot = self.0.registry.snapshot();
        // The casts are exact for any count of connections.
        let count = |name, labels: &[_]| snapshot.sum(name, labels).unwrap_or_default() as u64;
        // First, because a push that fails is a line of the log.
        let (pushes_lost, left) = self.wait_for_pushes(deadline).await;
        let left = self.flush_export(left).await;
        let (log_lines_written, log_lines_lost) = self.flush_log(left).await;
        let exports = self.0.registry.snapshot();
        let export = |name| exports.sum(name, &[]).unwrap_or_default();
        let not_exported = export("otlp_items_total") - export("otlp_items_exported_total");
        Flushed {
            log_lines_written,
            log_lines_lost,
            streams_ended: count("api_event_streams_ended_total", &[]),
            websockets_closed: count("websocket_closes_total", &[("reason", "server_shutdown")]),
            pushes_lost,
            // The cast is exact for any count of spans; what is exported meanwhile must not make it negative.
            otlp_items_lost: not_exported.max(0.0) as u64,
        }
    }

    #[cfg(not(feature = "log"))]
    async fn flush_log(&self, _: Duration) -> (u64, u64) {
        (0, 0)
    }

    #[cfg(not(feature = "otlp"))]
    async fn flush_export(&self, deadline: Duration) -> Duration {
        deadline
    }

    #[cfg(not(feature = "push"))]
    async fn wait_for_pushes(&self, deadline: Duration) -> (u64, Duration) {
        (0, deadline)
    }
}
