//! One check on the schedule: when it is due, what its run is doing, what is known of it.

mod shared;
mod shown;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::STUCK_AFTER;
use super::gate::Gate;
use super::run::{Abort, RunEnd};
use super::share::Share;
use super::tenure::Role;
use crate::health::check::DynCheck;
use crate::health::instruments::{CheckInstruments, Ended};
use crate::health::outcome::CheckFailure;
use crate::health::report::STALE;
use crate::health::settings::{EARLIER_AT_MOST, Settings};
use crate::health::state::{Moment, State};
use crate::health::transition::Transition;

/// A check with all that the schedule knows of it.
pub(in crate::health) struct Tracked {
    pub(super) name: Arc<str>,
    pub(super) check: Arc<dyn DynCheck>,
    dependency: Arc<str>,
    tags: Arc<[String]>,
    settings: Settings,
    instruments: CheckInstruments,
    state: State,
    gate: Gate,
    run: Option<Run>,
    due: Instant,
    /// When a result last came in; before the first one, when it was first due.
    last_result: Instant,
    has_result: bool,
    duration: Option<Duration>,
    certificate_not_after: Option<SystemTime>,
    refresh: Refresh,
    /// If it has a lease.
    share: Option<Share>,
}

/// Whether somebody waits for a run that has not begun before he asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refresh {
    None,
    Wanted,
    Running,
}

/// A run whose thread has not ended.
struct Run {
    started: Instant,
    phase: Phase,
    /// As what it was begun.
    role: Role,
}

enum Phase {
    /// Until the timeout. Dropping the abort is what aborts.
    Running { _abort: Abort },
    /// Aborted; its thread has a moment to end.
    Ending { give_up: Instant },
    /// Its thread is blocked. The result has been told; the end of the thread is awaited.
    Stuck,
}

/// What the schedule must do after a look at the clock.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    Nothing,
    StartRun,
}

impl Tracked {
    pub(in crate::health) fn new(
        name: &str,
        check: Box<dyn DynCheck>,
        settings: Settings,
        instruments: CheckInstruments,
        share: Option<Share>,
        now: Moment,
    ) -> Self {
        let due = now.instant + settings.initial_delay;
        let mut tracked = Self {
            name: name.into(),
            check: Arc::from(check),
            dependency: settings.dependency.as_str().into(),
            tags: settings.tags.as_slice().into(),
            state: State::new(&settings, now),
            settings,
            instruments,
            gate: Gate::Open,
            run: None,
            due,
            last_result: due,
            has_result: false,
            duration: None,
            certificate_not_after: None,
            refresh: Refresh::None,
            share,
        };
        tracked.swing_gate(now.instant);
        tracked
    }

    /// Looks at the clock: aborts what is too long, gives up what does not end, and says whether a run is due.
    pub(super) fn tick(&mut self, now: Moment, told: &mut Told<'_>) -> Duty {
        self.take_role(now.instant);
        self.look_for_an_excuse(now, told);
        if let Some(run) = &mut self.run {
            let timeout = run.started + self.settings.timeout;
            match run.phase {
                Phase::Running { .. } if now.instant >= timeout => {
                    // From now, not from the timeout: its thread could not know earlier.
                    run.phase = Phase::Ending { give_up: now.instant + STUCK_AFTER };
                }
                Phase::Ending { give_up } if now.instant >= give_up => {
                    run.phase = Phase::Stuck;
                    let (started, begun_as) = (run.started, run.role);
                    self.refresh = Refresh::None;
                    self.finished(Ended::Stuck, now.instant.saturating_duration_since(started));
                    if !self.is_overtaken(begun_as, now.instant) {
                        self.failed(&stuck(), now, told);
                        self.schedule_after(started, now);
                    }
                }
                _ => {}
            }
        }
        let duty = match &self.run {
            _ if now.instant < self.due || !self.may_run(now.instant) => Duty::Nothing,
            None => Duty::StartRun,
            Some(Run { phase: Phase::Stuck, .. }) => {
                self.failed(&stuck(), now, told);
                self.refresh = Refresh::None;
                self.due = now.instant + self.stretched(self.settings.interval, now.instant);
                self.schedule_after(now.instant, now);
                Duty::Nothing
            }
            // Its end makes it due.
            Some(_) => Duty::Nothing,
        };
        self.swing_gate(now.instant);
        duty
    }

    /// Makes a run due now, also if one is under way: that one may have looked before somebody wanted to know.
    pub(super) fn want_refresh(&mut self, now: Instant) {
        self.refresh = Refresh::Wanted;
        self.due = self.due.min(now);
        if let Some(share) = &mut self.share {
            share.hurry(now);
        }
    }

    pub(super) fn is_refreshed(&self) -> bool {
        self.refresh == Refresh::None
    }

