//! What a `Monitoring` exports to a collector of OpenTelemetry.

use std::time::Duration;

use super::identity::{ResourceAttributes, UNKNOWN};
use super::{Identity, Monitoring, MonitoringBuilder, Variables};
use crate::clock::Clock;
use crate::log::{Directives, Log};
use crate::metrics::Meter;
use crate::monitoring::BuildError;
use crate::otlp::{Export, OtlpLayer, OtlpOptions, Source};
use crate::trace::RequestId;

/// Starts the export that was asked for, unless `OTEL_SDK_DISABLED` says no.
pub(super) fn start(
    options: Option<&OtlpOptions>,
    identity: &Identity,
    variables: &Variables,
    (meter, clock, log): (&Meter, &Clock, &Log),
) -> Result<Option<Export>, BuildError> {
    let is_disabled = variables.get("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let Some(options) = options.filter(|_| !is_disabled) else { return Ok(None) };
    let resource = resource(identity, variables)?;
    let source = Source { meter, clock, log, resource, variable: &|name| variables.get(name) };
    Ok(Some(Export::start(options, source)?))
}

/// Who this process is, in OpenTelemetry's words: what `OTEL_RESOURCE_ATTRIBUTES` says, then what the identity settles.
fn resource(identity: &Identity, variables: &Variables) -> Result<Vec<(String, String)>, BuildError> {
    let declared = ResourceAttributes::read(variables)?;
    // As request ids are: unique, and sorted by time.
    let instance = declared.get(&["service.instance.id"]).unwrap_or_else(|| RequestId::generate().to_string());
    let settled = [
        ("service.name", identity.service.as_str()),
        ("service.version", &identity.version),
        ("service.instance.id", &instance),
        ("deployment.environment.name", &identity.environment),
        ("telemetry.sdk.name", env!("CARGO_PKG_NAME")),
        ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ("telemetry.sdk.language", "rust"),
    ];
    let settled = settled.into_iter().filter(|(_, value)| *value != UNKNOWN);
    let settled = settled.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Ok(declared.into_pairs().chain(settled).collect())
}

impl MonitoringBuilder {
    /// Exports spans, and logs if asked for, to a collector of OpenTelemetry. The variables `OTEL_EXPORTER_OTLP_*` override the
    /// options, and with `OTEL_SDK_DISABLED=true` nothing is exported. Default: nothing is.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
    /// use aistm7_monitoring::{Monitoring, otlp::OtlpOptions};
    ///
    /// let options = OtlpOptions::new().endpoint("http://collector.internal:4318").logs();
    /// let monitoring = Monitoring::builder("risk-analysis").otlp(options).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn otlp(mut self, options: OtlpOptions) -> Self {
        self.otlp = Some(options);
        self
    }
}

impl Monitoring {
    /// The layer that exports spans, and events if asked for, for a host's own subscriber. Without
    /// [`MonitoringBuilder::otlp`](super::MonitoringBuilder::otlp) it exports nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
    /// use aistm7_monitoring::{Monitoring, otlp::OtlpOptions};
    /// use tracing_subscriber::{Layer, layer::SubscriberExt};
    ///
    /// let monitoring = Monitoring::builder("risk-analysis").otlp(OtlpOptions::new()).build()?;
    /// let subscriber = tracing_subscriber::registry()
    ///     .with(monitoring.otlp_layer().with_filter(monitoring.otlp_filter()))
    ///     .with(monitoring.log_layer().with_filter(monitoring.log_filter()));
    /// # drop(subscriber);
    /// # Ok(())
    /// # }
    /// ```
    pub fn otlp_layer(&self) -> OtlpLayer {
        self.0.otlp.as_ref().map_or_else(OtlpLayer::none, Export::layer)
    }

    /// Which spans and events are exported, as a filter for that layer: it silences no other. Nothing is without an export.
    pub fn otlp_filter(&self) -> Directives {
        self.0.otlp.as_ref().map_or_else(Directives::off, |export| export.directives().clone())
    }

    /// Sends what waits to be exported, for at most half of the deadline: what is left of it. The other half is the log's,
    /// where it is told what does not get through.
    pub(super) async fn flush_export(&self, deadline: Duration) -> Duration {
        match &self.0.otlp {
            Some(export) => deadline.saturating_sub(export.flush(deadline / 2).await),
            None => deadline,
        }
    }
}
