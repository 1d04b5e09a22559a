//! `GET /metrics`.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::clock::Clock;
use crate::metrics::exposition::text;
use crate::metrics::{Definition, DefinitionError, Histogram, Meter, Registry, Unit};

static SCRAPE_DURATION: Definition =
    Definition::histogram("monitoring_scrape_duration_seconds", "Time to read and encode all series for a scrape.")
        .unit(Unit::Seconds)
        .edges(&[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0]);

/// What is measured of scrapes.
#[derive(Clone, Debug)]
pub(crate) struct ScrapeInstruments {
    duration: Histogram,
}

impl ScrapeInstruments {
    pub(crate) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self { duration: meter.histogram(&SCRAPE_DURATION)?.series([]) })
    }
}

/// The route of the Prometheus text format 0.0.4. It waits for nothing outside the process.
pub(crate) fn scrape<S>(registry: &Registry, instruments: &ScrapeInstruments, clock: &Clock) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let (registry, instruments, clock) = (registry.clone(), instruments.clone(), clock.clone());
    let answer = move || {
        let began = clock.now();
        let text = registry.render();
        instruments.duration.record_duration(clock.now().saturating_duration_since(began));
        std::future::ready(respond(text))
    };
    Router::new().route("/metrics", get(answer))
}

fn respond(text: String) -> Response {
    ([(CONTENT_TYPE, text::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], text).into_response()
}
