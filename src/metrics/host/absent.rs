//! The types without the feature: nobody can make a value of them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crate::metrics::cell::{Cell, Shape};
use crate::metrics::definition::Definition;

#[derive(Clone, Debug)]
pub(in crate::metrics) struct HostRecorder(Infallible);

impl HostRecorder {
    pub(in crate::metrics) fn install(&self) -> bool {
        match self.0 {}
    }

    pub(in crate::metrics) fn family(&self, _: &Definition) -> HostFamily {
        match self.0 {}
    }

    pub(in crate::metrics) fn describe(&self, _: &Definition) {
        match self.0 {}
    }
}

pub(in crate::metrics) struct HostFamily(Infallible);

impl HostFamily {
    pub(in crate::metrics) fn cell(&self, _: &Arc<Shape>, _: Arc<str>) -> Cell {
        match self.0 {}
    }
}

#[derive(Clone, Debug)]
pub(in crate::metrics) struct HostCounter(Infallible);

impl HostCounter {
    pub(in crate::metrics) fn add(&self, _: u64) {
        match self.0 {}
    }

    pub(in crate::metrics) fn get(&self) -> u64 {
        match self.0 {}
    }

    pub(super) fn labels(&self) -> &Arc<str> {
        match self.0 {}
    }
}

#[derive(Clone, Debug)]
pub(in crate::metrics) struct HostGauge(Infallible);

impl HostGauge {
    pub(in crate::metrics) fn set(&self, _: f64) {
        match self.0 {}
    }

    pub(in crate::metrics) fn add(&self, _: f64) {
        match self.0 {}
    }

    pub(in crate::metrics) fn get(&self) -> Option<f64> {
        match self.0 {}
    }

    pub(super) fn labels(&self) -> &Arc<str> {
        match self.0 {}
    }
}

#[derive(Clone, Debug)]
pub(in crate::metrics) struct HostHistogram(Infallible);

impl HostHistogram {
    pub(in crate::metrics) fn record(&self, _: f64) {
        match self.0 {}
    }

    pub(in crate::metrics) fn record_duration(&self, _: Duration) {
        match self.0 {}
    }

    pub(super) fn labels(&self) -> &Arc<str> {
        match self.0 {}
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::{Counter, Gauge, Histogram};

    #[test]
    fn handles_are_one_pointer() {
        let sizes = [size_of::<Counter>(), size_of::<Gauge>(), size_of::<Histogram>()];
        assert_eq!(sizes, [size_of::<usize>(); 3]);
    }
}
