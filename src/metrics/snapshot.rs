//! The values of every series at one moment, typed, sorted and immutable.

use std::sync::Arc;
use std::time::Duration;

use super::cell::Cell;
use super::definition::{Kind, Unit};
use super::family_core::FamilyCore;

use super::histogram_snapshot::HistogramSnapshot;
use super::label::{identity, pairs};

/// What a registry held when it was read. For expositions, health, alerts, reports and tests.
///
/// ```
/// use aistm7_monitoring::metrics::Registry;
///
/// let registry = Registry::new();
/// metrics::with_local_recorder(&registry, || {
///     metrics::counter!("jobs_total", "kind" => "a", "outcome" => "ok").increment(2);
///     metrics::counter!("jobs_total", "kind" => "b", "outcome" => "ok").increment(3);
/// });
/// let snapshot = registry.snapshot();
/// assert_eq!(snapshot.value("jobs_total", &[("kind", "a"), ("outcome", "ok")]), Some(2.0));
/// assert_eq!(snapshot.sum("jobs_total", &[("outcome", "ok")]), Some(5.0));
/// assert_eq!(snapshot.sum("no_such_metric", &[]), None);
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    families: Vec<FamilySnapshot>,
}

/// A family with its series, sorted by labels.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FamilySnapshot {
    /// The metric's name.
    pub name: Arc<str>,
    /// The metric's kind.
    pub kind: Kind,
    /// The help text.
    pub help: Arc<str>,
    /// The series that have a value.
    pub series: Vec<SeriesSnapshot>,
}

/// One series.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SeriesSnapshot {
    /// `a="1",b="2"`: sorted, escaped, without braces.
    pub labels: Arc<str>,
    /// Its value.
    pub value: Value,
}

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Of a counter.
    Counter(CounterValue),
    /// Of a gauge.
    Gauge(f64),
    /// Of a histogram.
    Histogram(HistogramSnapshot),
}

/// A count, in the unit it was kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CounterValue {
    /// Whole things.
    Whole(u64),
    /// Seconds, kept in nanoseconds.
    Seconds(Duration),
}

impl CounterValue {
    /// The count in base units.
    pub fn as_f64(self) -> f64 {
        match self {
            // Exact up to 2^53.
            Self::Whole(count) => count as f64,
            Self::Seconds(time) => time.as_secs_f64(),
        }
    }
}

impl Snapshot {
    pub(super) fn of(cores: &[Arc<FamilyCore>]) -> Self {
        Self::of_families(cores.iter().map(|core| FamilySnapshot::of(core)).collect())
    }

    /// Of families that are sorted by name.
    pub(super) fn of_families(families: Vec<FamilySnapshot>) -> Self {
        Self { families }
    }

    /// The families, sorted by name.
    pub fn families(&self) -> &[FamilySnapshot] {
        &self.families
    }

    /// The value of the series with exactly these labels; for a histogram the number of its samples.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted = identity(labels.iter().copied());
        let series = self.family(name)?.series.iter().find(|series| *series.labels == *wanted)?;
        Some(series.value.as_f64())
    }

    /// The sum over the series that have these labels among theirs; `None` if there is no such series.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let series = self.family(name)?.series.iter().filter(|series| series.has(labels));
        series.map(|series| series.value.as_f64()).reduce(|a, b| a + b)
    }

    /// The histograms that have these labels among theirs, added up; `None` if there is no such series.
    ///
    /// ```
    /// use aistm7_monitoring::metrics::Registry;
    ///
    /// let registry = Registry::new();
    /// metrics::with_local_recorder(&registry, || {
    ///     metrics::histogram!("wait_seconds", "queue" => "a").record_many(0.2, 3);
    ///     metrics::histogram!("wait_seconds", "queue" => "b").record(0.7);
    /// });
    /// let wait = registry.snapshot().histogram("wait_seconds", &[]).expect("both are there");
    /// assert_eq!(wait.count(), 4);
    /// // As PromQL's histogram_quantile(0.75, …): the upper end of the bucket from 0.1 to 0.25.
    /// assert_eq!(wait.quantile(0.75), Some(0.25));
    /// ```
    pub fn histogram(&self, name: &str, labels: &[(&str, &str)]) -> Option<HistogramSnapshot> {
        let series = self.family(name)?.series.iter().filter(|series| series.has(labels));
        let histograms = series.filter_map(|series| match &series.value {
            Value::Histogram(histogram) => Some(histogram.clone()),
            _ => None,
        });
        histograms.reduce(HistogramSnapshot::merged)
    }

    /// The family of that name.
    pub fn family(&self, name: &str) -> Option<&FamilySnapshot> {
        let at = self.families.binary_search_by(|family| (*family.name).cmp(name)).ok()?;
        self.families.get(at)
    }
}

impl FamilySnapshot {
    fn of(core: &FamilyCore) -> Self {
        let cells = core.cells();
        let series = cells
            .iter()
            .filter_map(|cell| Some(SeriesSnapshot { labels: Arc::clone(cell.labels()), value: read(cell, core)? }));
        Self {
            name: Arc::clone(&core.name),
            kind: core.shape.kind,
            help: core.help.get().cloned().unwrap_or_else(|| core.help().into()),
            series: series.collect(),
        }
    }
}

fn read(cell: &Cell, core: &FamilyCore) -> Option<Value> {
    let counted = |count| match core.shape.unit {
        Unit::Seconds => CounterValue::Seconds(Duration::from_nanos(count)),
        _ => CounterValue::Whole(count),
    };
    Some(match cell {
        Cell::Counter(cell) => Value::Counter(counted(cell.get())),
        Cell::ObservedCounter(cell) => Value::Counter(counted(cell.get()?)),
        Cell::Gauge(cell) => Value::Gauge(cell.get()?),
        Cell::ObservedGauge(cell) => Value::Gauge(cell.get()??),
        Cell::Host(_) => return None,
        Cell::Histogram(cell) => Value::Histogram(HistogramSnapshot {
            edges: Arc::clone(&core.shape.edges),
            buckets: cell.buckets().collect(),
            sum: cell.sum().as_f64(),
        }),
    })
}

impl SeriesSnapshot {
    /// The labels as pairs, unescaped.
    pub fn pairs(&self) -> Vec<(&str, String)> {
        pairs(&self.labels)
    }

    /// Whether these labels are among its own.
    pub(super) fn has(&self, labels: &[(&str, &str)]) -> bool {
        let own = self.pairs();
        labels.iter().all(|(name, value)| own.iter().any(|(n, v)| n == name && v == value))
    }
}

impl Value {
    /// The number of a counter or gauge; the number of samples of a histogram.
    pub fn as_f64(&self) -> f64 {
        match self {
            Self::Counter(value) => value.as_f64(),
            Self::Gauge(value) => *value,
            Self::Histogram(histogram) => histogram.count() as f64,
        }
    }
}
