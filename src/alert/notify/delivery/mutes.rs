//! What holds alerts back that fire.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::super::alert::Alert;
use super::causes::Causes;
use super::maintenance::QuietTime;
use super::silence::Silences;
use crate::alert::HeldBack;

/// Everything that holds alerts back. Cloning shares it.
#[derive(Clone)]
pub(super) struct Mutes {
    pub(super) silences: Silences,
    pub(super) causes: Arc<Causes>,
    maintenance: Arc<[QuietTime]>,
}

/// How long an alert is held back, if nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    Until(Instant),
    /// Whoever lifts it has everything looked at again.
    UntilLifted,
}

impl Mutes {
    pub(super) fn new(causes: Causes, maintenance: Vec<QuietTime>) -> Self {
        Self { silences: Silences::default(), causes: Arc::new(causes), maintenance: maintenance.into() }
    }

    /// Why an alert is held back, and for how long at least; `None` if it is not.
    pub(super) fn holds(&self, alert: &Alert, now: Instant, wall: SystemTime) -> Option<(HeldBack, Held)> {
        let inhibited = self.causes.mute(alert, now).map(|(by, held)| (HeldBack::Inhibited { by }, held));
        let silenced = self.silences.until(alert, wall).map(|until| (HeldBack::Silenced, at(until, now, wall)));
        let quiet = self.maintenance.iter().find(|quiet| quiet.holds_back(alert, wall)).map(|quiet| {
            let why = HeldBack::Maintenance { interval: quiet.name().to_owned() };
            (why, at(next_minute(wall), now, wall))
        });
        inhibited.into_iter().chain(silenced).chain(quiet).max_by_key(|(_, held)| *held)
    }
}

/// Intervals begin and end with a minute.
fn next_minute(wall: SystemTime) -> SystemTime {
    let since = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs((since.as_secs() / 60 + 1) * 60)
}

/// A moment of the wall's clock that is to come, by ours.
fn at(until: SystemTime, now: Instant, wall: SystemTime) -> Held {
    let ends_in = until.duration_since(wall).unwrap_or_default();
    now.checked_add(ends_in).map_or(Held::UntilLifted, Held::Until)
}
