//! What a `Monitoring` gives for logs, and what its builder is told of them.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::builder::ConfigureLog;
use super::{BuildError, Identity, Monitoring, MonitoringBuilder, Variables};
use crate::clock::Clock;
use crate::log::{Directives, JsonLayer, Levels, Log, LogOptions};
use crate::metrics::Meter;

/// Starts the log with what code and environment say.
pub(super) fn start(
    configure: ConfigureLog,
    identity: &Identity,
    variables: &Variables,
    clock: &Clock,
    meter: &Meter,
) -> Result<Log, BuildError> {
    let mut options = configure(LogOptions::new(identity.service.clone()).clock(clock.clone()));
    if let Some(directives) = variables.get("RUST_LOG") {
        options =
            options.directives(Directives::parse(&directives).map_err(|refused| refused.of("RUST_LOG directive"))?);
    }
    Ok(Log::start(options, meter)?)
}

impl MonitoringBuilder {
    /// Sets what the log's defaults do not fit: sink, format, budget. `RUST_LOG` overrides the directives.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
    /// use aistm7_monitoring::Monitoring;
    /// use aistm7_monitoring::log::Sink;
    ///
    /// let monitoring = Monitoring::builder("risk-analysis").log(|log| log.sink(Sink::Stderr)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn log(mut self, configure: impl FnOnce(LogOptions) -> LogOptions + Send + 'static) -> Self {
        self.log = Box::new(configure);
        self
    }
}

impl Monitoring {
    /// The log: how its levels are changed, what it has to tell of errors, lines past `tracing`.
    ///
    /// A clone of it counts as one of the log's users, see [`Log`].
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// The layer that writes the log, for a host's own subscriber.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
    /// use aistm7_monitoring::Monitoring;
    /// use tracing_subscriber::{Layer, layer::SubscriberExt};
    ///
    /// let monitoring = Monitoring::builder("risk-analysis").build()?;
    /// let subscriber =
    ///     tracing_subscriber::registry().with(monitoring.log_layer().with_filter(monitoring.log_filter()));
    /// # drop(subscriber);
    /// # Ok(())
    /// # }
    /// ```
    pub fn log_layer(&self) -> JsonLayer {
        self.0.log.layer()
    }

    /// Opens the log's files anew at each SIGHUP, as programs that rotate logs from outside send it; see
    /// [`Log::reopen`](crate::log::Log::reopen). From then on SIGHUP does not end the process.
    ///
    /// # Errors
    /// When the process cannot listen for the signal.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn reopen_log_on_sighup(&self) -> io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let reopen = self.0.log.reopener();
        let task = tokio::spawn(async move { while hangup.recv().await.is_some() && reopen() {} });
        self.0.keep_until_dropped(task.abort_handle());
        Ok(())
    }

    /// Lines written and lost once the log is flushed or `deadline` has passed.
    pub(super) async fn flush_log(&self, deadline: Duration) -> (u64, u64) {
        let log = self.0.log.clone();
        // Flushing waits on a condition variable, which must not hold up a worker.
        let flushed = tokio::task::spawn_blocking(move || log.flush(deadline)).await;
        flushed.map_or((0, 0), |lines| (lines.written, lines.lost))
    }

    /// The levels of `RUST_LOG` and of whoever changes them later, as a filter for one layer: it silences no other.
    pub fn log_filter(&self) -> Levels {
        self.0.log.levels().clone()
    }
}
