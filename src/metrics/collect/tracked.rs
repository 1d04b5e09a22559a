//! One collector: when it is due, what its run is doing, what it gave.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Collector;
use super::collection::{Collection, Rows, Standing};
use super::gather::Shared;
use super::given::Refusals;
use super::instruments::{CollectorInstruments, Outcome};
use super::options::{Settings, Wait};
use super::run::{self, End};
use crate::diagnostics::Problem;
use crate::metrics::family_core::FamilyCore;

/// A collector with all that is known of it.
pub(super) struct Tracked {
    pub(super) name: Arc<str>,
    /// Locked by its run only.
    pub(super) collector: Mutex<Box<dyn Collector>>,
    settings: Settings,
    instruments: CollectorInstruments,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// While its thread has not ended.
    run: Option<Run>,
    last_started: Option<Instant>,
    /// Whether its latest run was late: the next one is not waited for.
    was_late: bool,
    /// Whether its latest run was in vain, which is told once.
    is_failing: bool,
    measured: Option<Measured>,
    shown: Option<Shown>,
}

struct Run {
    started: Instant,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The gather that started it waits.
    Awaited,
    Unawaited,
    /// It takes too long, and that is counted as its outcome.
    Late,
}

/// What a run gave, before it is shown.
struct Measured {
    collection: Collection,
    /// When the run began, here or in another replica: nothing in it is older.
    began: Instant,
}

/// What readers see.
struct Shown {
    families: Vec<Arc<FamilyCore>>,
    began: Instant,
}

impl Tracked {
    pub(super) fn new(
        name: &str,
        collector: Box<dyn Collector>,
        settings: Settings,
        instruments: CollectorInstruments,
    ) -> Self {
        Self { name: name.into(), collector: Mutex::new(collector), settings, instruments, state: Mutex::default() }
    }

    /// Starts a run, unless one has not ended or began a short while ago.
    pub(super) fn start_if_due(self: &Arc<Self>, now: Instant, shared: &Arc<Shared>) {
        {
            let mut state = self.state();
            let is_soon = |last: Instant| now.saturating_duration_since(last) < self.settings.interval;
            if state.run.is_some() || state.last_started.is_some_and(is_soon) {
                return;
            }
            let phase = match self.settings.wait {
                Wait::WithinBudget if !state.was_late => Phase::Awaited,
                Wait::WithinBudget | Wait::Never => Phase::Unawaited,
            };
            state.run = Some(Run { started: now, phase });
            state.last_started = Some(now);
        }
        if run::start(self, shared).is_err() {
            self.state().run = None;
            self.instruments.became(Outcome::NotStarted);
            shared.budget.diagnostics.report(Problem::SpawnFailed, &self.name);
        }
    }

    /// Whether the gather waits for its run.
    pub(super) fn is_awaited(&self) -> bool {
        self.state().run.as_ref().is_some_and(|run| run.phase == Phase::Awaited)
    }

    /// The run has ended, on whose thread this is.
    pub(super) fn ended(&self, end: End, shared: &Shared) {
        let now = shared.clock.now();
        let (outcome, measured, trouble) = match end {
            End::Measured(collection) => match collection.unshared {
                None => (Outcome::Ok, Some(collection), None),
                // Shown here all the same.
                Some(why) => (Outcome::Failed, Some(collection), Some(why.to_string())),
            },
            End::Failed(why) => (Outcome::Failed, None, Some(why)),
            End::Panicked => (Outcome::Panicked, None, Some("it panicked".to_owned())),
        };
        let was_failing = {
            let mut state = self.state();
            let Some(run) = state.run.take() else {
                return;
            };
            let took = now.saturating_duration_since(run.started);
            self.instruments.took(took);
            state.was_late = took > self.patience(shared);
            if run.phase != Phase::Late {
                self.instruments.became(if state.was_late { Outcome::Late } else { outcome });
            }
            if let Some(collection) = measured
                && let Standing::Measured { ago } = collection.standing
            {
                self.instruments.succeeded(shared.clock.unix_seconds());
                // A clock that is not as old shows it for a little longer.
                let began = run.started.checked_sub(ago).unwrap_or(run.started);
                state.measured = Some(Measured { collection, began });
            }
            std::mem::replace(&mut state.is_failing, trouble.is_some())
        };
        if let Some(trouble) = trouble {
            self.tell(&trouble, was_failing, shared);
        }
    }

    /// The gather goes on: notes whether the run is late and shows what was measured last.
    pub(super) fn conclude(&self, now: Instant, shared: &Shared) {
        let (is_late_now, refusals) = {
            let mut state = self.state();
            let patience = self.patience(shared);
            let overdue =
                |run: &&mut Run| run.phase != Phase::Late && now.saturating_duration_since(run.started) >= patience;
            let is_late_now = state.run.as_mut().filter(overdue).map(|run| run.phase = Phase::Late).is_some();
            state.was_late |= is_late_now;
            let refusals = state.measured.take().map(|measured| self.show(&mut state, measured));
            (is_late_now, refusals.unwrap_or_default())
        };
        if is_late_now {
            self.instruments.became(Outcome::Late);
            self.tell(&format!("it has not ended after {:?}", self.patience(shared)), false, shared);
        }
        for (family, refusals) in refusals {
            refusals.tell(&family);
        }
    }

    /// Takes what is too old out of the families.
    pub(super) fn let_go_of_stale(&self, now: Instant) {
        let mut state = self.state();
        let is_stale = |shown: &Shown| now.saturating_duration_since(shown.began) >= self.settings.fresh_for;
        let stale = state.shown.take_if(|shown| is_stale(shown));
        for family in stale.into_iter().flat_map(|shown| shown.families) {
            let _nothing = family.replace(&self.name, Rows::default());
        }
    }

    /// Replaces what is shown.
    fn show(&self, state: &mut State, Measured { collection, began }: Measured) -> Vec<(Arc<FamilyCore>, Refusals)> {
        let mut before = state.shown.take().map_or_else(Vec::new, |shown| shown.families);
        let (mut families, mut refusals) = (Vec::new(), Vec::new());
        for (family, rows) in collection.families {
            before.retain(|present| !Arc::ptr_eq(present, &family));
            refusals.push((Arc::clone(&family), family.replace(&self.name, rows)));
            families.push(family);
        }
        for family in before {
            let _nothing = family.replace(&self.name, Rows::default());
        }
        state.shown = Some(Shown { families, began });
        refusals
    }

    /// What a run may take without being late.
    fn patience(&self, shared: &Shared) -> Duration {
        match self.settings.wait {
            Wait::WithinBudget => shared.limit,
            // Nobody is kept waiting, but the next one is due.
            Wait::Never => self.settings.interval.max(shared.limit),
        }
    }

    fn tell(&self, trouble: &str, was_told: bool, shared: &Shared) {
        if was_told {
            shared.budget.diagnostics.count(Problem::CollectorFailed);
        } else {
            shared.budget.diagnostics.report(Problem::CollectorFailed, &format!("{}: {trouble}", self.name));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