    /// A run has begun. `chance` is a random number from 0 to 1.
    pub(super) fn started(&mut self, abort: Abort, now: Moment, chance: f64) {
        if self.refresh == Refresh::Wanted {
            self.refresh = Refresh::Running;
        }
        let role = self.role(now.instant);
        self.run = Some(Run { started: now.instant, phase: Phase::Running { _abort: abort }, role });
        let interval = self.stretched(self.settings.interval_after(self.state.failures_of_outage()), now.instant);
        // Replicas that were started together, and run in turn, find their turns with the second run.
        let finds_its_turn = self.duration.is_none() && self.stretch(now.instant) > 1;
        self.due = now.instant + interval.mul_f64(if finds_its_turn { chance } else { 1.0 - EARLIER_AT_MOST * chance });
    }

    /// A run was due and could not begin.
    pub(super) fn not_started(&mut self, now: Moment, told: &mut Told<'_>) {
        self.due = now.instant + self.stretched(self.settings.interval, now.instant);
        self.refresh = Refresh::None;
        if now.instant >= self.last_result + self.settings.stale_after {
            let failure = CheckFailure::new(STALE, "the system gives no thread to run the check on");
            self.failed(&failure, now, told);
            self.swing_gate(now.instant);
        }
    }

    /// A run's thread has ended.
    pub(super) fn ended(&mut self, end: RunEnd, now: Moment, told: &mut Told<'_>) {
        let Some(run) = self.run.take() else {
            return;
        };
        if matches!(run.phase, Phase::Stuck) {
            // Too late to be an answer, and already told. The next run says how things are.
            self.due = now.instant;
            return;
        }
        if self.refresh == Refresh::Running {
            self.refresh = Refresh::None;
        }
        let took = now.instant.saturating_duration_since(run.started);
        self.take_role(now.instant);
        self.look_for_an_excuse(now, told);
        let (ended, outcome) = match end {
            RunEnd::Answered(Ok(report)) => (Ended::Ok, Ok(report)),
            RunEnd::Answered(Err(failure)) => (Ended::Failed, Err(failure)),
            RunEnd::Aborted => {
                let message = format!("no answer within {:?}", self.settings.timeout);
                (Ended::Timeout, Err(CheckFailure::new("timeout", message)))
            }
            RunEnd::Panicked => (Ended::Panicked, Err(CheckFailure::new("panicked", "the check panicked"))),
        };
        self.finished(ended, took);
        if self.is_overtaken(run.role, now.instant) {
            return;
        }
        match outcome {
            Ok(report) => {
                let change = self.state.report(report, now);
                self.has_result(now);
                self.instruments.succeeded(unix_seconds(now.wall));
                self.changed(change, now, told);
            }
            Err(failure) => self.failed(&failure, now, told),
        }
        self.schedule_after(run.started, now);
        if let Some(share) = &mut self.share {
            share.hurry(now.instant);
        }
        self.swing_gate(now.instant);
    }

    /// Brings the next run forward while failures settle. No run is due in the past.
    fn schedule_after(&mut self, started: Instant, now: Moment) {
        if self.state.is_settling() {
            self.due = self.due.min(started + self.stretched(self.settings.settling_interval(), now.instant));
        }
        self.due = self.due.max(now.instant);
    }

    /// When something happens next without anybody ringing.
    pub(super) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let due = if self.may_run(now) { self.due } else { self.due.max(self.last_result + self.settings.stale_after) };
        let of_run = match &self.run {
            None => due,
            Some(Run { started, phase: Phase::Running { .. }, .. }) => *started + self.settings.timeout,
            Some(Run { phase: Phase::Ending { give_up }, .. }) => *give_up,
            Some(Run { phase: Phase::Stuck, .. }) => due,
        };
        let of_lease = self.share.as_ref().map(Share::next_deadline);
        [Some(of_run), self.gate.next_deadline(), of_lease].into_iter().flatten().min()
    }

    /// Whether a run has ever had a result, whatever it was.
    pub(super) const fn is_known(&self) -> bool {
        self.has_result
    }

    fn look_for_an_excuse(&mut self, now: Moment, told: &mut Told<'_>) {
        let excuse = self.settings.excuse(now.wall);
        self.instruments.excuse(excuse);
        if !self.may_run(now.instant) {
            // Whoever runs it says what failures are worth.
            return;
        }
        let change = self.state.excuse(excuse, now);
        self.changed(change, now, told);
    }

    fn finished(&mut self, ended: Ended, took: Duration) {
        self.duration = Some(took);
        self.instruments.ran(ended, took);
    }

    fn has_result(&mut self, now: Moment) {
        self.has_result = true;
        self.last_result = now.instant;
    }

    fn failed(&mut self, failure: &CheckFailure, now: Moment, told: &mut Told<'_>) {
        let change = self.state.failure(failure, now);
        self.has_result(now);
        self.changed(change, now, told);
    }
}

/// Who hears of a transition.
pub(super) type Told<'a> = dyn FnMut(Transition) + 'a;

fn stuck() -> CheckFailure {
    CheckFailure::new("stuck", "the check blocks its thread and does not end; no other run starts until it does")
}

fn unix_seconds(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
