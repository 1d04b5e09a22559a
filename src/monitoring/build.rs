//! Building: every name and setting is checked, nothing is opened and nothing global is touched.

use std::sync::{Arc, Mutex};

use super::error::BuildError;
use super::identity::{EnvironmentWas, Identity};
use super::stop::{Stop, StopTimes};
use super::{Inner, Monitoring, MonitoringBuilder};
use crate::diagnostics::{Diagnostics, Problem};
use crate::drain::Drain;
use crate::global::Place;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Meter, Registry};

static PROBLEMS: Definition = Definition::counter(
    "monitoring_problems_total",
    "What monitoring itself had to refuse, cut or drop; 0 is what it should be.",
)
.labels(&["problem"]);

impl MonitoringBuilder {
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
            #[cfg(feature = "alert")]
            clock: self.clock,
            #[cfg(feature = "alert")]
            evaluating: Arc::default(),
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
