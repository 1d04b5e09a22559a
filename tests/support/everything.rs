//! A service that has everything this crate measures, as far as that needs no server: for what is written about all metrics.

use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::alert::notify::{Delivery, Heartbeat, Replicas, Route};
use aistm7_monitoring::database::postgres::PostgresFacts;
use aistm7_monitoring::http::{HttpOptions, UrlScheme};
use aistm7_monitoring::otlp::OtlpOptions;
use aistm7_monitoring::redact::Secret;
use aistm7_monitoring::resource::HostNumbers;

/// The sets of names that requests can have.
pub(crate) const NAMINGS: [fn(HttpOptions) -> HttpOptions; 2] =
    [|http| http, |http| http.open_telemetry(UrlScheme::Http)];

/// The service, with one route that has an objective. To be called on a Tokio runtime.
pub(crate) fn everything(naming: fn(HttpOptions) -> HttpOptions) -> Monitoring {
    everything_of("everything", naming)
}

/// The same by another name.
pub(crate) fn everything_of(service: &str, naming: fn(HttpOptions) -> HttpOptions) -> Monitoring {
    let monitoring = Monitoring::builder(service)
        .environment("prod")
        .http(|http| naming(http.objective("/orders/{id}", Duration::from_millis(300))))
        .otlp(OtlpOptions::new())
        .resources(|resources| resources.host(HostNumbers::Always))
        .build()
        .expect("a valid service");
    let facts =
        PostgresFacts::<sqlx_0_9::PgConnection>::from_url("postgres://nobody@127.0.0.1/none").expect("a good URL");
    monitoring.database().collect("orders", facts).expect("a fresh name");
    // Nobody is told: it makes known what is counted of telling people.
    let nowhere = Heartbeat::new(Secret::new("http://127.0.0.1/".to_owned())).expect("a good URL");
    let delivery = Delivery::builder(Replicas::One).destination("nowhere", nowhere).route(Route::to(["nowhere"]));
    delivery.build(&monitoring.meter()).expect("fresh names");
    monitoring
}
