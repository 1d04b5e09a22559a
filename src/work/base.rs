//! What every handle carries.

use std::time::{Duration, SystemTime};

use crate::clock::Clock;
use crate::diagnostics::{Diagnostics, Problem};
use crate::metrics::{Gauge, Meter};

/// Where a handle's time comes from, and where its refusals are counted. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) clock: Clock,
    pub(crate) diagnostics: Diagnostics,
}

impl Base {
    pub(crate) fn new(meter: &Meter, clock: Clock) -> Self {
        Self { clock, diagnostics: meter.diagnostics().clone() }
    }

    /// Sets a timestamp gauge; refuses and counts a time before 1970.
    pub(crate) fn set_timestamp(&self, gauge: &Gauge, at: SystemTime) {
        match at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => gauge.set(since.as_secs_f64()),
            Err(_) => self.reject("a timestamp lies before 1970"),
        }
    }

    /// Sets a timestamp gauge to the present.
    pub(crate) fn set_to_now(&self, gauge: &Gauge) {
        self.set_timestamp(gauge, self.clock.wall());
    }

    /// Counts a sample that is not recorded.
    pub(crate) fn reject(&self, cause: &str) {
        self.diagnostics.report(Problem::SampleRejected, cause);
    }
}

/// Sets a gauge to a number of things.
pub(crate) fn set_count(gauge: &Gauge, count: u64) {
    // The cast is exact up to 2^53 things.
    gauge.set(count as f64);
}

/// Sets a gauge of seconds.
pub(crate) fn set_duration(gauge: &Gauge, duration: Duration) {
    gauge.set(duration.as_secs_f64());
}
