//! The numbers of recorded machines and containers.

mod failing;
mod pages;
mod property;
mod stalls;
mod tree;

use std::time::Duration;

use self::tree::Tree;
use super::{HostNumbers, ResourceOptions, Resources};
use crate::clock::ManualClock;
use crate::metrics::{DEFAULT_COLLECT_WITHIN, Registry, RegistryOptions};

/// More than the least time between two runs of a collector.
const A_WHILE: Duration = Duration::from_secs(1);

/// A registry that shows what is in a tree.
struct Bench {
    registry: Registry,
    clock: ManualClock,
    resources: Resources,
}

impl Bench {
    fn of(tree: &Tree, host: HostNumbers) -> Self {
        Self::with(ResourceOptions::new().root(tree.folder()).host(host))
    }

    fn with(options: ResourceOptions) -> Self {
        let clock = ManualClock::new();
        let registry =
            Registry::with(RegistryOptions::new().clock(clock.clock()).collect_within(DEFAULT_COLLECT_WITHIN));
        let resources = Resources::register(&registry, &clock.clock(), options, None, |_| None).unwrap();
        Self { registry, clock, resources }
    }

    /// The samples of the surroundings after another round.
    fn collect(&self) -> Vec<String> {
        self.clock.advance(A_WHILE);
        self.registry.collect();
        let ours = |line: &&str| {
            ["process_", "cgroup_", "container_", "host_", "credential_"].iter().any(|area| line.starts_with(area))
        };
        self.registry.render().lines().filter(ours).map(str::to_owned).collect()
    }

    fn runs(&self, collector: &str, outcome: &str) -> f64 {
        let labels = [("collector", collector), ("outcome", outcome)];
        self.registry.snapshot().value("monitoring_collector_runs_total", &labels).unwrap()
    }
}
