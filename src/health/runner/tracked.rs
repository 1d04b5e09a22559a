//! One check on the schedule: when it is due, what its run is doing, what is known of it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::gate::Gate;
use super::run::{Abort, RunEnd};
use super::{GATE_LIMIT, STUCK_AFTER};
use crate::health::check::DynCheck;
use crate::health::instruments::{CheckInstruments, Ended};
use crate::health::options::Settings;
use crate::health::outcome::CheckFailure;
use crate::health::report::{CheckState, STALE};
use crate::health::state::{Change, Moment, State};
use crate::health::status::{Gates, Status};
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
    refresh: Refresh,
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
            refresh: Refresh::None,
        };
        tracked.swing_gate(now.instant);
        tracked
    }

    /// Looks at the clock: aborts what is too long, gives up what does not end, and says whether a run is due.
    pub(super) fn tick(&mut self, now: Moment, told: &mut Told<'_>) -> Duty {
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
                    let started = run.started;
                    self.refresh = Refresh::None;
                    self.finished(Ended::Stuck, now.instant.saturating_duration_since(started));
                    self.failed(&stuck(), now, told);
                    self.schedule_after(started, now);
                }
                _ => {}
            }
        }
        let duty = match &self.run {
            _ if now.instant < self.due => Duty::Nothing,
            None => Duty::StartRun,
            Some(Run { phase: Phase::Stuck, .. }) => {
                self.failed(&stuck(), now, told);
                self.refresh = Refresh::None;
                self.due = now.instant + self.settings.interval;
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
    }

    pub(super) fn is_refreshed(&self) -> bool {
        self.refresh == Refresh::None
    }

    /// A run has begun.
    pub(super) fn started(&mut self, abort: Abort, now: Moment, spread: f64) {
        if self.refresh == Refresh::Wanted {
            self.refresh = Refresh::Running;
        }
        self.run = Some(Run { started: now.instant, phase: Phase::Running { _abort: abort } });
        self.due = now.instant + self.settings.interval_after(self.state.failures_of_outage()).mul_f64(spread);
    }

    /// A run was due and could not begin.
    pub(super) fn not_started(&mut self, now: Moment, told: &mut Told<'_>) {
        self.due = now.instant + self.settings.interval;
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
        self.look_for_an_excuse(now, told);
        match end {
            RunEnd::Answered(Ok(report)) => {
                self.finished(Ended::Ok, took);
                let change = self.state.report(report, now);
                self.has_result(now);
                self.instruments.succeeded(unix_seconds(now.wall));
                self.changed(change, now, told);
            }
            RunEnd::Answered(Err(failure)) => {
                self.finished(Ended::Failed, took);
                self.failed(&failure, now, told);
            }
            RunEnd::Aborted => {
                self.finished(Ended::Timeout, took);
                let message = format!("no answer within {:?}", self.settings.timeout);
                self.failed(&CheckFailure::new("timeout", message), now, told);
            }
            RunEnd::Panicked => {
                self.finished(Ended::Panicked, took);
                self.failed(&CheckFailure::new("panicked", "the check panicked"), now, told);
            }
        }
        self.schedule_after(run.started, now);
        self.swing_gate(now.instant);
    }

    /// The peer showed a certificate that ends then.
    pub(super) fn saw_certificate(&self, not_after: SystemTime) {
        self.instruments.certificate_ends(unix_seconds(not_after));
    }

    /// Brings the next run forward while failures settle. No run is due in the past.
    fn schedule_after(&mut self, started: Instant, now: Moment) {
        if self.state.is_settling() {
            self.due = self.due.min(started + self.settings.settling_interval());
        }
        self.due = self.due.max(now.instant);
    }

    /// When something happens next without anybody ringing.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let of_run = match &self.run {
            None => Some(self.due),
            Some(Run { started, phase: Phase::Running { .. } }) => Some(*started + self.settings.timeout),
            Some(Run { phase: Phase::Ending { give_up }, .. }) => Some(*give_up),
            Some(Run { phase: Phase::Stuck, .. }) => Some(self.due),
        };
        of_run.into_iter().chain(self.gate.next_deadline()).min()
    }

    /// Whether a run has ever had a result, whatever it was.
    pub(super) const fn is_known(&self) -> bool {
        self.has_result
    }

    pub(in crate::health) fn show(&self) -> CheckState {
        let state = &self.state;
        CheckState {
            name: Arc::clone(&self.name),
            dependency: Arc::clone(&self.dependency),
            impact: self.settings.impact,
            severity: self.settings.severity,
            gates: self.settings.gates,
            kind: self.settings.kind,
            tags: Arc::clone(&self.tags),
            detected_within: self.settings.detected_within,
            status: state.status,
            reason: state.reason,
            message: state.message.clone(),
            data: state.data.clone(),
            since: state.since.wall,
            last_success: state.last_success,
            last_failure: state.last_failure.clone(),
            consecutive_failures: state.consecutive_failures,
            duration: self.duration,
            holds_ready: self.gate.is_closed(),
            fresh_until: self.has_result.then(|| self.last_result + self.settings.stale_after),
        }
    }

    fn look_for_an_excuse(&mut self, now: Moment, told: &mut Told<'_>) {
        let excuse = self.settings.excuse(now.wall);
        self.instruments.excuse(excuse);
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

    fn changed(&mut self, change: Option<Change>, now: Moment, told: &mut Told<'_>) {
        let Some(change) = change else {
            return;
        };
        self.instruments.show(change.to);
        let transition = Transition {
            check: Arc::clone(&self.name),
            dependency: Arc::clone(&self.dependency),
            from: change.from,
            to: change.to,
            reason: self.state.reason,
            severity: self.settings.severity,
            at: now.wall,
            lasted: now.instant.saturating_duration_since(change.began),
        };
        transition.log(&self.state.message);
        if change.from != Status::Unknown {
            self.instruments.changed_to(change.to);
            told(transition);
        }
    }

    /// Brings the gate in line with the status and the time.
    fn swing_gate(&mut self, now: Instant) {
        let would_hold =
            self.settings.gates == Gates::Ready && matches!(self.state.status, Status::Unhealthy | Status::Unknown);
        let swung = self.gate.swung(would_hold, now);
        let before = std::mem::replace(&mut self.gate, swung);
        if self.gate == Gate::FailedOpen && before != Gate::FailedOpen {
            self.instruments.failed_open();
            tracing::warn!(
                check = &*self.name,
                dependency = &*self.dependency,
                reason = self.state.reason,
                held_seconds = GATE_LIMIT.as_secs(),
                "readiness no longer waits for a health check"
            );
        }
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
