//! What holds alerts back that fire.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::super::alert::Alert;
use super::causes::Causes;
use super::silence::Silences;
use crate::alert::HeldBack;

/// Everything that holds alerts back. Cloning shares it.
#[derive(Clone)]
pub(super) struct Mutes {
    pub(super) silences: Silences,
    pub(super) causes: Arc<Causes>,
}

/// How long an alert is held back, if nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    Until(Instant),
    /// Whoever lifts it has everything looked at again.
    UntilLifted,
}

impl Mutes {
    pub(super) fn new(causes: Causes) -> Self {
        Self { silences: Silences::default(), causes: Arc::new(causes) }
    }

    /// Why an alert is held back, and for how long at least; `None` if it is not.
    pub(super) fn holds(&self, alert: &Alert, now: Instant, wall: SystemTime) -> Option<(HeldBack, Held)> {
        let inhibited = self.causes.mute(alert, now).map(|(by, held)| (HeldBack::Inhibited { by }, held));
        let silenced = self.silences.until(alert, wall).map(|until| (HeldBack::Silenced, at(until, now, wall)));
        inhibited.into_iter().chain(silenced).max_by_key(|(_, held)| *held)
    }
}

/// A moment of the wall's clock that is to come, by ours.
fn at(until: SystemTime, now: Instant, wall: SystemTime) -> Held {
    let ends_in = until.duration_since(wall).unwrap_or_default();
    now.checked_add(ends_in).map_or(Held::UntilLifted, Held::Until)
}
