//! What is measured of scrapes.

use crate::metrics::exposition::Format;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, Meter, Tally, Unit};

static SCRAPE_DURATION: Definition = Definition::histogram(
    "monitoring_scrape_duration_seconds",
    "Time to make a page of metrics: collectors, reading, encoding, compression.",
)
.unit(Unit::Seconds)
.edges(&[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5]);

static SCRAPES: Definition =
    Definition::counter("monitoring_scrapes_total", "Scrapes answered, by format.").labels(&["format"]);

static IN_FLIGHT: Definition = Definition::gauge(
    "monitoring_scrapes_in_flight",
    "Scrapes that wait for their page; the one that shows it is one.",
);

static PAGE_SIZE: Definition = Definition::gauge_absent_until_set(
    "monitoring_page_bytes",
    "Size of the latest page with every metric, before compression, by format.",
)
.labels(&["format"])
.unit(Unit::Bytes);

/// The handles of scrapes.
#[derive(Clone, Debug)]
pub(crate) struct ScrapeInstruments {
    /// One sample a page made, compression included; scrapes that share a page make none.
    pub(super) duration: Histogram,
    in_flight: Tally,
    text: FormatInstruments,
    open_metrics: FormatInstruments,
    #[cfg(feature = "protobuf")]
    protobuf: FormatInstruments,
}

/// The handles of scrapes in one format.
#[derive(Clone, Debug)]
pub(super) struct FormatInstruments {
    pub(super) answered: Counter,
    pub(super) page_bytes: Gauge,
}

impl ScrapeInstruments {
    pub(crate) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        let (scrapes, page_size): (Family<Counter, 1>, Family<Gauge, 1>) =
            (meter.counter(&SCRAPES)?, meter.gauge(&PAGE_SIZE)?);
        let of = |format: &'static str| FormatInstruments {
            answered: scrapes.series([format.into()]),
            page_bytes: page_size.series([format.into()]),
        };
        Ok(Self {
            duration: meter.histogram(&SCRAPE_DURATION)?.series([]),
            in_flight: meter.gauge(&IN_FLIGHT)?.tally([]),
            text: of("text"),
            open_metrics: of("openmetrics"),
            #[cfg(feature = "protobuf")]
            protobuf: of("protobuf"),
        })
    }

    pub(super) const fn of(&self, format: Format) -> &FormatInstruments {
        match format {
            Format::Text => &self.text,
            Format::OpenMetrics => &self.open_metrics,
            #[cfg(feature = "protobuf")]
            Format::Protobuf => &self.protobuf,
        }
    }

    /// A scrape has come.
    pub(super) fn came(&self) -> InFlight {
        self.in_flight.open();
        InFlight(self.in_flight.clone())
    }
}

/// A scrape until it is answered or its client is gone.
#[must_use = "it is in flight until this is dropped"]
pub(super) struct InFlight(Tally);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.close();
    }
}
