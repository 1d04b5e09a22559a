//! All of it, registered.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::credential::{Credential, CredentialFamilies, Credentials};
use super::error::ResourceError;
use super::options::ResourceOptions;
use super::process;
use super::runtime::{self, StallInstruments, TaskFamily, TaskKind, Watch};
use crate::clock::Clock;
use crate::diagnostics::Diagnostics;
use crate::error::check_name;
use crate::metrics::{LabelValue, Meter, Registry};

/// The numbers of a service's surroundings. Cloning shares them; the workers are watched until the last clone is dropped.
#[derive(Clone)]
pub struct Resources {
    credentials: Credentials,
    tasks: TaskFamily,
    diagnostics: Diagnostics,
    _watch: Option<Arc<Watch>>,
}

impl Resources {
    /// Registers what the options say. `runtime` is watched if there is one; `variable` finds a variable of the
    /// environment, by which container platforms are known.
    ///
    /// Where the numbers go to a recorder of the host's, which never asks, only stalls and polls are told of.
    ///
    /// # Errors
    /// When a name breaks a rule, or when a metric or collector clashes with another of the registry.
    pub fn register(
        registry: &Registry,
        clock: &Clock,
        options: ResourceOptions,
        runtime: Option<Handle>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ResourceError> {
        let meter = Meter::new(registry);
        let credentials = Credentials::new(clock.clone());
        if registry.keeps_numbers() {
            process::register(&meter, &options.root)?;
            register_machine(&meter, &options, variable)?;
            if let Some(handle) = &runtime {
                runtime::register(&meter, handle)?;
            }
            let families = CredentialFamilies::register(&meter)?;
            for (name, file) in options.credential_files {
                families.clone().collect_file(&meter, &name, file)?;
            }
            families.collect_told(&meter, &credentials)?;
        }
        let stalls = StallInstruments::register(&meter)?;
        let diagnostics = meter.diagnostics().clone();
        let watch = |runtime| Watch::start(runtime, clock, options.stalled_after, stalls, &diagnostics);
        let watch = runtime.map(watch).map(Arc::new);
        let tasks = TaskFamily::register(&meter, clock.clone())?;
        Ok(Self { credentials, tasks, diagnostics, _watch: watch })
    }

    /// A credential, by a name that is written in code. One that breaks the rule of names is shown as `_other`, and
    /// counted as `unknown_label_value`.
    pub fn credential(&self, name: &'static str) -> Credential {
        self.credentials.of(LabelValue::checked(name, check_name("credential name", name), &self.diagnostics))
    }

    /// A kind of task, by a name as that of a [`credential`](Self::credential).
    pub fn task(&self, name: &'static str) -> TaskKind {
        self.tasks.of(LabelValue::checked(name, check_name("task name", name), &self.diagnostics))
    }
}

/// Registers every definition that has handles, for those who only want to know them.
#[cfg(feature = "metrics-exporter-prometheus")]
pub(crate) fn declare(meter: &Meter) -> Result<(), crate::metrics::DefinitionError> {
    StallInstruments::register(meter)?;
    TaskFamily::register(meter, Clock::system()).map(drop)
}

#[cfg(target_os = "linux")]
fn register_machine(
    meter: &Meter,
    options: &ResourceOptions,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), ResourceError> {
    use super::container::Surroundings;
    use super::options::HostNumbers;
    use super::{container, host};

    let surroundings = Surroundings::of(&options.root, variable);
    let shows_host = match options.host {
        HostNumbers::Always => true,
        HostNumbers::OutsideContainers => surroundings == Surroundings::Machine,
        HostNumbers::Never => false,
    };
    if shows_host {
        host::register(meter, &options.root)?;
    }
    container::register(meter, &options.root, surroundings)
}

#[cfg(not(target_os = "linux"))]
fn register_machine(_: &Meter, _: &ResourceOptions, _: impl Fn(&str) -> Option<String>) -> Result<(), ResourceError> {
    Ok(())
}
