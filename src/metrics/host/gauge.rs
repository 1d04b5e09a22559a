//! A gauge of a recorder of the host's.

use std::fmt;
use std::sync::Arc;

use super::HostFamily;
use crate::metrics::cell::{GaugeCell, Shape};
use crate::sync::OnceLock;

/// Shared by every handle of a series.
#[derive(Clone)]
pub(in crate::metrics) struct HostGauge(Arc<State>);

struct State {
    /// What the handles have said, since nothing can be read from the recorder.
    said: GaugeCell,
    family: HostFamily,
    /// A recorder shows a gauge from its registration on, so one that is absent until set is registered then.
    host: OnceLock<::metrics::Gauge>,
}

impl HostGauge {
    pub(super) fn new(family: &HostFamily, shape: &Arc<Shape>, labels: Arc<str>) -> Self {
        let said = GaugeCell::new(Arc::clone(shape), labels);
        let gauge = Self(Arc::new(State { said, family: family.clone(), host: OnceLock::new() }));
        if gauge.get().is_some() {
            gauge.host();
        }
        gauge
    }

    pub(in crate::metrics) fn set(&self, value: f64) {
        self.0.said.set(value);
        if !value.is_nan() {
            self.host().set(value);
        }
    }

    pub(in crate::metrics) fn add(&self, by: f64) {
        self.0.said.add(by);
        if by.is_finite() {
            self.host().increment(by);
        }
    }

    /// What the handles of this series have said.
    pub(in crate::metrics) fn get(&self) -> Option<f64> {
        self.0.said.get()
    }

    pub(super) fn labels(&self) -> &Arc<str> {
        &self.0.said.labels
    }

    fn host(&self) -> &::metrics::Gauge {
        self.0.host.get_or_init(|| self.0.family.gauge(self.labels()))
    }
}

impl fmt::Debug for HostGauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.get())
    }
}
