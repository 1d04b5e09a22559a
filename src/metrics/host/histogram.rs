//! A histogram of a recorder of the host's.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::metrics::cell::{Shape, nanos_of};
use crate::metrics::definition::Unit;

/// Shared by every handle of a series.
#[derive(Clone)]
pub(in crate::metrics) struct HostHistogram(Arc<State>);

struct State {
    shape: Arc<Shape>,
    host: ::metrics::Histogram,
    labels: Arc<str>,
}

impl HostHistogram {
    pub(super) fn new(host: ::metrics::Histogram, shape: &Arc<Shape>, labels: Arc<str>) -> Self {
        Self(Arc::new(State { shape: Arc::clone(shape), host, labels }))
    }

    /// Hands over a sample that our own registry would record, as it would: to the nanosecond when the unit is seconds.
    pub(in crate::metrics) fn record(&self, value: f64) {
        let State { shape, host, .. } = &*self.0;
        match shape.unit {
            Unit::Seconds => self.record_nanos(nanos_of(value)),
            _ if value.is_finite() => host.record(value),
            _ => shape.reject(),
        }
    }

    pub(in crate::metrics) fn record_duration(&self, duration: Duration) {
        match self.0.shape.unit {
            Unit::Seconds => self.record_nanos(u64::try_from(duration.as_nanos()).ok()),
            _ => self.record(duration.as_secs_f64()),
        }
    }

    pub(super) fn labels(&self) -> &Arc<str> {
        &self.0.labels
    }

    fn record_nanos(&self, nanos: Option<u64>) {
        // The last number stands for all that are too long.
        match nanos.filter(|nanos| *nanos != u64::MAX) {
            // Exact below 104 days, and the division gives the number that an edge of as many seconds is read as.
            Some(nanos) => self.0.host.record(nanos as f64 / 1e9),
            None => self.0.shape.reject(),
        }
    }
}

impl fmt::Debug for HostHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostHistogram").finish_non_exhaustive()
    }
}
