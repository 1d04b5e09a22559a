//! The handle through which everybody else sees the checks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::runtime::Handle;
use tokio::sync::broadcast;
#[cfg(feature = "grpc-health")]
use tokio::sync::watch;

use super::answer::{Answer, View};
use super::check::Registered;
use super::error::HealthError;
use super::fleet::Fleet;
use super::instruments::{HealthInstruments, StallInstruments};
use super::report::HealthReport;
use super::runner::{Schedule, Share, Shared, Tracked};
use super::state::Moment;
use super::transition::{self, Transition, Transitions};
use super::watchdog::Watchdog;
use crate::clock::Clock;
use crate::drain::Drain;
use crate::error::check_name;
use crate::metrics::{Meter, Scope};
use crate::store::lease::LeaseFamilies;

/// The running checks. Cloning shares them; dropping the last clone stops them.
///
/// Every question is answered from memory: one short lock, no I/O, no waiting.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    watchdog: Option<Watchdog>,
    liveness: Liveness,
    clock: Clock,
    drain: Drain,
    transitions: broadcast::WeakSender<Transition>,
}

/// What `/health/live` says yes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Liveness {
    /// The process answers.
    #[default]
    Answers,
    /// It answers, and its runtime has not been stalled for so long or longer. What is answered from another runtime
    /// than the stalled one, such as an admin server's, can say so.
    NotStalledFor(Duration),
}

/// What checks run in.
pub(crate) struct Surroundings {
    pub(crate) clock: Clock,
    pub(crate) drain: Drain,
    pub(crate) runtime: Option<Handle>,
    pub(crate) liveness: Liveness,
    /// What spreads runs.
    pub(crate) random: Rng,
    pub(crate) fleet: Fleet,
}

/// The names of the answers under `/health/`, which checks cannot have.
const RESERVED: [&str; 3] = ["live", "ready", "startup"];

impl Health {
    /// Starts the schedule; first runs begin at once, or after their initial delay.
    ///
    /// Checks are driven by `runtime`, each run on a thread of its own, so a runtime with one thread will do. Its I/O
    /// and time drivers must be enabled if a check uses them. `clock` decides what is due, `drain` when readiness ends.
    ///
    /// # Errors
    /// When a name is invalid, reserved or given twice, a setting breaks its rule, the metrics clash with others, there
    /// are checks and no runtime, or the system gives no thread.
    pub fn start(
        checks: Vec<Registered>,
        clock: Clock,
        drain: Drain,
        meter: &Meter,
        runtime: impl Into<Option<Handle>>,
    ) -> Result<Self, HealthError> {
        let (runtime, random) = (runtime.into(), Rng::new());
        let (liveness, fleet) = (Liveness::default(), Fleet::default());
        Self::start_in(checks, meter, Surroundings { clock, drain, runtime, liveness, random, fleet })
    }

    pub(crate) fn start_in(
        checks: Vec<Registered>,
        meter: &Meter,
        surroundings: Surroundings,
    ) -> Result<Self, HealthError> {
        let Surroundings { clock, drain, runtime, liveness, mut random, fleet } = surroundings;
        check_names(&checks)?;
        let stalls = StallInstruments::register(meter)?;
        let instruments = HealthInstruments::new(meter)?;
        let leases = LeaseFamilies::register(meter)?;
        let now = Moment::of(&clock);
        let mut track = |registered| {
            let ground = Ground { instruments: &instruments, leases: &leases, fleet: &fleet, clock: &clock, now };
            ground.track(registered, random.f64())
        };
        let checks: Vec<_> = checks.into_iter().map(&mut track).collect::<Result<_, _>>()?;
        let transitions = transition::channel();
        let weak_transitions = transitions.downgrade();
        let nothing_to_do = checks.is_empty();
        let report = HealthReport::new(checks.iter().map(Tracked::show).collect(), nothing_to_do);
        let shared = Shared::new(&clock, report);
        let watch = |runtime| Watchdog::start(runtime, &clock, stalls, meter.diagnostics());
        let watchdog = runtime.clone().map(watch);
        if !nothing_to_do {
            let runtime = runtime.ok_or(HealthError::NoRuntime)?;
            let startup_ends = Schedule::startup_ends(now);
            let diagnostics = meter.diagnostics().clone();
            let (clock, drain) = (clock.clone(), drain.clone());
            let schedule = Schedule { checks, clock, runtime, transitions, diagnostics, drain, random, startup_ends };
            schedule.spawn(Arc::clone(&shared)).map_err(HealthError::Thread)?;
        }
        Ok(Self(Arc::new(Inner { shared, watchdog, liveness, clock, drain, transitions: weak_transitions })))
    }

    /// What is known now. Cost: a read lock and a reference count; a copy only when something is stale.
    pub fn report(&self) -> Arc<HealthReport> {
        self.0.shared.report().read_at(self.0.clock.now())
    }

