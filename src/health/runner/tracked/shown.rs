//! What others see of a check: its state, its transitions, whether it holds readiness, when its certificate ends.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::super::GATE_LIMIT;
use super::super::gate::Gate;
use super::{Told, Tracked, unix_seconds};
use crate::health::report::CheckState;
use crate::health::state::{Change, Moment};
use crate::health::status::{Gates, Status};
use crate::health::transition::Transition;

impl Tracked {
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

    /// The peer showed a certificate that ends then.
    pub(in crate::health::runner) fn saw_certificate(&mut self, not_after: SystemTime) {
        self.certificate_not_after = Some(not_after);
        self.instruments.certificate_ends(unix_seconds(not_after));
    }

    pub(super) fn changed(&mut self, change: Option<Change>, now: Moment, told: &mut Told<'_>) {
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
            bad_for: change.bad_since.map_or(Duration::ZERO, |since| now.instant.saturating_duration_since(since)),
        };
        transition.log(&self.state.message);
        if change.from != Status::Unknown {
            self.instruments.changed_to(change.to);
            told(transition);
        }
    }

    /// Brings the gate in line with the status and the time.
    pub(super) fn swing_gate(&mut self, now: Instant) {
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
