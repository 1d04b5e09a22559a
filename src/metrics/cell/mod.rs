//! Where the numbers are: one cell a series, made of atomics, with the labels that name it.
//!
//! Every ordering in these files is `Relaxed` unless it says otherwise: a cell holds lone numbers whose readers
//! (scrapes) need no other memory to be visible with them.

mod counter;
mod exemplar;
mod gauge;
mod histogram;
#[cfg(feature = "protobuf")]
mod native;
#[cfg(all(test, loom))]
mod orderings;
mod slot;
mod spread;

use std::sync::{Arc, Weak};

pub(super) use self::counter::CounterCell;
pub(super) use self::exemplar::Exemplar;
pub(super) use self::gauge::GaugeCell;
#[cfg(feature = "metrics-exporter-prometheus")]
pub(super) use self::histogram::nanos_of;
pub(super) use self::histogram::{HistogramCell, Sum};
#[cfg(feature = "protobuf")]
pub(super) use self::native::{NativeBuckets, NativeReading, ZERO_THRESHOLD};
use super::definition::{Kind, Unit};
use super::host::{HostCell, HostFamily};
use super::label::OVERFLOW;
use crate::clock::Clock;
use crate::diagnostics::{Diagnostics, Problem};
use crate::fence::fenced;

/// What is shared by the cells of one family.
pub(super) struct Shape {
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    pub(super) edges: Arc<[f64]>,
    /// The fewest nanoseconds above each edge, when the unit is seconds; 0 for an edge below 0.
    nanos_above: Box<[u64]>,
    absent_until_set: bool,
    /// The metric as a recorder of the host's knows it, if that keeps the numbers.
    pub(super) host: Option<HostFamily>,
    diagnostics: Diagnostics,
    #[cfg(feature = "protobuf")]
    has_native_buckets: bool,
    /// What tells the time of exemplars, if series have any.
    exemplars: Option<Clock>,
}

impl Shape {
    pub(super) fn new(kind: Kind, unit: Unit, edges: &[f64], absent_until_set: bool, diagnostics: Diagnostics) -> Self {
        let above = |edge: &f64| histogram::nanos_of(*edge).map_or(0, |nanos| nanos.saturating_add(1));
        let nanos_above = match unit {
            Unit::Seconds => edges.iter().map(above).collect(),
            _ => Box::default(),
        };
        Self {
            kind,
            unit,
            edges: edges.into(),
            nanos_above,
            absent_until_set,
            host: None,
            diagnostics,
            #[cfg(feature = "protobuf")]
            has_native_buckets: false,
            exemplars: None,
        }
    }

    /// Gives the series of a histogram native buckets beside those of the edges.
    #[cfg(feature = "protobuf")]
    pub(super) fn with_native_buckets(self) -> Self {
        Self { has_native_buckets: true, ..self }
    }

    /// Gives the series of a histogram exemplars, whose time a clock tells.
    pub(super) fn exemplars(self, clock: Option<Clock>) -> Self {
        Self { exemplars: clock, ..self }
    }

    /// Lets a recorder of the host's keep the numbers, if there is one.
    pub(super) fn kept_by(self, host: Option<HostFamily>) -> Self {
        Self { host, ..self }
    }

    pub(super) fn reject(&self) {
        self.diagnostics.count(Problem::SampleRejected);
    }
}

/// The storage of one series.
#[derive(Clone)]
pub(super) enum Cell {
    Counter(Arc<CounterCell>),
    Gauge(Arc<GaugeCell>),
    Histogram(Arc<HistogramCell>),
    ObservedCounter(Arc<Observed<u64>>),
    /// `None` is absent.
    ObservedGauge(Arc<Observed<Option<f64>>>),
    /// Its numbers are elsewhere.
    #[cfg_attr(not(feature = "metrics-exporter-prometheus"), allow(dead_code, reason = "nobody can make one then"))]
    Host(HostCell),
}

/// A series whose value is computed whenever somebody reads it. Code that panics costs its own series that reading.
pub(super) struct Observed<T> {
    labels: Arc<str>,
    shape: Arc<Shape>,
    read: Box<dyn Fn() -> T + Send + Sync>,
}

impl<T> Observed<T> {
    pub(super) fn new(shape: &Arc<Shape>, labels: Arc<str>, read: impl Fn() -> T + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { labels, shape: Arc::clone(shape), read: Box::new(read) })
    }

    /// The value; `None` if computing it panicked.
    pub(super) fn get(&self) -> Option<T> {
        // It is not run again before the next reading.
        let value = fenced(&self.read);
        if value.is_none() {
            self.shape.diagnostics.report(Problem::ObservationPanicked, &self.labels);
        }
        value
    }
}

