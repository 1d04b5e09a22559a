//! The paved path: one value that builds, installs, serves and stops everything.
//!
//! [`Monitoring::builder`] checks every name and setting and opens nothing; [`Monitoring::install`] takes the
//! process-wide places; the rest is handed to the service piece by piece.

#[cfg(feature = "axum")]
mod axum;
mod build;
mod builder;
#[cfg(feature = "business")]
mod business;
#[cfg(feature = "cache")]
mod cache;
#[cfg(feature = "database")]
mod database;
mod error;
#[cfg(feature = "alert")]
mod evaluation;
#[cfg(feature = "metrics-exporter-prometheus")]
pub mod exporter;
#[cfg(feature = "grpc-health")]
mod grpc;
#[cfg(feature = "health")]
mod health;
#[cfg(feature = "http")]
mod http;
mod identity;
mod install;
#[cfg(feature = "log")]
mod log;
#[cfg(feature = "alert")]
mod operations;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "axum")]
mod probe;
#[cfg(feature = "push")]
mod push;
#[cfg(feature = "queue")]
mod queue;
#[cfg(feature = "resource")]
mod resource;
mod shutdown;
mod stop;
mod variables;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::AbortHandle;

#[cfg(feature = "axum")]
pub use self::axum::AdminServer;
pub use builder::MonitoringBuilder;
pub use error::{BuildError, ServeError};
pub use identity::{Identity, Workload};
pub use install::{InstallError, InstallReport};
#[cfg(feature = "axum")]
pub use probe::{PROBE_TIMEOUT, probe};
pub use shutdown::Flushed;
pub use stop::{DEFAULT_DRAIN_DELAY, DEFAULT_TERMINATION_GRACE, StopTimes};
pub use variables::Variables;

use crate::catalog::Catalog;
use crate::diagnostics::Diagnostics;
use crate::drain::Drain;
use crate::global::Place;
use crate::metrics::{Meter, Registry};
use stop::Stop;

/// Everything this crate does for one service. Cloning is cheap; several live in one process and do not see each
/// other. Dropping the last clone stops its tasks and threads and writes out its log.
#[derive(Clone)]
pub struct Monitoring(Arc<Inner>);

struct Inner {
    identity: Identity,
    registry: Registry,
    diagnostics: Diagnostics,
    drain: Drain,
    stop: Stop,
    stop_times: StopTimes,
    tasks: Mutex<Vec<AbortHandle>>,
    recorder: Place,
    #[cfg(feature = "alert")]
    clock: crate::clock::Clock,
    /// Empty until rules are evaluated here.
    #[cfg(feature = "alert")]
    evaluating: Arc<std::sync::OnceLock<crate::alert::evaluate::Evaluating>>,
    #[cfg(feature = "http")]
    http: http::Http,
    #[cfg(feature = "health")]
    health: crate::health::Health,
    #[cfg(feature = "log")]
    log: crate::log::Log,
    /// `None` unless it was asked for.
    #[cfg(feature = "otlp")]
    otlp: Option<crate::otlp::Export>,
    #[cfg(feature = "business")]
    business: business::Business,
    #[cfg(feature = "database")]
    database: crate::database::Database,
    #[cfg(feature = "cache")]
    caches: crate::cache::Caches,
    #[cfg(feature = "queue")]
    queues: crate::queue::Queues,
    #[cfg(feature = "push")]
    jobs: crate::push::Jobs,
    #[cfg(feature = "resource")]
    resources: crate::resource::Resources,
    #[cfg(feature = "axum")]
    axum: axum::Axum,
    #[cfg(feature = "grpc-health")]
    grpc_health: crate::endpoint::GrpcHealth,
}

impl Monitoring {
    /// Starts building the monitoring of a service.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
    /// use aistm7_monitoring::Monitoring;
    ///
    /// let monitoring = Monitoring::builder("risk-analysis").environment("staging").build()?;
    /// assert!(monitoring.registry().render().contains("service=\"risk-analysis\""));
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(service: impl Into<String>) -> MonitoringBuilder {
        MonitoringBuilder::new(service.into())
    }

    /// Who this process is, as settled from code and environment.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Every metric of this monitoring. Also a recorder of the `metrics` facade.
    ///
    /// It has the families but none of their numbers if those go to a recorder of the host's.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Where a service registers metrics of its own.
    pub fn meter(&self) -> Meter {
        Meter::new(&self.0.registry)
    }

    /// What there is of metrics now, without their values: those of this crate that are registered, and the service's own.
    pub fn catalog(&self) -> Catalog {
        Catalog::of(&self.0.registry)
    }

    /// The problems this monitoring had itself.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.0.diagnostics
    }

    /// Asks for the end, as SIGTERM does; asked again, it cuts the way out short.
    pub fn stop(&self) {
        self.0.stop.ask();
    }
}

impl Inner {
    #[cfg(any(feature = "axum", feature = "log"))]
    fn keep_until_dropped(&self, task: AbortHandle) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for task in self.tasks.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
    }
}

impl fmt::Debug for Monitoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitoring").field("identity", &self.0.identity).finish_non_exhaustive()
    }
}
