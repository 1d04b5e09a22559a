//! The short-lived jobs of one monitoring.

use std::sync::Arc;
use std::time::Duration;

use super::destination::{Destination, Origin};
use super::error::JobError;
use super::instruments::Instruments;
use super::pending::Pending;
use super::short_lived::ShortLived;
use crate::clock::Clock;
use crate::diagnostics::Diagnostics;
use crate::error::check_name;
use crate::metrics::{DefinitionError, Meter, Registry};

/// Gives jobs, and knows of which runs are being pushed. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Jobs {
    shared: Arc<Shared>,
    instruments: Arc<Instruments>,
    service: String,
    environment: String,
}

/// What all jobs share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) registry: Registry,
    pub(super) diagnostics: Diagnostics,
    pub(super) clock: Clock,
    pub(super) pending: Pending,
}

impl Jobs {
    pub(crate) fn register(
        registry: &Registry,
        clock: Clock,
        service: &str,
        environment: &str,
    ) -> Result<Self, DefinitionError> {
        let meter = Meter::new(registry);
        let instruments = Arc::new(Instruments::register(&meter)?);
        let diagnostics = meter.diagnostics().clone();
        let shared = Shared { registry: registry.clone(), diagnostics, clock, pending: Pending::default() };
        Ok(Self {
            shared: Arc::new(shared),
            instruments,
            service: service.to_owned(),
            environment: environment.to_owned(),
        })
    }

    pub(crate) fn short_lived(&self, name: &str, destination: impl Destination) -> Result<ShortLived, JobError> {
        check_name("job name", name)?;
        if !self.shared.registry.keeps_numbers() {
            return Err(JobError::NoNumbers { job: name.to_owned() });
        }
        let origin =
            Origin { job: name.to_owned(), service: self.service.clone(), environment: self.environment.clone() };
        Ok(ShortLived::new(Arc::clone(&self.shared), origin, self.instruments.of(name), destination))
    }

    /// Whether no run that has ended is still being pushed.
    pub(crate) fn is_idle(&self) -> bool {
        self.shared.pending.is_empty()
    }

    /// Waits until no run that has ended is still being pushed, at most for `limit`: how many are, and what is left of
    /// the limit. Blocks.
    pub(crate) fn wait(&self, limit: Duration) -> (u64, Duration) {
        let began = self.shared.clock.now();
        let pending = self.shared.pending.wait(limit);
        (pending, limit.saturating_sub(self.shared.clock.now().saturating_duration_since(began)))
    }
}