    /// Tells when something may have changed, which [`Health::report`] then says.
    #[cfg(feature = "grpc-health")]
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<HealthReport>> {
        self.0.shared.reports()
    }

    /// `/health`: the overall status and each check's; nothing else, so strangers may read it.
    pub fn summary(&self) -> Answer {
        self.view(View::statuses())
    }

    /// `/health` for operators: reasons, messages, facts and times. Secrets are scrubbed, but it names internals, so it
    /// belongs on the admin routes.
    pub fn details(&self) -> Answer {
        self.view(View::details())
    }

    /// What a view shows of everything.
    pub fn view(&self, view: View<'_>) -> Answer {
        let history = if view.shows_history() { self.history() } else { Vec::new() };
        Answer::of_report(&self.report(), &history, view)
    }

    /// What a view shows of one check; `None` if there is none of that name.
    pub fn check_view(&self, name: &str, view: View<'_>) -> Option<Answer> {
        self.report().check(name).map(|check| Answer::of_check(check, view))
    }

    /// `/health/live`: 200, whatever the dependencies do, unless [`Liveness`] asks for more.
    pub fn live(&self) -> Answer {
        let stalled = self.0.watchdog.as_ref().and_then(|watchdog| watchdog.stalled_for(self.0.clock.now()));
        match (self.0.liveness, stalled) {
            (Liveness::NotStalledFor(limit), Some(stalled)) if stalled >= limit => Answer::stalled(),
            _ => Answer::live(),
        }
    }

    /// `/health/ready`: 200 once started, until the process drains, while no gate holds it back.
    pub fn ready(&self) -> Answer {
        Answer::ready(&self.report(), self.0.drain.phase())
    }

    /// Whether [`Health::ready`] is 200.
    pub fn is_ready(&self) -> bool {
        self.ready().code == Answer::OK
    }

    /// `/health/startup`: 200 once every check has a first result, whatever it says, or after
    /// [`STARTUP_LIMIT`](super::STARTUP_LIMIT).
    pub fn startup(&self) -> Answer {
        Answer::startup(&self.report())
    }

    /// Runs every check now and returns what is known then. For people and deployments, not for requests: who calls while
    /// such a round is under way shares it, and a check that hangs ends it with its timeout.
    ///
    /// # Cancellation
    /// The runs go on.
    pub async fn refresh(&self) -> Arc<HealthReport> {
        if !self.report().checks().is_empty() {
            self.0.shared.refresh().await;
        }
        self.report()
    }

    /// The latest changes of status, at most 64, the oldest first. Those out of unknown are not among them.
    pub fn history(&self) -> Vec<Transition> {
        self.0.shared.history()
    }

    /// The changes of status from now on.
    pub fn subscribe(&self) -> Transitions {
        let receiver = match self.0.transitions.upgrade() {
            Some(sender) => sender.subscribe(),
            // Without checks there is no schedule that could tell anything.
            None => transition::channel().subscribe(),
        };
        Transitions::new(receiver)
    }
}

fn check_names(checks: &[Registered]) -> Result<(), HealthError> {
    for (index, registered) in checks.iter().enumerate() {
        let name = registered.name.as_str();
        check_name("check name", name)?;
        if RESERVED.contains(&name) {
            return Err(HealthError::ReservedName { name: name.to_owned() });
        }
        if checks[..index].iter().any(|earlier| earlier.name == name) {
            return Err(HealthError::DuplicateName { name: name.to_owned() });
        }
    }
    Ok(())
}

/// What a check is put on the schedule with.
struct Ground<'a> {
    instruments: &'a HealthInstruments,
    leases: &'a LeaseFamilies,
    fleet: &'a Fleet,
    clock: &'a Clock,
    now: Moment,
}

impl Ground<'_> {
    /// `phase` is where in a stretched interval this process has its turn.
    fn track(&self, registered: Registered, phase: f64) -> Result<Tracked, HealthError> {
        let Self { instruments, leases, fleet, clock, now } = *self;
        let Registered { name, mut check, options } = registered;
        check.use_clock(clock);
        let settings = options
            .or(check.defaults())
            .resolve_in(fleet, &name)
            .map_err(|invalid| HealthError::InvalidOption { check: name.clone(), invalid })?;
        let instruments = instruments.of_check(&name, &settings);
        let lease = fleet.lease.clone().filter(|_| settings.scope == Scope::Shared);
        let share = lease.map(|lease| {
            let job = format!("check/{name}");
            Share::new(lease, &job, Arc::clone(&fleet.holder), leases.of_job(&job), now.instant, phase)
        });
        Ok(Tracked::new(&name, check, settings, instruments, share, now))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report();
        f.debug_map().entries(report.checks().iter().map(|check| (&check.name, check.status))).finish()
    }
}
