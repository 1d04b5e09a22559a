//! Building: every name and setting is checked, nothing is opened and nothing global is touched.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::error::BuildError;
use super::identity::{Declared, EnvironmentWas, Identity, Workload};
use super::stop::{DEFAULT_DRAIN_DELAY, DEFAULT_TERMINATION_GRACE, Stop, StopTimes};
use super::variables::Variables;
use super::{Inner, Monitoring};
use crate::clock::Clock;
use crate::diagnostics::{Diagnostics, Problem};
use crate::drain::Drain;
use crate::global::Place;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Limits, Meter, Registry, RegistryOptions};

static PROBLEMS: Definition = Definition::counter(
    "monitoring_problems_total",
    "What monitoring itself had to refuse, cut or drop; 0 is what it should be.",
)
.labels(&["problem"]);

/// What a [`Monitoring`] is made of. Each method says its default; the environment overrides code where it says so.
#[must_use = "nothing happens before `build`"]
pub struct MonitoringBuilder {
    declared: Declared,
    variables: Variables,
    clock: Clock,
    registry: RegistryOptions,
    drain_delay: Duration,
    termination_grace: Duration,
    #[cfg(feature = "http")]
    response_headers: crate::http::ResponseHeaders,
    #[cfg(feature = "http")]
    trace: Option<crate::trace::TraceOptions>,
    #[cfg(feature = "http")]
    http: crate::http::HttpOptions,
    #[cfg(feature = "health")]
    checks: Vec<crate::health::Registered>,
    #[cfg(feature = "health")]
    liveness: crate::health::Liveness,
    #[cfg(feature = "health")]
    lease: Option<crate::store::lease::Lease>,
    #[cfg(feature = "business")]
    pub(super) names: crate::business::Declarations,
    #[cfg(feature = "database")]
    database: crate::database::DatabaseOptions,
    #[cfg(feature = "axum")]
    paths: crate::endpoint::HealthPaths,
    #[cfg(feature = "axum")]
    health_details: crate::endpoint::Authoriser,
    #[cfg(feature = "log")]
    log: ConfigureLog,
    #[cfg(all(feature = "axum", feature = "log"))]
    log_control: Option<crate::redact::Secret<String>>,
    #[cfg(feature = "resource")]
    resources: crate::resource::ResourceOptions,
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
    /// each replica has to run them for all. `AISTM7_REPLICAS` overrides it. Default: 1.
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
    /// [`RegistryOptions::native_histograms`] and [`Definition::native`]. The names are of metrics of this crate: a
    /// service's own definition says so itself. Default: none.
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

