//! What a `Monitoring` gives for health.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::Monitoring;
use crate::clock::Clock;
use crate::drain::Drain;
use crate::health::{Fleet, Health, HealthError, Liveness, Registered, Surroundings};
use crate::metrics::{Meter, Sharing};
use crate::store::lease::{LeaseFamilies, LeasedCollectors};

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

/// How collectors are shared, if there is a lease: on the runtime that this is called in.
pub(super) fn share_collectors(
    fleet: &Fleet,
    clock: &Clock,
    drain: &Drain,
    meter: &Meter,
) -> Result<Option<Arc<dyn Sharing>>, HealthError> {
    let Some(lease) = fleet.lease.clone() else {
        return Ok(None);
    };
    let (clock, drain) = (clock.clone(), drain.clone());
    let (families, holder) = (LeaseFamilies::register(meter)?, Arc::clone(&fleet.holder));
    let runtime = Handle::try_current().map_err(|_| HealthError::NoRuntime)?;
    Ok(Some(Arc::new(LeasedCollectors { lease, holder, families, runtime, clock, drain })))
}
