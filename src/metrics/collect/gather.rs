//! All collectors of a registry, and the gather that runs those that are due.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use super::shared::{Fleet, Shared as SharedCollector, Sharing};
use super::tracked::Tracked;
use super::turn::{Part, Turn};
use super::{Collector, CollectorError, CollectorOptions, instruments::CollectorInstruments};
use crate::clock::{Alarm, Clock};
use crate::error::check_name;
use crate::metrics::family_core::Budget;
use crate::metrics::meter::Meter;

/// The collectors of one registry.
pub(in crate::metrics) struct Collectors {
    list: RwLock<Arc<[Arc<Tracked>]>>,
    turn: Turn,
    shared: Arc<Shared>,
    fleet: OnceLock<Fleet>,
}

/// What gathers and runs share.
pub(super) struct Shared {
    pub(super) clock: Clock,
    /// How long a gather waits.
    pub(super) limit: Duration,
    /// Rung by each run that ends.
    pub(super) alarm: Arc<Alarm>,
    pub(super) budget: Arc<Budget>,
}

impl Collectors {
    pub(in crate::metrics) fn new(clock: Clock, limit: Duration, budget: &Arc<Budget>) -> Self {
        let shared = Shared { alarm: Alarm::new(&clock), clock, limit, budget: Arc::clone(budget) };
        Self {
            list: RwLock::new(Arc::new([])),
            turn: Turn::default(),
            shared: Arc::new(shared),
            fleet: OnceLock::new(),
        }
    }

    /// Says how collectors are shared that are added from now on; what was said first stays.
    pub(in crate::metrics) fn share(&self, replicas: u32, sharing: Option<Arc<dyn Sharing>>) {
        let _said_before = self.fleet.set(Fleet { replicas, sharing });
    }

    /// Adds a collector, due at once.
    pub(in crate::metrics) fn add(
        &self,
        meter: &Meter,
        name: &str,
        collector: impl Collector,
        options: CollectorOptions,
    ) -> Result<(), CollectorError> {
        check_name("collector name", name)?;
        let alone = Fleet { replicas: 1, sharing: None };
        let fleet = self.fleet.get().unwrap_or(&alone);
        let settings = options.checked(name, fleet)?;
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        if list.iter().any(|present| *present.name == *name) {
            return Err(CollectorError::Taken { name: name.to_owned() });
        }
        let instruments = CollectorInstruments::register(meter, name)?;
        let collector: Box<dyn Collector> = match (settings.shared, &fleet.sharing) {
            (Some(timing), Some(sharing)) => {
                let part = sharing.part_in(name, timing);
                Box::new(SharedCollector { collector: Box::new(collector), part, directory: meter.directory() })
            }
            _ => Box::new(collector),
        };
        let tracked = Arc::new(Tracked::new(name, collector, settings, instruments));
        *list = list.iter().cloned().chain([tracked]).collect();
        Ok(())
    }

    /// Runs those that are due and shows what they give; see [`Registry::collect`](crate::metrics::Registry::collect).
    pub(in crate::metrics) fn gather(&self) {
        if self.list().is_empty() {
            return;
        }
        match self.turn.join() {
            Part::Lead(_until_the_end) => self.gather_alone(&self.list()),
            Part::Follow(present) => present.wait(),
        }
    }

    /// Takes what is too old out of the families.
    pub(in crate::metrics) fn let_go_of_stale(&self) {
        let list = self.list();
        if !list.is_empty() {
            let now = self.shared.clock.now();
            list.iter().for_each(|tracked| tracked.let_go_of_stale(now));
        }
    }

    fn gather_alone(&self, list: &[Arc<Tracked>]) {
        let Shared { clock, limit, alarm, .. } = &*self.shared;
        let began = clock.now();
        list.iter().for_each(|tracked| tracked.start_if_due(began, &self.shared));
        // A limit beyond the end of time is none.
        let deadline = began.checked_add(*limit);
        let is_over = || deadline.is_some_and(|deadline| clock.now() >= deadline);
        while list.iter().any(|tracked| tracked.is_awaited()) && !is_over() {
            alarm.wait(deadline);
        }
        let now = clock.now();
        list.iter().for_each(|tracked| tracked.conclude(now, &self.shared));
    }

    fn list(&self) -> Arc<[Arc<Tracked>]> {
        Arc::clone(&self.list.read().unwrap_or_else(PoisonError::into_inner))
    }
}
