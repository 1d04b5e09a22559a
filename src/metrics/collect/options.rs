//! How a collector is run.

use std::time::Duration;

use super::error::CollectorError;
use super::scope::Scope;
use super::shared::{Fleet, Timing};

/// Chosen: what a scraper pays for at most twice a second, so that several of them cost no more than one; far below any
/// usual scrape interval, so that each sees values of its own.
pub(super) const DEFAULT_INTERVAL: Duration = Duration::from_millis(500);

/// Chosen: four scrapes at Prometheus' usual interval, as a value of a failing source should outlive a hiccup and no
/// more.
pub(super) const DEFAULT_FRESH_FOR: Duration = Duration::from_secs(60);

/// How often a [`Collector`](super::Collector) runs and how long its values are good for.
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::metrics::CollectorOptions;
///
/// // Asks something that is not in this process: rarely, and no scrape waits for it.
/// let options = CollectorOptions::new().interval(Duration::from_secs(30)).unawaited();
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CollectorOptions {
    interval: Duration,
    fresh_for: Option<Duration>,
    wait: Wait,
    scope: Scope,
}

/// Whether gathers wait for the runs that they start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    WithinBudget,
    Never,
}

impl CollectorOptions {
    /// At most a run every half second, waited for; values are shown for a minute, or for two intervals if these are
    /// longer.
    pub fn new() -> Self {
        Self { interval: DEFAULT_INTERVAL, fresh_for: None, wait: Wait::WithinBudget, scope: Scope::Instance }
    }

    /// The least time between the beginnings of two runs. Who asks in between sees what the last run gave.
    #[must_use]
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// How long values are shown, from the beginning of the run that measured them.
    #[must_use]
    pub fn fresh_for(self, fresh_for: Duration) -> Self {
        Self { fresh_for: Some(fresh_for), ..self }
    }

    /// Nobody waits for its runs: what a gather starts is shown by the next one. For what asks other processes.
    #[must_use]
    pub fn unawaited(self) -> Self {
        Self { wait: Wait::Never, ..self }
    }

    /// Whether each replica measures, or one of them for all; nobody waits for the runs of a shared one. Each of the
    /// replicas shows the same values, so they are aggregated by `max`, not by `sum`. Default: [`Scope::Instance`].
    ///
    /// The lease is held for half of [`fresh_for`](Self::fresh_for), or longer if the lease says so: a process that is not
    /// scraped for that long loses it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use aistm7_monitoring::metrics::{CollectorOptions, Scope};
    ///
    /// // Facts of a database server, asked for by one replica twice a minute.
    /// let options = CollectorOptions::new().interval(Duration::from_secs(30)).scope(Scope::Shared);
    /// # let _ = options;
    /// ```
    #[must_use]
    pub fn scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    pub(super) fn checked(self, name: &str, fleet: &Fleet) -> Result<Settings, CollectorError> {
        let Self { interval, wait, scope, .. } = self;
        let stretched = interval.saturating_mul(fleet.replicas);
        // How often it runs, how long its values may have to last, and whether anybody waits.
        let (interval, between, wait) = match (scope, &fleet.sharing) {
            (Scope::Instance, _) => (interval, interval, wait),
            (Scope::Shared, None) => (stretched, stretched, Wait::Never),
            // Twice, so that half of it is longer than what is between two runs of the holder.
            (Scope::Shared, Some(_)) => (interval, stretched.max(interval.saturating_mul(2)), Wait::Never),
        };
        let fresh_for = self.fresh_for.unwrap_or_else(|| DEFAULT_FRESH_FOR.max(between.saturating_mul(2)));
        if fresh_for <= between {
            return Err(CollectorError::StaleBetweenRuns { name: name.to_owned(), interval: between, fresh_for });
        }
        let shared = (scope == Scope::Shared).then_some(Timing { interval, stretched, fresh_for });
        Ok(Settings { interval, fresh_for, wait, shared })
    }
}

impl Default for CollectorOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Options that fit together.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) interval: Duration,
    pub(super) fresh_for: Duration,
    pub(super) wait: Wait,
    /// If replicas share it.
    pub(super) shared: Option<Timing>,
}
