//! What a `Monitoring` gives for health.

use tokio::runtime::Handle;

use super::Monitoring;
use crate::clock::Clock;
use crate::drain::Drain;
use crate::health::{Fleet, Health, HealthError, Liveness, Registered, Surroundings};
use crate::metrics::Meter;

impl Monitoring {
    /// The state of the checks, for code that decides by it. Answers come from memory.
    pub fn health(&self) -> &Health {
        &self.0.health
    }
}

/// Starts the checks on the runtime that this is called in, if there is one.
pub(super) fn start(
    checks: Vec<Registered>,
    clock: &Clock,
    drain: &Drain,
    meter: &Meter,
    liveness: Liveness,
    fleet: Fleet,
) -> Result<Health, HealthError> {
    let surroundings = Surroundings {
        clock: clock.clone(),
        drain: drain.clone(),
        runtime: Handle::try_current().ok(),
        liveness,
        random: fastrand::Rng::new(),
        fleet,
    };
    Health::start_in(checks, meter, surroundings)
}
