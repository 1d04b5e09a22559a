//! What a `Monitoring` gives for the surroundings of a service, and what its builder is told of them.

use tokio::runtime::Handle;

use super::{Monitoring, MonitoringBuilder, Variables};
use crate::clock::Clock;
use crate::metrics::Registry;
use crate::resource::{Credential, ResourceError, ResourceOptions, Resources, TaskKind};

/// The surroundings of one monitoring, and the runtime that this is called in, if there is one.
pub(super) fn register(
    registry: &Registry,
    clock: &Clock,
    options: ResourceOptions,
    variables: &Variables,
) -> Result<Resources, ResourceError> {
    Resources::register(registry, clock, options, Handle::try_current().ok(), |name| variables.get(name))
}

impl MonitoringBuilder {
    /// Sets what is measured of the process, its container, the machine and the runtime, and which files hold
    /// credentials; see [`ResourceOptions`].
    pub fn resources(mut self, configure: impl FnOnce(ResourceOptions) -> ResourceOptions) -> Self {
        self.resources = configure(self.resources);
        self
    }
}

impl Monitoring {
    /// A credential of the service, to tell when it was rotated: `credential_rotated_timestamp_seconds{name}`. The name is
    /// written in code; see [`Credential`].
    pub fn credential(&self, name: &'static str) -> Credential {
        self.0.resources.credential(name)
    }

    /// A kind of task of the service, to time its polls: `tokio_task_poll_duration_seconds{task}`. The name is written in
    /// code; see [`TaskKind`].
    pub fn task(&self, name: &'static str) -> TaskKind {
        self.0.resources.task(name)
    }
}
