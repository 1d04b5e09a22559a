//! For a host that runs `metrics-exporter-prometheus` already: our numbers in its recorder, beside its own.
//!
//! ```
//! use aistm7_monitoring::Monitoring;
//! use aistm7_monitoring::metrics::HostRecorder;
//! use aistm7_monitoring::monitoring::exporter;
//! use metrics_exporter_prometheus::PrometheusBuilder;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let handle = exporter::configure(PrometheusBuilder::new(), &[])?.install_recorder()?;
//! let monitoring = Monitoring::builder("risk-analysis").report_to(HostRecorder::global()).build()?;
//!
//! metrics::counter!("jobs_total").increment(1); // as before
//! assert!(handle.render().contains("jobs_total 1\n") && handle.render().contains("service=\"risk-analysis\""));
//! # drop(monitoring);
//! # Ok(())
//! # }
//! ```
//!
//! A host that composes recorders gives its own with [`HostRecorder::new`](crate::metrics::HostRecorder::new), and
//! [`Monitoring::install`](super::Monitoring::install) makes that one the process's.
//!
//! # What is different
//!
//! Definitions, label sets and caps are checked as ever, and closed label sets exist at 0. But the numbers are the
//! recorder's, so:
//!
//! | | our registry | a recorder of the host's |
//! |---|---|---|
//! | `/metrics` on the admin routes | yes | no: the host shows them |
//! | short-lived jobs | pushed | an error |
//! | [`Monitoring::registry`](super::Monitoring::registry) | has the numbers | has the families, and no numbers of theirs |
//! | `expire_idle_series_after`, `collect_within`, `native_histograms`, `exemplars`, collectors, further edges at registration | yes | an error |
//! | native buckets of a definition | in the protobuf format | the buckets of its edges alone |
//! | what is in flight or open | two counts, exact at every moment | a gauge that goes up and down, right at rest |
//! | counters of seconds | to the nanosecond | whole seconds; the fraction waits for the next addition, nothing is lost |
//! | observed series | read when shown | missing, counted as `observation_unread` (but how far a batch is, which its items say) |
//! | a gauge that is absent until known | appears with its value | a scrape in the very moment may see it at 0 |
//! | `monitoring_series*`, `monitoring_scrape*`, `monitoring_page_bytes` | yes | missing; refused label sets are in `monitoring_problems_total` |
//! | `process_*`, `cgroup_*`, `host_*`, `credential_*`, most of `tokio_*` | read when shown | missing: nobody asks for them |
//! | memory | fixed | the exporter keeps every sample of a histogram until a scrape or `run_upkeep` |
//!
//! The upkeep stays the host's, and so do the exporter's options: an idle timeout of its own would silence handles that
//! we keep.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

use super::MonitoringBuilder;
use super::error::BuildError;
use crate::metrics::{Definition, HostRecorder, Meter, Registry, RegistryOptions};

/// Gives an exporter the buckets of every histogram of this crate, and of `own` definitions: those that the service
/// registers itself. Other kinds among them are only checked.
///
/// Without this the exporter shows them as summaries, which cannot be added up over instances. What the host has
/// configured for other names stays.
///
/// # Errors
/// When an own definition breaks a rule or clashes with another.
pub fn configure(builder: PrometheusBuilder, own: &[&Definition]) -> Result<PrometheusBuilder, BuildError> {
    let registry = Registry::new();
    declare_ours(&Meter::new(&registry))?;
    for definition in own {
        registry.declare(definition)?;
    }
    let configured = registry.histograms().into_iter().fold(builder, |builder, (name, edges)| {
        let builder = builder.set_buckets_for_metric(Matcher::Full(name.to_string()), &edges);
        builder.expect("OK because a histogram that is registered has edges")
    });
    Ok(configured)
}

impl MonitoringBuilder {
    /// Sends our numbers to a recorder that the host runs, instead of keeping them; see [`super::exporter`].
    pub fn report_to(mut self, recorder: HostRecorder) -> Self {
        self.registry = self.registry.report_to(recorder);
        self
    }
}

/// Registers what [`build`](super::MonitoringBuilder::build) does.
#[allow(unused_variables, reason = "each slice is behind a feature")]
fn declare_ours(meter: &Meter) -> Result<(), BuildError> {
    let (clock, drain) = (crate::clock::Clock::system(), crate::drain::Drain::new());
    #[cfg(feature = "http")]
    for options in crate::http::HttpOptions::everything() {
        let http = super::http::Http::register(meter, &clock, &drain, options, Default::default())?;
        http.metrics.request_body_layer()?;
    }
    #[cfg(feature = "axum")]
    crate::http::ConnectionInstruments::register(meter, clock.clone())?;
    #[cfg(feature = "business")]
    super::business::Business::register(meter, &clock, crate::business::DeclaredNames::default())?;
    #[cfg(feature = "health")]
    crate::health::declare(meter)?;
    #[cfg(feature = "database")]
    crate::database::Database::register(meter, clock.clone(), crate::database::DatabaseOptions::new())?;
    #[cfg(feature = "cache")]
    crate::cache::Caches::new(meter, clock.clone())?;
    #[cfg(feature = "queue")]
    crate::queue::Queues::new(meter, clock.clone())?;
    #[cfg(feature = "resource")]
    crate::resource::declare(meter)?;
    Ok(())
}

/// Refuses what cannot be had together.
pub(super) fn check(options: &RegistryOptions) -> Result<(), BuildError> {
    let Some(recorder) = options.host() else {
        return Ok(());
    };
    if let Some(setting) = options.needs_numbers() {
        return Err(BuildError::NeedsRegistry { setting });
    }
    if recorder.is_there() { Ok(()) } else { Err(BuildError::NoRecorder) }
}
