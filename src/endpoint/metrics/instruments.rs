//! What is measured of scrapes.

use crate::metrics::{Definition, DefinitionError, Histogram, Meter, Unit};

static SCRAPE_DURATION: Definition =
    Definition::histogram("monitoring_scrape_duration_seconds", "Time to read and encode all series for a scrape.")
        .unit(Unit::Seconds)
        .edges(&[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0]);

/// The handles of scrapes.
#[derive(Clone, Debug)]
pub(crate) struct ScrapeInstruments {
    /// One sample a page made, compression included; scrapes that share a page make none.
    pub(super) duration: Histogram,
}

impl ScrapeInstruments {
    pub(crate) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self { duration: meter.histogram(&SCRAPE_DURATION)?.series([]) })
    }
}
