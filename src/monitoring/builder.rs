//! What a `Monitoring` is built of. What is told of one slice is in the slice's own file, beside what it gives.

use std::fmt;
use std::time::Duration;

use super::Variables;
use super::identity::{Declared, Workload};
use super::stop::{DEFAULT_DRAIN_DELAY, DEFAULT_TERMINATION_GRACE};
use crate::clock::Clock;
use crate::metrics::{Limits, RegistryOptions};

/// What a [`Monitoring`](super::Monitoring) is made of. Each method says its default; the environment overrides code where
/// it says so.
#[must_use = "nothing happens before `build`"]
pub struct MonitoringBuilder {
    pub(super) declared: Declared,
    pub(super) variables: Variables,
    pub(super) clock: Clock,
    pub(super) registry: RegistryOptions,
    pub(super) drain_delay: Duration,
    pub(super) termination_grace: Duration,
    #[cfg(feature = "http")]
    pub(super) response_headers: crate::http::ResponseHeaders,
    #[cfg(feature = "http")]
    pub(super) trace: Option<crate::trace::TraceOptions>,
    #[cfg(feature = "http")]
    pub(super) http: crate::http::HttpOptions,
    #[cfg(feature = "health")]
    pub(super) checks: Vec<crate::health::Registered>,
    #[cfg(feature = "health")]
    pub(super) liveness: crate::health::Liveness,
    #[cfg(feature = "health")]
    pub(super) lease: Option<crate::store::lease::Lease>,
    #[cfg(feature = "business")]
    pub(super) names: crate::business::Declarations,
    #[cfg(feature = "database")]
    pub(super) database: crate::database::DatabaseOptions,
    #[cfg(feature = "axum")]
    pub(super) paths: crate::endpoint::HealthPaths,
    #[cfg(feature = "axum")]
    pub(super) health_details: crate::endpoint::Authoriser,
    #[cfg(feature = "log")]
    pub(super) log: ConfigureLog,
    #[cfg(all(feature = "axum", feature = "log"))]
    pub(super) log_control: Option<crate::redact::Secret<String>>,
    #[cfg(feature = "resource")]
    pub(super) resources: crate::resource::ResourceOptions,
    #[cfg(feature = "otlp")]
    pub(super) otlp: Option<crate::otlp::OtlpOptions>,
}

#[cfg(feature = "log")]
pub(super) type ConfigureLog = Box<dyn FnOnce(crate::log::LogOptions) -> crate::log::LogOptions + Send>;

impl MonitoringBuilder {
    pub(super) fn new(service: String) -> Self {
        Self {
            declared: Declared { service, ..Declared::default() },
            variables: Variables::process(),
            clock: Clock::system(),
            registry: RegistryOptions::new(),
            drain_delay: DEFAULT_DRAIN_DELAY,
            termination_grace: DEFAULT_TERMINATION_GRACE,
            #[cfg(feature = "http")]
            response_headers: crate::http::ResponseHeaders::default(),
            #[cfg(feature = "http")]
            trace: None,
            #[cfg(feature = "http")]
            http: crate::http::HttpOptions::new(),
            #[cfg(feature = "health")]
            checks: Vec::new(),
            #[cfg(feature = "health")]
            liveness: crate::health::Liveness::default(),
            #[cfg(feature = "health")]
            lease: None,
            #[cfg(feature = "business")]
            names: crate::business::Declarations::default(),
            #[cfg(feature = "database")]
            database: crate::database::DatabaseOptions::new(),
            #[cfg(feature = "axum")]
            paths: crate::endpoint::HealthPaths::default(),
            #[cfg(feature = "axum")]
            health_details: crate::endpoint::Authoriser::nobody(),
            #[cfg(feature = "log")]
            log: Box::new(|options| options),
            #[cfg(all(feature = "axum", feature = "log"))]
            log_control: None,
            #[cfg(feature = "resource")]
            resources: crate::resource::ResourceOptions::new(),
            #[cfg(feature = "otlp")]
            otlp: None,
        }
    }

    /// Which environment this is: `prod`, `staging`, `dev` or another name. `AISTM7_ENVIRONMENT` overrides it.
    /// Default: `dev`, with one WARN line.
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.declared.environment = Some(environment.into());
        self
    }

    /// The service's version, such as `env!("CARGO_PKG_VERSION")`. `AISTM7_VERSION` overrides it. Default: `unknown`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.declared.version = Some(version.into());
        self
    }

    /// The revision that the service was built from. `AISTM7_REVISION` overrides it. Default: `unknown`.
    pub fn revision(mut self, revision: impl Into<String>) -> Self {
        self.declared.revision = Some(revision.into());
        self
    }

    /// What kind of work the process does. Default: [`Workload::Service`].
    pub fn workload(mut self, workload: Workload) -> Self {
        self.declared.workload = workload;
        self
    }

    /// How many replicas the service has: by how much the intervals of shared checks and collectors are stretched where
    /// each replica has to run them for all, which alert rules each can evaluate, and whom it may tell of them.
    /// `AISTM7_REPLICAS` overrides it. Default: 1.
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.declared.replicas = Some(replicas);
        self
    }

    /// Where settings of the environment are looked up. Default: the process's environment.
    pub fn variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        self
    }

    /// The source of time. Default: the machine's clocks.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How many series are kept. Default: 10,000 a family, 100,000 in all.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.registry = self.registry.limits(limits);
        self
    }

    /// Lets go of counters and histograms that nobody holds a handle of and that have stayed for `after` at a value
    /// that a scrape has shown; see [`RegistryOptions::expire_idle_after`]. Default: series stay.
    pub fn expire_idle_series_after(mut self, after: Duration) -> Self {
        self.registry = self.registry.expire_idle_after(after);
        self
    }

    /// How long a scrape waits for collectors; see [`RegistryOptions::collect_within`]. Default:
    /// [`DEFAULT_COLLECT_WITHIN`](crate::metrics::DEFAULT_COLLECT_WITHIN).
    pub fn collect_within(mut self, limit: Duration) -> Self {
        self.registry = self.registry.collect_within(limit);
        self
    }

    /// Gives the histograms of these names native buckets as well, for Prometheus to scrape in the protobuf format; see
    /// [`RegistryOptions::native_histograms`] and [`Definition::native`](crate::metrics::Definition::native). The names are
    /// of metrics of this crate: a service's own definition says so itself. Default: none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use aistm7_monitoring::Monitoring;
    ///
    /// let built = Monitoring::builder("orders").native_histograms(["no_such_metric"]).build();
    /// assert!(built.unwrap_err().to_string().contains("no_such_metric"));
    /// # }
    /// ```
    #[cfg(feature = "protobuf")]
    pub fn native_histograms(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.registry = self.registry.native_histograms(names);
        self
    }

    /// Shows traces beside the buckets of histograms, in OpenMetrics and protobuf; see [`RegistryOptions::exemplars`]. Default: none.
    pub fn exemplars(mut self) -> Self {
        self.registry = self.registry.exemplars();
        self
    }

    /// How long requests are still served after readiness says no. Default: [`DEFAULT_DRAIN_DELAY`].
    pub fn drain_delay(mut self, delay: Duration) -> Self {
        self.drain_delay = delay;
        self
    }

    /// When the platform kills the process after SIGTERM. Every step of the way out fits into it. Default:
    /// [`DEFAULT_TERMINATION_GRACE`].
    pub fn termination_grace(mut self, grace: Duration) -> Self {
        self.termination_grace = grace;
        self
    }
}

impl fmt::Debug for MonitoringBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitoringBuilder").field("service", &self.declared.service).finish_non_exhaustive()
    }
}
