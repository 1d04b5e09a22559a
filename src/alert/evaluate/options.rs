//! How often, how far back, and for whom rules are evaluated.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::alert::AlertChange;
#[cfg(feature = "notify")]
use super::evaluating::EvaluateError;
use super::refusal::INSTANCE;
use crate::alert::timing::Pace;

/// How rules are evaluated in the process. Each method says its default.
#[derive(Clone)]
#[must_use = "options do nothing until rules are evaluated with them"]
pub struct Evaluation {
    pub(super) every: Duration,
    pub(super) grace: Duration,
    pub(super) longest: Duration,
    pub(super) memory: usize,
    pub(super) replicas: u32,
    pub(super) identity: BTreeMap<String, String>,
    pub(super) on_change: Option<Arc<OnChange>>,
    #[cfg(feature = "notify")]
    pub(super) delivery: Option<crate::alert::notify::Delivery>,
}

pub(super) type OnChange = dyn Fn(&AlertChange) + Send + Sync;

/// How long after the start rules are not evaluated yet. Chosen: what a process does in its first seconds, such as filling
/// its caches, is no fault. Counters that rise meanwhile are not forgotten.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// How far back a rule may look. Chosen: a process that is deployed daily seldom remembers more.
pub const DEFAULT_LONGEST_WINDOW: Duration = Duration::from_secs(6 * 3600);

/// How many bytes samples may take. Chosen: some 10,000 series in windows of an hour, each different from sample to sample.
pub const DEFAULT_MEMORY: usize = 32 * 1024 * 1024;

/// The shortest time from an evaluation to the next.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

impl Evaluation {
    /// The defaults, for the only replica of a service.
    pub fn new() -> Self {
        Self {
            every: Pace::DEFAULT.evaluation,
            grace: DEFAULT_GRACE,
            longest: DEFAULT_LONGEST_WINDOW,
            memory: DEFAULT_MEMORY,
            replicas: 1,
            identity: BTreeMap::new(),
            on_change: None,
            #[cfg(feature = "notify")]
            delivery: None,
        }
    }

    /// How often samples are taken and rules evaluated, at most once a second. Default: every 15 s.
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = interval.max(SHORTEST_INTERVAL);
        self
    }

    /// How long after the start rules are not evaluated yet. Default: [`DEFAULT_GRACE`].
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = time;
        self
    }

    /// How far back a rule may look; one that looks further is refused. Default: [`DEFAULT_LONGEST_WINDOW`].
    pub fn longest_window(mut self, window: Duration) -> Self {
        self.longest = window;
        self
    }

    /// How many bytes samples may take at most; series that do not fit are dropped, and counted in `alert_series`. A series
    /// needs up to 16 bytes for each sample in the longest window that looks at it, a histogram for each bucket, and 512
    /// beside. Default: [`DEFAULT_MEMORY`].
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// How many replicas the service has. With several, each evaluates what it sees of its own share, and rules that this says
    /// nothing about are refused. Default: 1, or 2 with a delivery of several. The largest counts of this and what `Monitoring`
    /// knows.
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = replicas;
        self
    }

    /// The replicas of an identity, unless more are known.
    pub(crate) fn at_least_replicas(mut self, replicas: u32) -> Self {
        self.replicas = self.replicas.max(replicas);
        self
    }

    /// How many replicas there are at least, by all that is known.
    pub(super) fn known_replicas(&self) -> u32 {
        #[cfg(feature = "notify")]
        if self.delivery.as_ref().is_some_and(crate::alert::notify::Delivery::is_one_of_several) {
            return self.replicas.max(2);
        }
        self.replicas
    }

    /// Gives all series a label that a scrape would give them. `Monitoring` gives `service` and `environment`.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.identity.insert(name.into(), value.into());
        self
    }

    /// What this process is called among the replicas: the label `instance`, of alerts whose rules tell instances apart.
    /// Without it, these are one alert for all replicas. Default: none; `Monitoring` gives that of its identity.
    pub fn instance(self, name: impl Into<String>) -> Self {
        self.label(INSTANCE, name)
    }

    /// The instance of an identity, if nobody has named another.
    pub(crate) fn instance_unless_set(mut self, name: Option<&str>) -> Self {
        if let Some(name) = name {
            self.identity.entry(INSTANCE.to_owned()).or_insert_with(|| name.to_owned());
        }
        self
    }

    /// Called with each change of an alert's state, on the evaluator's thread, which waits for it; one that panics is counted
    /// among the problems. Default: nobody is told.
    pub fn on_change(mut self, told: impl Fn(&AlertChange) + Send + Sync + 'static) -> Self {
        self.on_change = Some(Arc::new(told));
        self
    }
}

#[cfg(feature = "notify")]
impl Evaluation {
    /// Who tells people: it is handed what fires after each evaluation, and what has ended. With several replicas, it must be
    /// one of several ([`Replicas`](crate::alert::notify::Replicas)). Default: nobody is told.
    pub fn deliver_to(mut self, delivery: &crate::alert::notify::Delivery) -> Self {
        self.delivery = Some(delivery.clone());
        self
    }

    /// Several replicas need a delivery that knows of it.
    pub(super) fn check_delivery(&self) -> Result<(), EvaluateError> {
        let of_one = self.delivery.as_ref().filter(|delivery| !delivery.is_one_of_several());
        match of_one.and_then(|delivery| delivery.most_misled()) {
            Some(destination) if self.replicas > 1 => {
                Err(EvaluateError::NeedsOneReplica { destination: destination.to_owned(), replicas: self.replicas })
            }
            _ => Ok(()),
        }
    }
}

impl Default for Evaluation {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluation")
            .field("every", &self.every)
            .field("grace", &self.grace)
            .field("longest", &self.longest)
            .field("memory", &self.memory)
            .field("replicas", &self.replicas)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
