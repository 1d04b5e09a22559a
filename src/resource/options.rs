//! What a service can set of the numbers of its surroundings.

use std::path::PathBuf;
use std::time::Duration;

use super::files::Root;

/// Chosen: the guide calls response times over half a second degraded, and a worker that stands still for as long makes
/// them so for every request that waits for it.
pub const DEFAULT_STALLED_AFTER: Duration = Duration::from_millis(500);

/// Whether numbers of the machine are shown beside those of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostNumbers {
    /// Unless this process is in a container: there the machine is somebody else's, and each of its containers would tell
    /// the same of it.
    #[default]
    OutsideContainers,
    /// In a container too, where nobody else tells of the machine.
    Always,
    /// Nowhere, as beside a node-exporter.
    Never,
}

/// What is measured of the surroundings of a service. Each method says its default.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
/// use aistm7_monitoring::Monitoring;
/// use aistm7_monitoring::resource::HostNumbers;
///
/// let monitoring = Monitoring::builder("orders")
///     .resources(|resources| resources.host(HostNumbers::Always).credential_file("broker-key", "/run/secrets/broker"))
///     .build()?;
/// monitoring.registry().collect(); // a scrape of `/metrics` does this by itself
/// # #[cfg(target_os = "linux")]
/// assert!(monitoring.registry().render().contains("\nprocess_cpu_seconds_total "));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are used"]
pub struct ResourceOptions {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there is nothing to choose from"))]
    pub(super) host: HostNumbers,
    pub(super) root: Root,
    pub(super) stalled_after: Duration,
    pub(super) credential_files: Vec<(String, PathBuf)>,
}

impl ResourceOptions {
    /// The process, the cgroup, the runtime, and outside of containers the machine.
    pub fn new() -> Self {
        Self {
            host: HostNumbers::default(),
            root: Root::new("/"),
            stalled_after: DEFAULT_STALLED_AFTER,
            credential_files: Vec::new(),
        }
    }

    /// Whether numbers of the machine are shown (`host_*`). Default: [`HostNumbers::OutsideContainers`].
    pub fn host(self, host: HostNumbers) -> Self {
        Self { host, ..self }
    }

    /// Below which folder `proc`, `sys` and what is mounted are, such as `/host` where a container has the machine's root
    /// there. Default: `/`.
    pub fn root(self, folder: impl Into<PathBuf>) -> Self {
        Self { root: Root::new(folder), ..self }
    }

    /// From when on a worker of the runtime that does not come back from its tasks counts as stalled. Workers are looked
    /// at five times as often. Default: [`DEFAULT_STALLED_AFTER`]; less than 10 ms is taken for that.
    pub fn stalled_after(self, limit: Duration) -> Self {
        Self { stalled_after: limit.max(LEAST_STALL), ..self }
    }

    /// Tells how old a credential is by when its file was last changed, as the agents of secret stores and Kubernetes
    /// change theirs. `name` is checked when the monitoring is built. Default: none.
    pub fn credential_file(mut self, name: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        self.credential_files.push((name.into(), file.into()));
        self
    }
}

/// Chosen: 500 looks a second at each worker are what watching may cost.
const LEAST_STALL: Duration = Duration::from_millis(10);

impl Default for ResourceOptions {
    fn default() -> Self {
        Self::new()
    }
}
