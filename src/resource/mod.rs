//! What a service lives on: the process, its container, the machine, the Tokio runtime, and the age of its credentials.
//!
//! ```text
//! /proc, /sys/fs/cgroup, statvfs -> one collector each: process, cgroup, host, host-filesystems --.
//! RuntimeMetrics ----------------> collector runtime -------------------------------------------- +-> registry
//!                '---------------> a thread that looks at the workers -> stalls, WARN ----------- |
//! Credential::rotated, files ----> collectors credentials, credential-<name> --------------------'
//! ```
//!
//! Each collector runs when somebody reads the metrics, within the budget of all collectors; one that fails or hangs costs
//! its own series, and these leave the output when they are a minute old. What a kernel does not tell is absent, and so is
//! a limit that is none.
//!
//! | | shown | names |
//! |---|---|---|
//! | process | always; elsewhere than on Linux what can be had there | `process_*` |
//! | cgroup | if the process is in one of its own (Linux, version 1 or 2) | `cgroup_*` |
//! | network of the container | in one | `container_network_*` |
//! | machine | outside of containers, or as [`HostNumbers`] says (Linux) | `host_*` |
//! | runtime | if the monitoring is built in one | `tokio_*` |
//! | credentials | those that are named | `credential_*` |
//!
//! # How many series
//! Of disks, interfaces and mounts the first 64 are shown, and `host_omitted` says how many there are beyond. Left out are
//! parts of disks and disks in memory; interfaces that lead back or to containers of this machine; file systems that the
//! kernel makes up, that lie behind a network or belong to container engines. A file system that is mounted more than once
//! is shown once.
//!
//! # For rules
//! ```text
//! rate(cgroup_cpu_usage_seconds_total[5m]) / cgroup_cpu_limit_cores                    # CPU, of what the container may use
//! cgroup_memory_working_set_bytes / cgroup_memory_limit_bytes                          # memory
//! rate(cgroup_cpu_throttled_periods_total[5m]) / rate(cgroup_cpu_periods_total[5m])    # throttled
//! rate(tokio_worker_busy_seconds_total[5m])                                            # how busy each worker is
//! time() - credential_rotated_timestamp_seconds > credential_rotation_expected_interval_seconds
//! ```

#[cfg(target_os = "linux")]
mod bounded;
#[cfg(target_os = "linux")]
mod container;
mod credential;
#[cfg(target_os = "linux")]
mod disks;
mod error;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "what reads them is for Linux"))]
mod files;
mod give;
#[cfg(target_os = "linux")]
mod host;
#[cfg(target_os = "linux")]
mod mounts;
#[cfg(target_os = "linux")]
mod network;
mod options;
#[cfg(target_os = "linux")]
mod pressure;
mod process;
mod resources;
mod runtime;
#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests;
#[cfg(target_os = "linux")]
mod text;

pub use self::credential::Credential;
pub use self::error::ResourceError;
pub use self::options::{DEFAULT_STALLED_AFTER, HostNumbers, ResourceOptions};
pub use self::resources::Resources;
#[cfg(feature = "metrics-exporter-prometheus")]
pub(crate) use self::resources::declare;
pub use self::runtime::{MeasuredTask, TaskKind};