impl Cell {
    pub(super) fn new(shape: &Arc<Shape>, labels: Arc<str>) -> Self {
        if let Some(host) = &shape.host {
            return host.cell(shape, labels);
        }
        match shape.kind {
            Kind::Counter => Self::Counter(Arc::new(CounterCell::new(labels))),
            Kind::Gauge => Self::Gauge(Arc::new(GaugeCell::new(Arc::clone(shape), labels))),
            Kind::Histogram => Self::Histogram(Arc::new(HistogramCell::new(Arc::clone(shape), labels))),
        }
    }

    /// Adds what another cell of the family holds, of those that collectors fill.
    pub(super) fn absorb(&self, other: &Self) {
        match (self, other) {
            (Self::Counter(sum), Self::Counter(other)) => sum.add(other.get()),
            (Self::Gauge(sum), Self::Gauge(other)) => {
                if let Some(value) = other.get() {
                    sum.add(value);
                }
            }
            // Cells of one family are of one kind, and collectors fill counters and gauges only.
            _ => {}
        }
    }

    /// How much was recorded in a counter or histogram; `None` of what does not expire.
    pub(super) fn recorded(&self) -> Option<Recorded> {
        match self {
            _ if **self.labels() == *OVERFLOW => None,
            Self::Counter(cell) => Some(cell.recorded()),
            Self::Histogram(cell) => Some(cell.recorded()),
            Self::Gauge(_) | Self::ObservedCounter(_) | Self::ObservedGauge(_) | Self::Host(_) => None,
        }
    }

    /// Gives the cell back if somebody else holds it, or more was recorded in it.
    pub(super) fn expire(self, recorded: Recorded) -> Option<Self> {
        match self {
            Self::Counter(cell) => unused(cell, |cell| cell.recorded() == recorded).map(Self::Counter),
            Self::Histogram(cell) => unused(cell, |cell| cell.recorded() == recorded).map(Self::Histogram),
            other => Some(other),
        }
    }

    /// Reads a little of everything that showing the cell needs, so that it is near when it is shown.
    #[inline]
    pub(super) fn touch(&self) -> u64 {
        let labels = self.labels().as_bytes();
        let ends = [labels.first(), labels.last()].into_iter().flatten().copied();
        let label = ends.map(u64::from).sum();
        match self {
            Self::Histogram(cell) => cell.touch().wrapping_add(label),
            _ => label,
        }
    }

    /// A reference that does not keep the cell; none of one whose numbers come from, or go, elsewhere.
    pub(super) fn downgrade(&self) -> Option<WeakCell> {
        match self {
            Self::Counter(cell) => Some(WeakCell::Counter(Arc::downgrade(cell))),
            Self::Gauge(cell) => Some(WeakCell::Gauge(Arc::downgrade(cell))),
            Self::Histogram(cell) => Some(WeakCell::Histogram(Arc::downgrade(cell))),
            Self::ObservedCounter(_) | Self::ObservedGauge(_) | Self::Host(_) => None,
        }
    }

    /// `a="1",b="2"`: sorted and escaped, the identity of the series in its family.
    pub(super) fn labels(&self) -> &Arc<str> {
        match self {
            Self::Counter(cell) => &cell.labels,
            Self::Gauge(cell) => &cell.labels,
            Self::Histogram(cell) => &cell.labels,
            Self::ObservedCounter(cell) => &cell.labels,
            Self::ObservedGauge(cell) => &cell.labels,
            Self::Host(cell) => cell.labels(),
        }
    }
}

/// How much was recorded in a cell: equal while nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recorded(pub(super) u64);

/// Drops the value that the last reference leads to, unless it is no longer idle; gives back what stays.
///
/// Taking it out of the reference is one step, after which no weak reference revives it.
fn unused<T>(cell: Arc<T>, is_idle: impl FnOnce(&T) -> bool) -> Option<Arc<T>> {
    match Arc::try_unwrap(cell) {
        Ok(cell) => (!is_idle(&cell)).then(|| Arc::new(cell)),
        Err(held) => Some(held),
    }
}

/// A reference to a cell that does not keep it.
pub(super) enum WeakCell {
    Counter(Weak<CounterCell>),
    Gauge(Weak<GaugeCell>),
    Histogram(Weak<HistogramCell>),
}

impl WeakCell {
    /// Where the cell is, or was. No other cell is there as long as this reference is kept.
    pub(super) fn address(&self) -> usize {
        match self {
            Self::Counter(cell) => cell.as_ptr().addr(),
            Self::Gauge(cell) => cell.as_ptr().addr(),
            Self::Histogram(cell) => cell.as_ptr().addr(),
        }
    }

    #[inline]
    pub(super) fn upgrade(&self) -> Option<Cell> {
        match self {
            Self::Counter(cell) => cell.upgrade().map(Cell::Counter),
            Self::Gauge(cell) => cell.upgrade().map(Cell::Gauge),
            Self::Histogram(cell) => cell.upgrade().map(Cell::Histogram),
        }
    }
}
