//! One grace period: its time, its pauses, what is left of it.

use std::time::{Duration, SystemTime};

use super::GraceError;

/// The time that a grace period is for, without its pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraceSpan {
    /// Its start.
    pub from: SystemTime,
    /// Its end, unless it is paused meanwhile.
    pub until: SystemTime,
}

/// A grace period that is open already when its ledger is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenPeriod {
    /// The time that it is for.
    pub span: GraceSpan,
    /// How long it was paused so far, a pause that is under way not included.
    pub paused_for: Duration,
    /// Since when it is paused, if it is.
    pub paused_since: Option<SystemTime>,
}

impl OpenPeriod {
    /// A period that was never paused.
    pub const fn new(span: GraceSpan) -> Self {
        Self { span, paused_for: Duration::ZERO, paused_since: None }
    }

    /// How long it was paused until now.
    pub(super) fn paused_by(&self, now: SystemTime) -> Duration {
        let pause = self.paused_since.map_or(Duration::ZERO, |since| now.duration_since(since).unwrap_or_default());
        self.paused_for.saturating_add(pause)
    }

    /// What is left of it, zero when it is over; `None` while it is paused.
    pub(super) fn time_left(&self, now: SystemTime) -> Option<Duration> {
        if self.paused_since.is_some() {
            return None;
        }
        let left = self.span.until.duration_since(now).unwrap_or_default();
        let over = now.duration_since(self.span.until).unwrap_or_default();
        Some(left.saturating_add(self.paused_for.saturating_sub(over)))
    }

    pub(super) fn check_is_over(&self, now: SystemTime) -> Result<(), GraceError> {
        match self.time_left(now) {
            None => Err(GraceError::Paused),
            Some(Duration::ZERO) => Ok(()),
            Some(left) => Err(GraceError::NotOver { left }),
        }
    }

    /// The share of it that is used, 0 to 1.
    pub(super) fn used_by(&self, now: SystemTime) -> f64 {
        let length = self.span.until.duration_since(self.span.from).unwrap_or_default();
        let passed = now.duration_since(self.span.from).unwrap_or_default().saturating_sub(self.paused_by(now));
        passed.min(length).div_duration_f64(length)
    }
}
