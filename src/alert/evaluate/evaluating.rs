//! The thread that evaluates rules.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::evaluator::Evaluator;
use super::instruments::Instruments;
use super::options::{Evaluation, OnChange};
use super::report::AlertReport;
use crate::alert::rule::RuleError;
use crate::alert::set::RuleSet;
use crate::clock::{Alarm, Clock};
use crate::diagnostics::{Diagnostics, Problem};
use crate::fence::fenced;
use crate::metrics::{DefinitionError, Meter, Registry};

/// Rules that are evaluated on a thread of their own. Cloning shares it; with the last clone the thread ends.
///
/// Each evaluation runs the collectors that are due, as a scrape does, and takes a snapshot. Requests wait for nothing of it.
#[derive(Clone)]
pub struct Evaluating(Arc<Owner>);

/// Why rules are not evaluated in the process.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A rule does not fit the catalog.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A metric of the evaluator's clashes with another.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The numbers are with a recorder of the host's.
    #[error(
        "rules are evaluated over the numbers in our own registry, and `report_to` sends them to the host's recorder"
    )]
    NoNumbers,
    /// Each of several replicas would tell people by itself, through a delivery that was built for a single one.
    #[cfg(feature = "notify")]
    #[error(
        "there are {replicas} replicas, and each would tell {destination:?} as if it were alone (Replicas::One): push to an Alertmanager (Replicas::Several), share a lease (Replicas::Leased), or run one replica"
    )]
    NeedsOneReplica {
        /// The name of the destination.
        destination: String,
        /// How many replicas the service is declared to have.
        replicas: u32,
    },
    /// There are rules that are evaluated already.
    #[error("rules are evaluated already: give all of them at once")]
    Twice,
    /// The system gives no thread.
    #[error("the thread that evaluates rules could not be started")]
    Thread(#[source] io::Error),
}

struct Owner(Arc<Shared>);

struct Shared {
    alarm: Arc<Alarm>,
    stopped: AtomicBool,
    report: Mutex<Arc<AlertReport>>,
    #[cfg(feature = "notify")]
    telling: Option<super::telling::Telling>,
}

impl Evaluating {
    /// Starts to evaluate those of the rules that a process can, now and then every so often.
    ///
    /// # Errors
    /// When the numbers are not in the registry, several replicas would each tell people through a delivery for one, a
    /// definition clashes, or there is no thread to be had.
    pub fn start(
        rules: &RuleSet,
        options: Evaluation,
        registry: &Registry,
        clock: &Clock,
    ) -> Result<Self, EvaluateError> {
        if !registry.keeps_numbers() {
            return Err(EvaluateError::NoNumbers);
        }
        #[cfg(feature = "notify")]
        options.check_delivery()?;
        let (every, on_change) = (options.every, options.on_change.clone());
        #[cfg(feature = "notify")]
        let telling =
            options.delivery.clone().map(|delivery| super::telling::Telling::new(delivery, &options.identity, rules));
        let evaluator = Evaluator::new(rules, options, clock.clone());
        let meter = Meter::new(registry);
        let instruments = Instruments::register(&meter, &evaluator)?;
        let report = Mutex::new(Arc::new(AlertReport::of(&evaluator, None)));
        let shared = Arc::new(Shared {
            alarm: Alarm::new(clock),
            stopped: AtomicBool::new(false),
            report,
            #[cfg(feature = "notify")]
            telling,
        });
        let duty = Duty {
            evaluator,
            instruments,
            every,
            on_change,
            diagnostics: meter.diagnostics().clone(),
            registry: registry.clone(),
            clock: clock.clone(),
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new().name("alert-rules".to_owned());
        thread.spawn(move || duty.keep()).map_err(EvaluateError::Thread)?;
        Ok(Self(Arc::new(Owner(shared))))
    }

    /// How everything stands since the last evaluation, and what is held back at the moment. Cost: a short lock, and with a
    /// delivery a copy of the alerts.
    pub fn report(&self) -> Arc<AlertReport> {
        let shared = &self.0.0;
        #[cfg(feature = "notify")]
        if let Some(telling) = &shared.telling {
            let report = Arc::clone(&shared.report());
            let mut report = AlertReport::clone(&report);
            telling.note_held_back(&mut report.alerts);
            return Arc::new(report);
        }
        Arc::clone(&shared.report())
    }
}

#[cfg(feature = "notify")]
impl Evaluating {
    /// Tells of a rule as if it fired, by [`Delivery::drill`](crate::alert::notify::Delivery::drill).
    ///
    /// # Errors
    /// When there is no such rule, the process does not evaluate it, or nobody is told of it.
    pub fn drill(&self, rule: &str) -> Result<crate::alert::notify::Drill, crate::alert::notify::DrillError> {
        let shared = &self.0.0;
        if let Some(refused) = shared.report().refused.iter().find(|refused| refused.rule == rule) {
            return Err(refused.clone().into());
        }
        shared.telling.as_ref().ok_or(crate::alert::notify::DrillError::NoDelivery)?.drill(rule)
    }
}

impl fmt::Debug for Evaluating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report();
        f.debug_struct("Evaluating").field("rules", &report.rules.len()).finish_non_exhaustive()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Ordering: nothing but the flag is read because of it, and the alarm's lock orders the store before the wake.
        self.0.stopped.store(true, Ordering::Relaxed);
        self.0.alarm.ring();
    }
}

impl Shared {
    fn report(&self) -> MutexGuard<'_, Arc<AlertReport>> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread holds.
struct Duty {
    evaluator: Evaluator,
    instruments: Instruments,
    every: Duration,
    on_change: Option<Arc<OnChange>>,
    diagnostics: Diagnostics,
    registry: Registry,
    clock: Clock,
    shared: Arc<Shared>,
}

impl Duty {
    fn keep(mut self) {
        let mut due = self.clock.now();
        loop {
            // Ordering: see where it is stored.
            if self.shared.stopped.load(Ordering::Relaxed) {
                return;
            }
            self.evaluate();
            due = self.next(due);
            self.shared.alarm.wait(Some(due));
        }
    }

    /// The next moment that is due. Those that are over already are left out, so that a process which stood still does not
    /// evaluate the same numbers again and again.
    fn next(&self, due: Instant) -> Instant {
        let late = self.clock.now().saturating_duration_since(due);
        let missed = u32::try_from(late.as_nanos() / self.every.as_nanos()).unwrap_or(u32::MAX);
        self.instruments.missed(missed.into());
        due + self.every.saturating_mul(missed.saturating_add(1))
    }

    fn evaluate(&mut self) {
        let began = self.clock.now();
        self.registry.collect();
        let changes = self.evaluator.step(&self.registry.snapshot());
        let wall = self.clock.wall();
        // Before anybody is told, so that whoever looks because of it sees it.
        *self.shared.report() = Arc::new(AlertReport::of(&self.evaluator, Some(wall)));
        #[cfg(feature = "notify")]
        if let Some(telling) = &self.shared.telling {
            let report = Arc::clone(&self.shared.report());
            telling.tell(&report.alerts, &changes);
        }
        if let Some(on_change) = &self.on_change {
            for change in &changes {
                if fenced(|| on_change(change)).is_none() {
                    self.diagnostics.report(Problem::NotificationFailed, change.alert.name());
                }
            }
        }
        self.instruments.evaluated(&self.evaluator, self.clock.now().saturating_duration_since(began), wall);
    }
}
