//! Whether one check holds readiness back.

use std::time::Instant;

use super::GATE_LIMIT;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    Closed {
        since: Instant,
    },
    /// It would still hold readiness back, but has done so too long.
    FailedOpen,
}

impl Gate {
    /// The gate at a moment, for a check that would or would not hold readiness back.
    pub(super) fn swung(self, would_hold: bool, now: Instant) -> Self {
        match self {
            _ if !would_hold => Self::Open,
            Self::Open => Self::Closed { since: now },
            Self::Closed { since } if now >= since + GATE_LIMIT => Self::FailedOpen,
            unchanged => unchanged,
        }
    }

    pub(super) const fn is_closed(self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// When it swings by itself.
    pub(super) fn next_deadline(self) -> Option<Instant> {
        match self {
            Self::Closed { since } => Some(since + GATE_LIMIT),
            Self::Open | Self::FailedOpen => None,
        }
    }
}