    /// Sends our numbers to a recorder that the host runs, instead of keeping them; see [`super::exporter`].
    #[cfg(feature = "metrics-exporter-prometheus")]
    pub fn report_to(mut self, recorder: crate::metrics::HostRecorder) -> Self {
        self.registry = self.registry.report_to(recorder);
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

    /// Which headers responses get if they have none of that name. Default: `x-request-id` and `traceresponse`.
    #[cfg(feature = "http")]
    pub fn response_headers(mut self, headers: crate::http::ResponseHeaders) -> Self {
        self.response_headers = headers;
        self
    }

    /// Says which callers' traces are continued, and how many of those that begin here are sampled; see
    /// [`TraceOptions`](crate::trace::TraceOptions). Default: all.
    #[cfg(feature = "http")]
    pub fn trace(mut self, options: crate::trace::TraceOptions) -> Self {
        self.trace = Some(options);
        self
    }

    /// Leaves a route out of the request metrics, by its template. The health routes are left out by themselves unless
    /// they are nested under another path.
    #[cfg(feature = "http")]
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
    #[cfg(feature = "http")]
    pub fn http(mut self, configure: impl FnOnce(crate::http::HttpOptions) -> crate::http::HttpOptions) -> Self {
        self.http = configure(self.http);
        self
    }

    /// Writes one event a finished request; see [`AccessLog`](crate::http::AccessLog). Default: none, since a service
    /// that has one already, or pays for its lines, would be surprised.
    #[cfg(feature = "http")]
    pub fn access_log(mut self, log: crate::http::AccessLog) -> Self {
        self.http = self.http.access_log(log);
        self
    }

    /// Adds a check with the settings that fit its kind.
    #[cfg(feature = "health")]
    pub fn check(mut self, name: impl Into<String>, check: impl crate::health::HealthCheck) -> Self {
        self.checks.push(crate::health::Registered::new(name, check));
        self
    }

    /// Adds a check with settings of its own.
    #[cfg(feature = "health")]
    pub fn check_with(
        mut self,
        name: impl Into<String>,
        check: impl crate::health::HealthCheck,
        options: crate::health::CheckOptions,
    ) -> Self {
        self.checks.push(crate::health::Registered::with(name, check, options));
        self
    }

    /// What `/health/live` says yes to. Default: the process answers.
    #[cfg(feature = "health")]
    pub fn liveness(mut self, liveness: crate::health::Liveness) -> Self {
        self.liveness = liveness;
        self
    }

    /// Lets the replicas of the service agree on who runs what is [`Scope::Shared`](crate::health::Scope::Shared). Default:
    /// none; each replica then runs it at an interval stretched by [`replicas`](Self::replicas).
    ///
    /// ```
    /// # #[cfg(feature = "sqlx-0_9")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use sqlx_0_9 as sqlx;
    /// use aistm7_monitoring::Monitoring;
    /// use aistm7_monitoring::health::{CheckOptions, CheckReport, Scope, check_fn};
    /// use aistm7_monitoring::store::lease::Lease;
    ///
    /// let pool = sqlx::PgPool::connect_lazy("postgres://localhost/orders")?;
    /// let quota = check_fn(|| async { Ok(CheckReport::healthy()) }); // a call that is paid for
    /// let monitoring = Monitoring::builder("orders")
    ///     .lease(Lease::new(pool)) // with the table `POSTGRES_LEASE_TABLE`
    ///     .replicas(3) // for as long as the pool gives no connection
    ///     .check_with("quota", quota, CheckOptions::new().scope(Scope::Shared))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlx-0_9"))] fn main() {}
    /// ```
    #[cfg(feature = "health")]
    pub fn lease(mut self, lease: crate::store::lease::Lease) -> Self {
        self.lease = Some(lease);
        self
    }

    /// Where the health routes are. Default: `/health`.
    #[cfg(feature = "axum")]
    pub fn health_paths(mut self, paths: crate::endpoint::HealthPaths) -> Self {
        self.paths = paths;
        self
    }

    /// Who may see reasons, messages and times on the public health routes: those requests for which the closure says
    /// so, such as with a token that it compares in constant time. Default: nobody; the admin routes show them anyway.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
    /// use aistm7_monitoring::Monitoring;
    ///
    /// let monitoring = Monitoring::builder("orders")
    ///     .health_details_for(|request| request.extensions.get::<Operator>().is_some()) // set by a layer of yours
    ///     .build()?;
    /// # #[derive(Clone)] struct Operator;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "axum")]
    pub fn health_details_for(
        mut self,
        may_see_details: impl Fn(&http::request::Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.health_details = crate::endpoint::Authoriser::new(may_see_details);
        self
    }

    /// Sets what the defaults of the database metrics do not fit: what a slow query is.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
    /// use std::time::Duration;
    ///
    /// use aistm7_monitoring::Monitoring;
    ///
    /// let slow_after = Duration::from_millis(100);
    /// let monitoring = Monitoring::builder("orders").database(|database| database.slow_after(slow_after)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "database")]
    pub fn database(
        mut self,
        configure: impl FnOnce(crate::database::DatabaseOptions) -> crate::database::DatabaseOptions,
    ) -> Self {
        self.database = configure(self.database);
        self
    }

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
    #[cfg(feature = "log")]
    pub fn log(
        mut self,
        configure: impl FnOnce(crate::log::LogOptions) -> crate::log::LogOptions + Send + 'static,
    ) -> Self {
        self.log = Box::new(configure);
        self
    }

    /// Adds routes to the admin routes that show and change what the log writes, for requests that carry this token as
    /// `authorization: Bearer …`. It has at least 16 visible ASCII characters. Default: no such routes.
    ///
    /// | route | |
    /// |---|---|
    /// | `GET /log/levels` | what is written, and for how long: `{"directives":"sqlx=debug,info","permanent":"info","reverts_in_seconds":598}` |
    /// | `PUT /log/levels` | changes it: `{"directives":"info,sqlx=debug","seconds":600}`, or `"permanent":true` in place of `seconds` |
    /// | `GET /log/summary` | what was logged in the last day, see [`Summary`](crate::log::Summary) |
    ///
    /// A change for a time is taken back by itself; see [`Levels`](crate::log::Levels).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use aistm7_monitoring::Monitoring;
    /// use aistm7_monitoring::redact::Secret;
    ///
    /// # let token = "0123456789abcdef".to_owned(); // std::env::var("LOG_TOKEN")?;
    /// let monitoring = Monitoring::builder("orders").log_control(Secret::new(token)).build()?;
    /// monitoring.serve_admin("127.0.0.1:0").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(all(feature = "axum", feature = "log"))]
    pub fn log_control(mut self, token: crate::redact::Secret<String>) -> Self {
        self.log_control = Some(token);
        self
    }

    /// Sets what is measured of the process, its container, the machine and the runtime, and which files hold
    /// credentials; see [`ResourceOptions`](crate::resource::ResourceOptions).
    #[cfg(feature = "resource")]
    pub fn resources(
        mut self,
        configure: impl FnOnce(crate::resource::ResourceOptions) -> crate::resource::ResourceOptions,
    ) -> Self {
        self.resources = configure(self.resources);
        self
    }

    /// Checks everything and builds it. Checks begin to run; no port is opened and nothing global is touched.
    ///
    /// # Errors
    /// At the first name, setting, environment value or definition that breaks a rule, or cannot be had together with
    /// another; when there are checks and no
    /// Tokio runtime to run them; when a thread of the crate cannot be started.
    pub fn build(self) -> Result<Monitoring, BuildError> {
        let stop_times = self.stop_times()?;
        #[cfg(feature = "metrics-exporter-prometheus")]
        super::exporter::check(&self.registry)?;
        let (identity, environment_was) = Identity::resolve(self.declared, &self.variables)?;
        let diagnostics = Diagnostics::new();
        let registry = Registry::with(self.registry.diagnostics(diagnostics.clone()).clock(self.clock.clone()));
        let meter = Meter::new(&registry);
        let drain = Drain::new();
        identity.register(&meter)?;
        show_problems(&meter, &diagnostics)?;
        // Before any collector is registered.
        #[cfg(not(feature = "health"))]
        registry.share_collectors(identity.replicas, None);
        #[cfg(feature = "health")]
        let fleet = {
            let shared_by = format!("{}/{}", identity.service, identity.environment);
            let lease = self.lease.map(|lease| lease.checked(&shared_by)).transpose()?;
            let fleet = crate::health::Fleet::new(identity.replicas, lease);
            let sharing = super::health::share_collectors(&fleet, &self.clock, &drain, &meter)?;
            registry.share_collectors(identity.replicas, sharing);
            fleet
        };

        #[cfg(feature = "log")]
        let log = super::log::start(self.log, &identity, &self.variables, &self.clock, &meter)?;
        #[cfg(feature = "otlp")]
        let otlp = super::otlp::start(self.otlp.as_ref(), &identity, &self.variables, (&meter, &self.clock, &log))?;
        #[cfg(feature = "axum")]
        let axum =
            super::axum::Axum::register(&registry, &self.clock, &self.variables, self.paths, self.health_details)?;
        #[cfg(all(feature = "axum", feature = "log"))]
        let axum = axum.controlling(&log, self.log_control)?;
        #[cfg(feature = "http")]
        let http = {
            let options = match self.variables.get("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS") {
                Some(methods) => self.http.known_methods(methods.split(',')),
                None => self.http,
            };
            #[cfg(feature = "otlp")]
            let options = options.spans(otlp.as_ref().map(crate::otlp::Export::span_sink));
            #[cfg(feature = "axum")]
            let options = axum.templates().into_iter().fold(options, crate::http::HttpOptions::unmeasured);
            let rules = self.trace.map(|options| options.build(&diagnostics)).transpose()?.unwrap_or_default();
            let trace = crate::http::TraceLayer::new().response_headers(self.response_headers).rules(rules);
            super::http::Http::register(&meter, &self.clock, &drain, options, trace)?
        };
        #[cfg(feature = "business")]
        let business = super::business::Business::register(&meter, &self.clock, self.names.checked()?)?;
        #[cfg(feature = "database")]
        let database = crate::database::Database::register(&meter, self.clock.clone(), self.database)?;
        #[cfg(feature = "cache")]
        let caches = crate::cache::Caches::new(&meter, self.clock.clone())?;
        #[cfg(feature = "queue")]
        let queues = crate::queue::Queues::new(&meter, self.clock.clone())?;
        #[cfg(feature = "push")]
        let jobs = super::push::register(&registry, &self.clock, &identity)?;
        #[cfg(feature = "health")]
        let health = super::health::start(self.checks, &self.clock, &drain, &meter, self.liveness, fleet)?;
        #[cfg(feature = "grpc-health")]
        let grpc_health = crate::endpoint::GrpcHealth::new(&health, &drain);
        #[cfg(feature = "resource")]
        let resources = super::resource::register(&registry, &self.clock, self.resources, &self.variables)?;
        // After everything that registers.
        #[cfg(feature = "protobuf")]
        registry.check_native_histograms()?;

        let monitoring = Monitoring(Arc::new(Inner {
            identity,
            registry,
            diagnostics,
            drain,
            stop: Stop::new(),
            stop_times,
            tasks: Mutex::default(),
            recorder: Place::default(),
            #[cfg(feature = "http")]
            http,
            #[cfg(feature = "health")]
            health,
            #[cfg(feature = "log")]
            log,
            #[cfg(feature = "otlp")]
            otlp,
            #[cfg(feature = "business")]
            business,
            #[cfg(feature = "database")]
            database,
            #[cfg(feature = "cache")]
            caches,
            #[cfg(feature = "queue")]
            queues,
            #[cfg(feature = "push")]
            jobs,
            #[cfg(feature = "resource")]
            resources,
            #[cfg(feature = "axum")]
            axum,
            #[cfg(feature = "grpc-health")]
            grpc_health,
        }));
        monitoring.tell(environment_was);
        Ok(monitoring)
    }

    fn stop_times(&self) -> Result<StopTimes, BuildError> {
        let (drain_delay, termination_grace) = (self.drain_delay, self.termination_grace);
        if drain_delay >= termination_grace {
            return Err(BuildError::DrainDelay { drain_delay, termination_grace });
        }
        Ok(StopTimes::within(termination_grace, drain_delay))
    }
}

fn show_problems(meter: &Meter, diagnostics: &Diagnostics) -> Result<(), DefinitionError> {
    let family: Family<Counter, 1> = meter.counter(&PROBLEMS)?;
    let counters = Problem::ALL.map(|problem| family.series([problem.as_str().into()]));
    // Nobody has set another: these diagnostics were made for this monitoring.
    diagnostics.set_tap(move |problem| counters[problem as usize].increment());
    Ok(())
}

impl Monitoring {
    /// Says in the log what the start found, and from now on what goes wrong in monitoring itself.
    #[cfg(feature = "log")]
    fn tell(&self, environment: EnvironmentWas) {
        use tracing::Level;

        if environment == EnvironmentWas::Assumed {
            let advice = "Environment is not set and taken to be dev: set AISTM7_ENVIRONMENT";
            self.0.log.emit(Level::WARN, advice, &[("environment", &self.0.identity.environment)]);
        }
        let warn = self.0.log.reporter();
        self.0.diagnostics.set_hook(move |problem, cause| {
            warn("Monitoring had a problem", &[("problem", problem.as_str()), ("cause", cause)]);
        });
    }

    #[cfg(not(feature = "log"))]
    fn tell(&self, _: EnvironmentWas) {}
}

impl fmt::Debug for MonitoringBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitoringBuilder").field("service", &self.declared.service).finish_non_exhaustive()
    }
}
