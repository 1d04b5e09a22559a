//! The recorder, and how definitions and series become what it knows.

use std::fmt;
use std::sync::Arc;

use ::metrics::{Key, Label, Level, Metadata, Recorder, Unit as HostUnit, set_global_recorder, with_recorder};

use super::{HostCell, HostCounter, HostGauge, HostHistogram};
use crate::metrics::cell::{Cell, Shape};
use crate::metrics::definition::{Definition, Kind, Unit};
use crate::metrics::label::pairs;

/// A recorder of the `metrics` facade that the host runs, such as a `PrometheusRecorder`. Cloning shares it.
///
/// Its handle of a series is resolved when the series is born. Recording costs what that handle does, which for an
/// exporter's histogram includes memory until it is scraped, and for counters and gauges an atomic operation of ours.
///
/// ```
/// use aistm7_monitoring::metrics::{Counter, Definition, Family, HostRecorder, Meter, Registry, RegistryOptions};
/// use metrics_exporter_prometheus::PrometheusBuilder;
///
/// static ORDERS: Definition = Definition::counter("orders_total", "Orders sent to the broker.").labels(&["side"]);
///
/// let recorder = PrometheusBuilder::new().build_recorder();
/// let handle = recorder.handle();
/// let registry = Registry::with(RegistryOptions::new().report_to(HostRecorder::new(recorder)));
/// let orders: Family<Counter, 1> = Meter::new(&registry).counter(&ORDERS)?;
/// orders.series(["buy".into()]).increment();
/// assert!(handle.render().contains("orders_total{side=\"buy\"} 1\n"));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone)]
pub struct HostRecorder(Origin);

#[derive(Clone)]
enum Origin {
    Global,
    Given(Arc<dyn Recorder + Send + Sync>),
}

impl HostRecorder {
    /// The process's recorder: the one that `PrometheusBuilder::install_recorder`, `PrometheusBuilder::install` or
    /// [`metrics::set_global_recorder`] has put there, before this is used.
    ///
    /// Each series asks for it once, on the thread that first needs the series. So it must not be shadowed there by
    /// [`metrics::with_local_recorder`].
    pub fn global() -> Self {
        Self(Origin::Global)
    }

    /// This recorder. References and `Arc`s are recorders too.
    pub fn new(recorder: impl Recorder + Send + Sync + 'static) -> Self {
        Self(Origin::Given(Arc::new(recorder)))
    }

    /// Whether there is one.
    pub(crate) fn is_there(&self) -> bool {
        match &self.0 {
            // The facade does not say. Its stand-in for none has no state, which a recorder of use has.
            Origin::Global => with_recorder(|recorder| size_of_val(recorder) > 0),
            Origin::Given(_) => true,
        }
    }

    /// Makes it the process's recorder unless it is that already or there is another; whether it did.
    pub(in crate::metrics) fn install(&self) -> bool {
        match &self.0 {
            Origin::Global => false,
            Origin::Given(recorder) => set_global_recorder(Arc::clone(recorder)).is_ok(),
        }
    }

    pub(in crate::metrics) fn family(&self, definition: &Definition) -> HostFamily {
        HostFamily { recorder: self.clone(), name: definition.name }
    }

    /// Tells the recorder what a metric means.
    pub(in crate::metrics) fn describe(&self, definition: &Definition) {
        let (name, unit, help) = (definition.name.into(), host_unit(definition.unit), definition.help.into());
        self.with(|recorder| match definition.kind {
            Kind::Counter => recorder.describe_counter(name, unit, help),
            Kind::Gauge => recorder.describe_gauge(name, unit, help),
            Kind::Histogram => recorder.describe_histogram(name, unit, help),
        });
    }

    fn with<T>(&self, use_it: impl FnOnce(&dyn Recorder) -> T) -> T {
        match &self.0 {
            Origin::Global => with_recorder(use_it),
            Origin::Given(recorder) => use_it(recorder),
        }
    }
}

/// The facade's name of a unit. It has none for a fraction of one.
fn host_unit(unit: Unit) -> Option<HostUnit> {
    match unit {
        Unit::Seconds => Some(HostUnit::Seconds),
        Unit::Bytes => Some(HostUnit::Bytes),
        Unit::Count | Unit::Ratio => None,
    }
}

/// A metric as a recorder of the host's knows it.
#[derive(Clone)]
pub(in crate::metrics) struct HostFamily {
    recorder: HostRecorder,
    name: &'static str,
}

/// What recorders may filter by.
const METADATA: Metadata<'static> = Metadata::new("aistm7_monitoring", Level::INFO, None);

impl HostFamily {
    /// The cell of a label set. Counters and histograms, and gauges that start at 0, exist from here on.
    pub(in crate::metrics) fn cell(&self, shape: &Arc<Shape>, labels: Arc<str>) -> Cell {
        Cell::Host(match shape.kind {
            Kind::Counter => {
                let counter = self.recorder.with(|recorder| recorder.register_counter(&self.key(&labels), &METADATA));
                HostCell::Counter(HostCounter::new(counter, shape.unit, labels))
            }
            Kind::Gauge => HostCell::Gauge(HostGauge::new(self, shape, labels)),
            Kind::Histogram => {
                let key = self.key(&labels);
                let histogram = self.recorder.with(|recorder| recorder.register_histogram(&key, &METADATA));
                HostCell::Histogram(HostHistogram::new(histogram, shape, labels))
            }
        })
    }

    pub(super) fn gauge(&self, labels: &str) -> ::metrics::Gauge {
        self.recorder.with(|recorder| recorder.register_gauge(&self.key(labels), &METADATA))
    }

    fn key(&self, labels: &str) -> Key {
        let labels: Vec<_> =
            pairs(labels).into_iter().map(|(name, value)| Label::new(name.to_owned(), value)).collect();
        Key::from_parts(self.name, labels)
    }
}

impl fmt::Debug for HostRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Origin::Global => "HostRecorder(global)",
            Origin::Given(_) => "HostRecorder(given)",
        })
    }
}
