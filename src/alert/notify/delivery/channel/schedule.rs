//! When a group is looked at next.

use std::time::{Duration, Instant};

use super::super::agenda::{Due, Why};
use super::super::group::{Group, Known};
use super::Channel;
use crate::alert::Severity;
use crate::alert::notify::alert::AlertStatus;
use crate::alert::notify::fingerprint::Fingerprint;
use crate::alert::notify::notifier::{Belief, rank};

impl Channel {
    /// Lets nothing wait for others any more.
    pub(in crate::alert::notify::delivery) fn hurry(&mut self, now: Instant) {
        let waiting = self.groups.iter().filter(|(_, group)| group.due.is_some_and(|due| due.why == Why::News));
        let keys: Vec<_> = waiting.map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.schedule(key, now, Why::News));
    }

    /// Looks at everything again that may have been held back.
    pub(in crate::alert::notify::delivery) fn reconsider(&mut self, now: Instant) {
        let held_back = |group: &Group| group.members.values().any(|member| member.known == Known::Nothing);
        let keys: Vec<_> = self.groups.iter().filter(|(_, group)| held_back(group)).map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.has_news(key, now));
    }

    /// A group has something to be told: after a window, in which others may join it.
    pub(super) fn has_news(&mut self, key: Fingerprint, now: Instant) {
        let Some(group) = self.groups.get(&key) else { return };
        let is_critical = group.rank() == rank(Severity::Critical);
        let window = match self.profile.belief {
            // What groups for itself has a window of its own.
            Belief::Expiring { .. } => Duration::ZERO,
            Belief::Lasting if is_critical => self.timing.critical_window,
            Belief::Lasting => self.timing.window,
        };
        let known = group.due.filter(|due| due.why == Why::News).map(|due| due.at);
        let at = match (known, group.failing) {
            // It has its turn.
            (Some(at), Some(_)) => at,
            (Some(at), None) => at.min(now + window),
            (None, _) => now + window,
        };
        self.schedule(key, at, Why::News);
    }

    pub(super) fn repeat_after(&self) -> Duration {
        match self.profile.belief {
            Belief::Lasting => self.timing.repeat,
            Belief::Expiring { repeat_every } => repeat_every,
        }
    }

    /// When a group without news is to be looked at again.
    pub(super) fn upkeep_at(&self, key: Fingerprint) -> Option<Instant> {
        let group = self.groups.get(&key)?;
        let fires = group.members.values().any(|member| member.alert.status == AlertStatus::Firing);
        let repeat = group.told_at.filter(|_| fires).map(|at| at + self.repeat_after());
        [repeat, group.unconfirmed_until()].into_iter().flatten().min()
    }

    pub(super) fn schedule(&mut self, key: Fingerprint, at: Instant, why: Why) {
        self.set_due(key, Some((at, why)));
    }

    pub(super) fn set_due(&mut self, key: Fingerprint, due: Option<(Instant, Why)>) {
        if let Some(group) = self.groups.get_mut(&key) {
            let due = due.map(|(at, why)| Due { at, rank: group.rank(), why });
            self.agenda.replace(key, group.due, due);
            group.due = due;
        }
    }
}
