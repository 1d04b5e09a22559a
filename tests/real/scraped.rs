//! A registry whose collectors run when the test says so.

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::{Clock, ManualClock};
use aistm7_monitoring::diagnostics::Diagnostics;
use aistm7_monitoring::log::Sink;
use aistm7_monitoring::metrics::{DEFAULT_ASK_INTERVAL, Meter, Registry, RegistryOptions, Snapshot};
use aistm7_monitoring::monitoring::MonitoringBuilder;

use crate::stores::SOON;
use crate::support::poll::eventually_async;

pub(crate) struct Scraped {
    registry: Registry,
    held: ManualClock,
}

impl Scraped {
    pub(crate) fn with(diagnostics: Diagnostics) -> Self {
        let held = ManualClock::new();
        let registry = Registry::with(RegistryOptions::new().clock(held.clock()).diagnostics(diagnostics));
        Self { registry, held }
    }

    pub(crate) fn meter(&self) -> Meter {
        Meter::new(&self.registry)
    }

    pub(crate) fn clock(&self) -> Clock {
        self.held.clock()
    }

    /// What a scrape shows that comes an interval after the one before: what the run before has found.
    pub(crate) async fn scrape(&self) -> Snapshot {
        self.held.advance(DEFAULT_ASK_INTERVAL);
        self.collect().await;
        self.registry.snapshot()
    }

    /// What is shown after the next run of a collector, which ends in this way.
    pub(crate) async fn after_a_run_of(&self, collector: &str, outcome: &str) -> Snapshot {
        let runs = |outcome: &str| {
            let labels = [("collector", collector), ("outcome", outcome)];
            self.registry.snapshot().value("monitoring_collector_runs_total", &labels).expect("it is registered")
        };
        let (before, all) = (runs(outcome), runs("ok") + runs("failed"));
        self.scrape().await;
        eventually_async(SOON, async || if runs("ok") + runs("failed") > all { Ok(()) } else { Err("it runs still") })
            .await;
        assert!(runs(outcome) > before, "it ended otherwise");
        self.collect().await;
        self.registry.snapshot()
    }

    async fn collect(&self) {
        let registry = self.registry.clone();
        tokio::task::spawn_blocking(move || registry.collect()).await.expect("a scrape does not panic");
    }
}

/// A service that writes no log.
pub(crate) fn quiet(service: &str) -> MonitoringBuilder {
    Monitoring::builder(service).log(|log| log.sink(Sink::Writer(Box::new(std::io::sink()))))
}
