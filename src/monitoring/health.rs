//! What a `Monitoring` gives for health, and what its builder is told of it.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{Monitoring, MonitoringBuilder};
use crate::clock::Clock;
use crate::drain::Drain;
use crate::health::{CheckOptions, Fleet, Health, HealthCheck, HealthError, Liveness, Registered, Surroundings};
use crate::metrics::{Meter, Sharing};
use crate::store::lease::{Lease, LeaseFamilies, LeasedCollectors};

impl MonitoringBuilder {
    /// Adds a check with the settings that fit its kind.
    pub fn check(mut self, name: impl Into<String>, check: impl HealthCheck) -> Self {
        self.checks.push(Registered::new(name, check));
        self
    }

    /// Adds a check with settings of its own.
    pub fn check_with(mut self, name: impl Into<String>, check: impl HealthCheck, options: CheckOptions) -> Self {
        self.checks.push(Registered::with(name, check, options));
        self
    }

    /// What `/health/live` says yes to. Default: the process answers.
    pub fn liveness(mut self, liveness: Liveness) -> Self {
        self.liveness = liveness;
        self
    }

    /// Lets the replicas of the service agree on who runs what is [`Scope::Shared`](crate::health::Scope::Shared). Default:
    /// none; each replica then runs it at an interval stretched by [`replicas`](Self::replicas).
    ///
    /// ```
    /// # #[cfg(feature = "sqlx-0_9")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use sqlx_0_9 as sqlx;
    /// use aistm7_monitoring::Monitoring;
    /// use aistm7_monitoring::health::{CheckOptions, CheckReport, Scope, check_fn};
    /// use aistm7_monitoring::store::lease::Lease;
    ///
    /// let pool = sqlx::PgPool::connect_lazy("postgres://localhost/orders")?;
    /// let quota = check_fn(|| async { Ok(CheckReport::healthy()) }); // a call that is paid for
    /// let monitoring = Monitoring::builder("orders")
    ///     .lease(Lease::new(pool)) // with the table `POSTGRES_LEASE_TABLE`
    ///     .replicas(3) // for as long as the pool gives no connection
    ///     .check_with("quota", quota, CheckOptions::new().scope(Scope::Shared))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlx-0_9"))] fn main() {}
    /// ```
    pub fn lease(mut self, lease: Lease) -> Self {
        self.lease = Some(lease);
        self
    }
}

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
